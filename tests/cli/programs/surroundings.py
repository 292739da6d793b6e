"""Its docstring."""

import os
import sys

here = os.getcwd()
print(sys.argv)
print(os.path.relpath(sys.path[0], here), os.path.relpath(__file__, here), os.path.isabs(__file__))
print(__name__, __package__, __doc__)
print(type(__loader__).__name__, __cached__ and "cached")  # type: ignore[name-defined]
print(__spec__ and (__spec__.name, __spec__.parent, os.path.relpath(str(__spec__.origin), here)))
print(sorted(name for name in globals() if name != "here"))
with open("data.txt") as file:
    print(sys.modules["__main__"].__dict__ is globals(), file.read())
import neighbour

assert neighbour.__name__ == "neighbour"
