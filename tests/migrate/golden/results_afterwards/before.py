import numpy as np
from hyperopt import STATUS_OK, Trials, fmin, hp, tpe

SEED = 0
space = {"x": hp.uniform("x", -2, 2), "kind": hp.choice("kind", ["a", "b"])}


def objective(p):
    loss = p["x"] ** 2 + (p["kind"] == "a")
    return {"loss": loss, "status": STATUS_OK, "x2": p["x"] * 2, "kind": p["kind"]}


trials = Trials()
fmin(objective, space, algo=tpe.suggest, max_evals=15, trials=trials, rstate=np.random.default_rng(SEED), show_progressbar=False)

best_loss = min(trials.losses())
print(len(trials.trials), len(trials), trials.argmin)
print(sorted(trials.vals["x"])[0])
print([r["x2"] for r in trials.results])
print([t["misc"]["vals"]["x"][0] for t in trials.trials if t["result"]["loss"] < 1])
for trial in trials.trials:
    print(trial["tid"], trial["result"]["loss"], trial["result"]["kind"])
best_trial = trials.best_trial
print(best_trial["result"]["x2"], best_trial["misc"]["vals"]["x"][0])
print(trials.statuses()[0], trials.results[0])
