"""The small callbacks that stand for ``early_stop_fn`` and ``loss_threshold`` in Optuna.

Source: hyperopt.early_stop.no_progress_loss, hyperopt.fmin; Optuna reference,
``optuna.study.Study.optimize``.
"""

from __future__ import annotations

PATIENCE = '''\
class StopWithoutProgress:
    """Stop a study after a number of trials in a row that did not improve on the best loss."""

    def __init__(self, patience, percent=0.0):
        self.patience = patience
        self.percent = percent
        self.best = None
        self.waited = 1  # the first trial counts

    def __call__(self, study, trial):
        if trial.value is None:  # it failed
            return
        if self.best is None:
            self.best = trial.value
        elif trial.value < self.best - abs(self.best) * self.percent / 100:
            self.best = trial.value
            self.waited = 0
        else:
            self.waited += 1
            if self.waited >= self.patience:
                study.stop()
'''

THRESHOLD = '''\
class StopAtLoss:
    """Stop a study as soon as a trial is good enough."""

    def __init__(self, loss):
        self.loss = loss

    def __call__(self, study, trial):
        if trial.value is not None and trial.value <= self.loss:
            study.stop()
'''
