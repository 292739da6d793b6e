import hyperopt
import hyperopt as ho
import numpy as np

SEED = 0
space = {"a": ho.hp.quniform("a", 0, 10, 0.5), "b": hyperopt.hp.qnormal("b", 2, 3, 1)}


def objective(params):
    if params["a"] > 9.5:
        return {"status": hyperopt.STATUS_FAIL}
    return {"loss": abs(params["a"] - 4) + abs(params["b"]), "status": hyperopt.STATUS_OK}


trials = hyperopt.Trials()
best = hyperopt.fmin(
    objective, space, algo=hyperopt.tpe.suggest, max_evals=20, trials=trials,
    rstate=np.random.default_rng(SEED), show_progressbar=False,
)
best_loss = min(loss for loss in trials.losses() if loss is not None)
