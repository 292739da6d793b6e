"""The small classes and functions that generated Ray Tune code may need.

Source: hyperopt.early_stop.no_progress_loss, hyperopt.fmin; Ray Tune reference, ``tune.Stopper``;
MLflow reference, ``mlflow.start_run``.
"""

from __future__ import annotations

PATIENCE = '''\
class StopWithoutProgress(tune.Stopper):
    """Stop after a number of results in a row that did not improve on the best loss."""

    def __init__(self, patience, percent=0.0):
        self.patience = patience
        self.percent = percent
        self.best = None
        self.waited = 1  # the first result counts
        self.is_stuck = False

    def __call__(self, trial_id, result):
        loss = result["loss"]
        if self.best is None:
            self.best = loss
        elif loss < self.best - abs(self.best) * self.percent / 100:
            self.best = loss
            self.waited = 0
        else:
            self.waited += 1
            self.is_stuck = self.waited >= self.patience
        return False

    def stop_all(self):
        return self.is_stuck
'''

THRESHOLD = '''\
class StopAtLoss(tune.Stopper):
    """Stop as soon as a trial is good enough."""

    def __init__(self, loss):
        self.loss = loss
        self.is_reached = False

    def __call__(self, trial_id, result):
        self.is_reached = self.is_reached or result["loss"] <= self.loss
        return False

    def stop_all(self):
        return self.is_reached
'''

WRAPPER = '''\
def in_child_run(objective, parent_run):
    """Run each trial, on whatever machine, inside a child run of the search's MLflow run."""
    tracking_uri = mlflow.get_tracking_uri()
    parent = {
        "experiment_id": parent_run.info.experiment_id,
        "parent_run_id": parent_run.info.run_id,
    }

    def run_trial(config):
        mlflow.set_tracking_uri(tracking_uri)
        name = tune.get_context().get_trial_name()
        with mlflow.start_run(run_name=name, nested=True, **parent) as run:
            try:
                result = objective(config)
            finally:  # the objective may have logged some of them itself
                logged = mlflow.get_run(run.info.run_id).data.params
                values = VALUES
                mlflow.log_params({k: v for k, v in values.items() if k not in logged})
            mlflow.log_metric("loss", result["loss"])
            return result

    return run_trial
'''

VALUES = '''\
def values_of(config):
    """Return a trial's values, also those that Ray Tune knows by their quantile."""
    trial = optuna.trial.FixedTrial(config)
    SUGGEST(trial)
    return {name: trial.user_attrs.get(name, value) for name, value in trial.params.items()}
'''
