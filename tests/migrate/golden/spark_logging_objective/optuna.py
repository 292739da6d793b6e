import mlflow
import optuna

SEED = 0


def in_child_run(objective):
    """Run each trial inside a child run of the search's MLflow run."""

    def run_trial(trial):
        parent = trial.study.user_attrs["mlflow_parent"]
        with mlflow.start_run(
            run_name=f"trial-{trial.number}", nested=True, **parent
        ) as run:
            try:
                loss = objective(trial)
            finally:  # the objective may have logged some of them itself
                logged = mlflow.get_run(run.info.run_id).data.params
                values = trial.params
                mlflow.log_params({k: v for k, v in values.items() if k not in logged})
            mlflow.log_metric("loss", loss)
            return loss

    return run_trial


def objective(trial):
    params = {"x": trial.suggest_float("x", -3, 3)}
    loss = (params["x"] - 1) ** 2
    mlflow.log_metric("squared", loss)
    return loss


study = optuna.create_study(sampler=optuna.samplers.TPESampler(seed=SEED))
with mlflow.start_run() as parent_run:
    study.set_user_attr(
        "mlflow_parent",
        {
            "experiment_id": parent_run.info.experiment_id,
            "parent_run_id": parent_run.info.run_id,
        },
    )
    study.optimize(in_child_run(objective), n_trials=6, n_jobs=2, catch=(Exception,))
    mlflow.log_metric("best_trial_loss", study.best_value)
best = study.best_params
best_loss = (best["x"] - 1) ** 2
