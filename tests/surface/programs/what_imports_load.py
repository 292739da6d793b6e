"""Print which heavy packages the import of hyperbridge loads, and which the use of its names."""

import sys

import hyperbridge

with hyperbridge.settings(backend="local"):
    pass
dir(hyperbridge)
heavy = ("hyperopt", "numpy", "pyspark", "ray", "optuna", "mlflow")
print([name for name in heavy if name in sys.modules])
hyperbridge.Spark()
hyperbridge.Local()
hyperbridge.read_space
print([name for name in heavy[3:] if name in sys.modules])
