"""How each engine says what hyperopt's Trials say. Source: the references of Optuna and Ray Tune.

In the texts, ``STUDY`` stands for the variable that holds the study or the results, ``BEST`` for
the one with the best result, ``TRIAL`` for an expression of one trial, ``KEY`` for the source of
a key, ``VALUES`` for the function that gives the values of a trial which the engine knows by
quantiles.
"""

from __future__ import annotations

from dataclasses import dataclass, replace


@dataclass(frozen=True, slots=True)
class Vocabulary:
    """One engine's words.

    Attributes:
        trials: All trials, something that can be iterated, counted and indexed.
        best_trial: The best of them.
        best_params: Its parameters.
        best_value: Its loss.
        loss: The loss of a trial.
        loss_or_none: The same when the trial may have none.
        result: What a trial's objective returned, as a dict.
        entry: One entry of that.
        status: ``ok`` or ``fail``.
        params: The parameters of a trial.
        number: The number of a trial; None when there is none.
        times: When a trial began and ended; None when it is not known.
        saved: What is pickled in place of the Trials; None when nothing can be.
        by_hand: What to say in place of the Trials where there is no rule.
        latent_params: ``params`` when the engine knows some values by their quantiles.
        latent_best: ``best_params`` in that case.
    """

    trials: str
    best_trial: str
    best_params: str
    best_value: str
    loss: str
    loss_or_none: str
    result: str
    entry: str
    status: str
    params: str
    number: str | None
    times: tuple[str, str] | None
    saved: str | None
    by_hand: str
    latent_params: str
    latent_best: str

    def with_latent(self) -> Vocabulary:
        """Return the words for a space with normals and the like."""
        return replace(self, params=self.latent_params, best_params=self.latent_best)


OPTUNA = Vocabulary(
    trials="STUDY.trials",
    best_trial="STUDY.best_trial",
    best_params="STUDY.best_params",
    best_value="STUDY.best_value",
    loss="TRIAL.value",
    loss_or_none="TRIAL.value",
    result='{"loss": TRIAL.value, **TRIAL.user_attrs}',
    entry="TRIAL.user_attrs[KEY]",
    status='"ok" if TRIAL.state == optuna.trial.TrialState.COMPLETE else "fail"',
    params="TRIAL.params",
    number="TRIAL.number",
    times=("TRIAL.datetime_start", "TRIAL.datetime_complete"),
    saved="STUDY",
    by_hand="study.trials",
    latent_params="VALUES(TRIAL)",
    latent_best="VALUES(STUDY.best_trial)",
)

RAY = Vocabulary(
    trials="STUDY",
    best_trial="BEST",
    best_params="BEST.config",
    best_value='BEST.metrics["loss"]',
    loss='TRIAL.metrics["loss"]',
    loss_or_none='TRIAL.metrics.get("loss")',
    result="TRIAL.metrics",
    entry="TRIAL.metrics[KEY]",
    status='TRIAL.metrics.get("status", "ok")',
    params="TRIAL.config",
    number=None,
    times=None,
    saved=None,
    by_hand="the results of tuner.fit()",
    latent_params="VALUES(TRIAL.config)",
    latent_best="VALUES(BEST.config)",
)
