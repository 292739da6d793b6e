"""Find uses of hyperopt in source code, and rewrite them as native Optuna or Ray Tune code.

The code is read, never imported: hyperopt, Spark, Ray and Optuna need not be installed.
"""
