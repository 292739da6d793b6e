"""Pickle a class of this program's own, and a function for another process."""

import pickle
import subprocess
import sys

import cloudpickle


class Model:
    pass


def objective(x):
    return x + 1


print(type(pickle.loads(pickle.dumps(Model()))) is Model)
data = cloudpickle.dumps(objective)
code = "import sys, pickle; print(pickle.load(sys.stdin.buffer)(1))"
print(subprocess.run([sys.executable, "-c", code], input=data, capture_output=True))
