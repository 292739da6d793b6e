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
        self.waited = 0

    def __call__(self, trial_id, result):
        loss = result["loss"]
        if self.best is None or loss < self.best - abs(self.best) * self.percent / 100:
            self.waited = 1 if self.best is None else 0
            self.best = loss
        else:
            self.waited += 1
        return False

    def stop_all(self):
        return self.waited >= self.patience
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
    experiment_id = parent_run.info.experiment_id
    parent_run_id = parent_run.info.run_id

    def run_trial(config):
        mlflow.set_tracking_uri(tracking_uri)
        with mlflow.start_run(
            experiment_id=experiment_id, nested=True, parent_run_id=parent_run_id
        ):
            mlflow.log_params(config)
            result = objective(config)
            mlflow.log_metric("loss", result["loss"])
            return result

    return run_trial
'''
