"""Search with a real Optuna study; also hyperopt's TPE as a sampler of Optuna's."""
