"""Ask a pruner that only Optuna knows whether a trial should stop, beside the objective."""

from __future__ import annotations

from itertools import islice
from typing import Any

from hyperbridge.worker.verdicts import Losses, Verdict


class InStudy(Verdict):
    """Ask an Optuna pruner of another kind, in a study made of the trials that are known.

    Optuna must be installed where the trial runs. ``known`` is ``(study_name, trials, trial)``,
    each trial as the arguments of ``optuna.trial.create_trial``, with distributions as JSON.
    """

    def __init__(self, settings: dict[str, Any]) -> None:
        super().__init__(settings)
        self._made_for: Any = None
        self._trial: Any = None
        self._n_told = 0

    def __call__(self, losses: Losses, known: Any) -> bool:
        """See `Verdict`."""
        if self._made_for is not known:
            self._trial = self._make(known)
            self._made_for = known
            self._n_told = 0
        new = list(islice(reversed(losses.items()), len(losses) - self._n_told))
        for step, loss in reversed(new):
            self._trial.report(loss, step)
        self._n_told = len(losses)
        return bool(self._trial.should_prune())

    def _make(self, known: Any) -> Any:
        import optuna

        study_name, trials, running = known
        study = optuna.study.Study(
            study_name=study_name,
            storage=_new_storage(optuna, study_name),
            pruner=self.settings["pruner"],
        )
        study.add_trials([_created(optuna, each) for each in trials])
        template = _created(optuna, running)
        trial_id = study._storage.create_new_trial(study._study_id, template_trial=template)
        return optuna.Trial(study, trial_id)


def _new_storage(optuna: Any, study_name: str) -> Any:
    storage = optuna.storages.InMemoryStorage()
    direction = optuna.study.StudyDirection.MINIMIZE
    storage.create_new_study([direction], study_name)
    return storage


def _created(optuna: Any, facts: dict[str, Any]) -> Any:
    read = optuna.distributions.json_to_distribution
    return optuna.trial.create_trial(
        state=optuna.trial.TrialState[facts["state"]],
        value=facts["value"],
        params=facts["params"],
        distributions={name: read(text) for name, text in facts["distributions"].items()},
        intermediate_values=facts["intermediate_values"],
    )
