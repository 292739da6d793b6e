import mlflow
import optuna

SEED = 0


def objective(trial):
    params = {"x": trial.suggest_float("x", -3, 3)}
    with mlflow.start_run(nested=True, **trial.study.user_attrs["mlflow_parent"]):
        loss = (params["x"] - 1) ** 2
        mlflow.log_metric("loss", loss)
    return loss


with mlflow.start_run() as parent_run:
    study = optuna.create_study(sampler=optuna.samplers.TPESampler(seed=SEED))
    study.set_user_attr(
        "mlflow_parent",
        {
            "experiment_id": parent_run.info.experiment_id,
            "parent_run_id": parent_run.info.run_id,
        },
    )
    study.optimize(objective, n_trials=6, n_jobs=2, catch=(Exception,))
    mlflow.log_metric("best_trial_loss", study.best_value)
    best = study.best_params
best_loss = (best["x"] - 1) ** 2
