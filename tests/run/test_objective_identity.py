"""What tells an objective from another: its name, its code, and what is bound to it."""

from __future__ import annotations

import functools
import subprocess
import sys
import textwrap
from pathlib import Path
from typing import Any

import pytest

from hyperbridge.run.objective_identity import objective_difference, objective_texts


def load(folder: Path, source: str, name: str = "train") -> dict[str, Any]:
    """Run a file as a module of its own and return what it defines."""
    path = folder / f"{name}_{len(list(folder.iterdir()))}.py"
    path.write_text(textwrap.dedent(source))
    space: dict[str, Any] = {"__name__": name}
    exec(compile(path.read_text(), str(path), "exec"), space)
    return space


def texts(folder: Path, source: str) -> dict[str, str]:
    return objective_texts(load(folder, source)["fn"])


PLAIN = """
def fn(point):
    return point["x"] ** 2
"""


@pytest.mark.parametrize(
    "source",
    [
        "# a comment\n\n\nimport os\n" + PLAIN,
        'def fn(point):\n    """Return it."""\n    # so\n    return (\n        point["x"] ** 2)\n',
        "def fn(point):  return point['x']**2",
    ],
    ids=["moved", "documented", "laid out"],
)
def test_the_same_code_elsewhere_or_laid_out_otherwise_is_the_same(
    tmp_path: Path, source: str
) -> None:
    assert texts(tmp_path, source) == texts(tmp_path, PLAIN)
    assert texts(tmp_path, PLAIN)["name"] == "train.fn"
    assert texts(tmp_path, PLAIN)["code"].startswith("source:")


PAIRS = {
    "code": (PLAIN, PLAIN.replace("2", "3")),
    "lambda": ("fn = lambda x: x + 1", "fn = lambda x: x + 2"),
    "default": (
        "k = 1\ndef fn(x, k=k): return k",
        "k = 2\ndef fn(x, k=k): return k",
    ),
    "keyword default": (
        "k = 1\ndef fn(x, *, k=k): return k",
        "k = 2\ndef fn(x, *, k=k): return k",
    ),
    "closure": (
        "def make(a):\n    def fn(x): return a\n    return fn\nfn = make(1)",
        "def make(a):\n    def fn(x): return a\n    return fn\nfn = make((1, 'b'))",
    ),
    "function in a closure": (
        "def deco(f):\n    def fn(x): return f(x)\n    return fn\n@deco\ndef fn(x): return 1",
        "def deco(f):\n    def fn(x): return f(x)\n    return fn\n@deco\ndef fn(x): return 2",
    ),
    "partial": (
        "import functools\ndef f(x, k): return k\nfn = functools.partial(f, k=1)",
        "import functools\ndef f(x, k): return k\nfn = functools.partial(f, k=2)",
    ),
    "method": (
        "class A:\n    def f(self, x): return 1\nfn = A().f",
        "class A:\n    def f(self, x): return 2\nfn = A().f",
    ),
    "object": (
        "class A:\n    def __call__(self, x): return 1\nclass B(A): pass\nfn = B()",
        "class A:\n    def __call__(self, x): return 2\nclass B(A): pass\nfn = B()",
    ),
    "set": (
        "def fn(x, k=frozenset('abcdefgh')): return k",
        "def fn(x, k=frozenset('abcdefg')): return k",
    ),
}


@pytest.mark.parametrize(("one", "other"), PAIRS.values(), ids=PAIRS)
def test_other_code_or_another_bound_value_is_seen(tmp_path: Path, one: str, other: str) -> None:
    assert texts(tmp_path, one) == texts(tmp_path, "\n\n" + one)
    difference = objective_difference(texts(tmp_path, one), texts(tmp_path, other))
    assert difference is not None
    assert "is not what it was" in difference


SILENT = """
    import functools

    class Model:
        def __repr__(self):
            raise AssertionError("nothing of the user's is called")
        __str__ = __eq__ = __hash__ = __repr__

    def make():
        n, seen, model = 0, [], Model()
        def fn(x, k=[], *, data=None):
            nonlocal n
            n += 1
            seen.append(model)
            return n
        return functools.partial(fn, k=Model(), data=Model())

    fn = make()
"""


def test_what_changes_while_a_program_runs_does_not_count(tmp_path: Path) -> None:
    fn = load(tmp_path, SILENT)["fn"]
    before = objective_texts(fn)
    assert fn(5) == 1
    assert objective_texts(fn) == before


def test_two_lambdas_of_one_line_are_told_apart(tmp_path: Path) -> None:
    both = load(tmp_path, "a, b = lambda x: x + 1, lambda x: x + 2")
    again = load(tmp_path, "\n\na, b = lambda x: x + 1, lambda x: x + 2")
    assert objective_texts(both["a"]) == objective_texts(again["a"])
    assert objective_difference(objective_texts(both["a"]), objective_texts(both["b"])) is not None


def test_code_without_source_is_compared_as_it_is_compiled() -> None:
    def made(source: str) -> dict[str, str]:
        space: dict[str, Any] = {"__name__": "nowhere"}
        exec(source, space)
        return objective_texts(space["fn"])

    source = "def fn(x):\n    y = [a for a in (1, 2)]\n    return x in {'a', 'b', 'c'}"
    one = made(source)
    assert one["code"].startswith("compiled by ")
    assert one == made(
        "\n\n\ndef fn(x):\n    y = [a for a in (1, 2)]\n    return x in {'a', 'b', 'c'}"
    )
    other = made(source.replace("2", "3"))
    assert objective_difference(one, other) is not None


def test_what_cannot_be_compared_is_not_called_different() -> None:
    assert objective_texts(abs) == {"name": "builtins.abs", "code": ""}
    one = {"name": "a.f", "code": "compiled by cpython-310:1"}
    for code in ("", "source:1", "compiled by cpython-311:1"):
        assert objective_difference(one, {"name": "a.f", "code": code}) is None
    assert objective_difference(one, {**one, "name": "a.g"}) == "the objective was a.f and is a.g"


def test_functions_that_know_each_other_have_an_end(tmp_path: Path) -> None:
    inner = "    def f(x): return g, f\n    def g(x): return f, g\n    return f\n"
    source = f"def make():\n{inner}fn = make()"
    assert texts(tmp_path, source) == texts(tmp_path, source)
    nested: Any = abs
    for _ in range(50):
        nested = functools.partial(nested, 1)
    assert objective_texts(nested)["name"] == "builtins.abs"


PROGRAM = """
from hyperbridge.run.objective_identity import objective_texts

def objective(x, names=frozenset(map(str, range(20)))):
    return x in {"a", "b", "c", "d"}

print(objective_texts(objective))
print(objective_texts(eval("lambda x: x in {'a', 'b', 'c', 'd'}")))
"""


def test_the_same_program_run_again_has_the_same(tmp_path: Path) -> None:
    (tmp_path / "train.py").write_text(PROGRAM)
    commands = (["train.py"], ["-m", "train"])
    found = {
        subprocess.run(
            [sys.executable, *command], cwd=tmp_path, capture_output=True, text=True, check=True
        ).stdout
        for command in commands
    }
    (out,) = found
    assert "'train.objective'" in out
