"""A search by ask and tell, and the original of it in hyperopt's terms."""

import sys

if sys.argv[1:] == ["hyperopt"]:
    from hyperopt import fmin, hp, rand

    fmin(lambda x: x**2, hp.uniform("x", -1, 1), rand.suggest, 12, show_progressbar=False)
else:
    import optuna

    study = optuna.create_study(sampler=optuna.samplers.RandomSampler())
    for _ in range(12):
        trial = study.ask()
        study.tell(trial, trial.suggest_float("x", -1, 1) ** 2)
