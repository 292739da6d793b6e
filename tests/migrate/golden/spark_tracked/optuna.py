import mlflow
import optuna

SEED = 0


def log_child_run(study, trial):
    """Log a finished trial as a child run of the search's MLflow run."""
    parent = study.user_attrs["mlflow_parent"]
    with mlflow.start_run(run_name=f"trial-{trial.number}", nested=True, **parent):
        mlflow.log_params(trial.params)
        if trial.state == optuna.trial.TrialState.COMPLETE:
            mlflow.log_metric("loss", trial.value)
            mlflow.set_tag("trial_status", "success")
        else:
            mlflow.set_tag("trial_status", "failure")
            mlflow.end_run("FAILED")


def objective(trial):
    params = {"x": trial.suggest_float("x", -3, 3)}
    loss = (params["x"] - 1) ** 2
    return loss


with mlflow.start_run(run_name="tuning") as run:
    study = optuna.create_study(sampler=optuna.samplers.TPESampler(seed=SEED))
    study.set_user_attr(
        "mlflow_parent",
        {"experiment_id": run.info.experiment_id, "parent_run_id": run.info.run_id},
    )
    study.optimize(
        objective,
        n_trials=8,
        timeout=120,
        n_jobs=2,
        catch=(Exception,),
        callbacks=[log_child_run],
    )
    mlflow.log_metric("best_trial_loss", study.best_value)
    best = study.best_params
    mlflow.log_param("best_x", best["x"])
best_loss = study.best_value
