"""Ask a study for trials that it gets only when they are wanted.

A study cannot forget a trial that it was asked for. Here the sampler works on a study that has
the real one's trials, and new ones in memory beside them; those that are kept are created in the
real study in one step. Source: Optuna's reference of ``storages.BaseStorage``, whose methods a
sampler and a trial call.
"""

from __future__ import annotations

import copy
from datetime import datetime
from typing import Any

import optuna
from optuna.trial import TrialState, create_trial


class Drafts:
    """Trials of a study that are not in its storage.

    Args:
        real: The study.

    Attributes:
        study: Where to ask for them: it has the real study's trials, sampler and attributes.
    """

    def __init__(self, real: Any) -> None:
        self._real = real
        self._storage = _DraftStorage(real._storage)
        self.study = optuna.Study(
            real.study_name,
            self._storage,
            sampler=real.sampler,
            pruner=real.pruner,
        )

    def refresh(self) -> None:
        """Take over the sampler that the real study has now."""
        self.study.sampler = self._real.sampler

    def has(self, trial: Any) -> bool:
        """Tell whether a trial is a draft; one from the study's own queue is none."""
        return trial._trial_id in self._storage.drafts

    def drop(self, trial: Any) -> None:
        """Forget a draft."""
        del self._storage.drafts[trial._trial_id]

    def keep(self, trial: Any) -> None:
        """Create a draft in the real study; the trial object stands for the new one from now on."""
        real, draft = self._real, self._storage.drafts[trial._trial_id]
        trial._trial_id = real._storage.create_new_trial(real._study_id, template_trial=draft)
        trial.study, trial.storage = real, real._storage
        trial._cached_frozen_trial = real._storage.get_trial(trial._trial_id)
        del self._storage.drafts[draft._trial_id]


class _DraftStorage:
    """A storage whose new trials stay in memory; all else is the real one's.

    Args:
        real: The ``optuna.storages.BaseStorage``.

    Attributes:
        drafts: The new trials by their ids, which are negative.
    """

    def __init__(self, real: Any) -> None:
        self._real = real
        self._n_made = 0
        self.drafts: dict[int, Any] = {}

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):  # copy and pickle look for some before there is a real one
            raise AttributeError(name)
        return getattr(self._real, name)

    def create_new_trial(self, study_id: int, template_trial: Any | None = None) -> int:
        trial = copy.deepcopy(template_trial or create_trial(state=TrialState.RUNNING))
        self._n_made += 1
        trial._trial_id = -self._n_made
        trial.number = len(self.get_all_trials(study_id, deepcopy=False))
        self.drafts[trial._trial_id] = trial
        return -self._n_made

    def get_trial(self, trial_id: int) -> Any:
        draft = self.drafts.get(trial_id)
        return self._real.get_trial(trial_id) if draft is None else copy.deepcopy(draft)

    def get_all_trials(self, study_id: int, deepcopy: bool = True, states: Any = None) -> list[Any]:
        found = self._real.get_all_trials(study_id, deepcopy=deepcopy, states=states)
        drafts = [each for each in self.drafts.values() if states is None or each.state in states]
        return [*found, *(copy.deepcopy(drafts) if deepcopy else drafts)]

    def get_n_trials(self, study_id: int, state: Any = None) -> int:
        states = state if state is None or isinstance(state, tuple) else (state,)
        return len(self.get_all_trials(study_id, deepcopy=False, states=states))

    def get_trial_number_from_id(self, trial_id: int) -> Any:
        return self.get_trial(trial_id).number

    def get_trial_params(self, trial_id: int) -> Any:
        return self.get_trial(trial_id).params

    def get_trial_param(self, trial_id: int, param_name: str) -> Any:
        trial = self.get_trial(trial_id)
        return trial.distributions[param_name].to_internal_repr(trial.params[param_name])

    def get_trial_user_attrs(self, trial_id: int) -> Any:
        return self.get_trial(trial_id).user_attrs

    def get_trial_system_attrs(self, trial_id: int) -> Any:
        return self.get_trial(trial_id).system_attrs

    def set_trial_state_values(self, trial_id: int, state: Any, values: Any = None) -> Any:
        draft = self.drafts.get(trial_id)
        if draft is None:
            return self._real.set_trial_state_values(trial_id, state, values)
        draft.state = state
        draft.datetime_start = datetime.now()
        return True

    def set_trial_param(
        self, trial_id: int, param_name: str, param_value_internal: float, distribution: Any
    ) -> None:
        draft = self.drafts.get(trial_id)
        if draft is None:
            self._real.set_trial_param(trial_id, param_name, param_value_internal, distribution)
        else:
            draft.params[param_name] = distribution.to_external_repr(param_value_internal)
            draft.distributions[param_name] = distribution

    def set_trial_user_attr(self, trial_id: int, key: str, value: Any) -> None:
        draft = self.drafts.get(trial_id)
        if draft is None:
            self._real.set_trial_user_attr(trial_id, key, value)
        else:
            draft.user_attrs[key] = value

    def set_trial_system_attr(self, trial_id: int, key: str, value: Any) -> None:
        draft = self.drafts.get(trial_id)
        if draft is None:
            self._real.set_trial_system_attr(trial_id, key, value)
        else:
            draft.system_attrs[key] = value
