"""The names of the new code: imported before they are used, and nothing else in the file."""

from __future__ import annotations

import ast
import json
from pathlib import Path

import pytest
from golden_cases import migrate

from hyperbridge.migrate.order import early_names
from hyperbridge.migrate.planning import FilePlan, plan_sources
from hyperbridge.migrate.sources import source_of

HEAD = "from hyperopt import fmin, hp, rand, space_eval, tpe\n"
CALL = "best = fmin(lambda x: abs(x), hp.uniform('x', -9, 9), algo=tpe.suggest, max_evals=3)\n"


def runs(text: str) -> None:
    optuna = pytest.importorskip("optuna")
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    exec(compile(text, "program", "exec"), {"__name__": "program"})


@pytest.mark.parametrize(
    "text",
    [
        HEAD + CALL + "import optuna\n",
        "def show():\n    return optuna.__name__\n" + HEAD + CALL + "import optuna\nshow()\n",
        HEAD
        + CALL.replace("uniform('x', -9, 9)", "lognormal('x', 0, 1)")
        + "import math\nmath.pi\n",
        HEAD + "def f():\n    " + CALL + "    import optuna\n    return optuna\nf()\n",
        HEAD + "def f():\n    import optuna\n    " + CALL + "    return optuna\nf()\n",
    ],
)
def test_an_import_further_down_or_in_a_function_does_not_serve_the_new_code(text: str) -> None:
    result = migrate(text)

    assert result.is_changed
    assert not any(note.needs_person for note in result.notes)
    runs(result.new_text)


def test_an_import_in_a_later_cell_does_not_serve_an_earlier_one() -> None:
    cells = [HEAD + CALL, "import optuna\noptuna.create_study()"]
    document = {
        "cells": [
            {
                "cell_type": "code",
                "metadata": {},
                "outputs": [],
                "execution_count": None,
                "source": c,
            }
            for c in cells
        ],
        "metadata": {},
        "nbformat": 4,
        "nbformat_minor": 5,
    }
    result = migrate(json.dumps(document), name="before.ipynb")

    assert result.is_changed
    assert "import optuna" in result.texts[0]
    runs("\n".join(result.texts))


@pytest.mark.parametrize(
    "text",
    [
        "optuna = 3\n" + HEAD + CALL,
        HEAD + "def f(optuna):\n    " + CALL,
        "import os as optuna\n" + HEAD + CALL,
    ],
)
def test_a_name_of_the_programs_own_is_not_replaced_by_an_import(text: str) -> None:
    result = migrate(text)

    assert not result.is_changed
    assert "'optuna' is a name of the program's own" in result.notes[0].text


@pytest.mark.parametrize(
    ("statement", "expected"),
    [
        ("import mlflow, numpy as np\nmlflow.x", "import mlflow\n"),
        ("from numpy import random, pi\nnp = random and pi\nimport numpy as np", "random, pi\n"),
        ("import numpy as np\ndef f(np):\n    return np.pi  # np", "def f(np)"),
    ],
)
def test_only_the_name_that_nothing_uses_any_more_goes(statement: str, expected: str) -> None:
    call = CALL.replace("max_evals=3", "max_evals=3, rstate=np.random.default_rng(3)")
    result = migrate(f"{statement}\n{HEAD}{call}")

    assert result.is_changed
    assert not any(note.needs_person for note in result.notes)
    assert expected in result.new_text


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("print(a)\na = 1", {"a"}),
        ("def f():\n    return a\nf()\na = 1", {"a"}),
        ("def f():\n    return a\na = 1\nf()", set()),
        ("def f():\n    print(m.x)\n    import m", {"m"}),
        (
            "def f():\n    def g():\n        a = 1\n        return a\n    return g\nf()\na = 2",
            set(),
        ),
        ("for i in range(2):\n    print(i and a)\n    a = 1", set()),
        ("x = [a for a in range(3)]\na = lambda b: c\na(1)\nc = 1", {"c"}),
        ("class A:\n    b = 1\n    c = b + d\nd = b = 2", {"d"}),
        ("try:\n    import m\nexcept ImportError as e:\n    m = e\nm.x", set()),
        ("with open(p) as f:\n    p = f.read()", {"p"}),
    ],
)
def test_names_that_are_used_before_they_have_a_value_are_found(
    text: str, expected: set[str]
) -> None:
    assert early_names(ast.parse(text)) == expected


def folder(**files: str) -> dict[str, FilePlan]:
    sources = [source_of(Path("p", f"{n}.py"), text.encode()) for n, text in files.items()]
    return dict(zip(files, plan_sources(sources), strict=True))


MAIN = (
    HEAD + "import evaluation\nspace = {'x': hp.uniform('x', 0, 1)}\n"
    "best = fmin(lambda p: p['x'], space, tpe.suggest, 5)\nevaluation.show(space, best)\n"
)
OTHER_FILES = {
    "space_eval in a function": "def show(space, best):\n    from hyperopt import space_eval\n"
    "    print(space_eval(space, best))\n",
    "an import that nothing uses": "def show(space, best):\n    import hyperopt.pyll\n",
    "one at the top": "from hyperopt import tpe, hp\ndef show(space, best):\n    pass\n",
    "a use of its own": "def other(a):\n    from hyperopt import space_eval\n"
    "    return space_eval(a.space, a.best)\ndef show(space, best):\n    pass\n",
    "an import by a text": "import importlib\ndef show(space, best):\n"
    "    importlib.import_module('hyperopt')\n",
    "a guard": "try:\n    import hyperopt\nexcept ImportError:\n    hyperopt = None\n"
    "def show(space, best):\n    print(hyperopt)\n",
}


@pytest.mark.parametrize("is_linked", [True, False])
@pytest.mark.parametrize("name", OTHER_FILES)
def test_no_file_of_a_folder_keeps_hyperopt_without_a_remark(name: str, is_linked: bool) -> None:
    main = MAIN if is_linked else MAIN.replace("import evaluation\n", "").replace("evaluation.", "")
    plans = folder(main=main, evaluation=OTHER_FILES[name])
    other = plans["evaluation"]

    assert "hyperopt" not in plans["main"].new_text
    compile(other.new_text, "evaluation", "exec")
    assert ("hyperopt" in other.new_text) == any(note.needs_person for note in other.notes)


def test_space_eval_in_a_function_of_another_file_is_rewritten() -> None:
    plans = folder(main=MAIN, evaluation=OTHER_FILES["space_eval in a function"])

    assert "print(space(optuna.trial.FixedTrial(best)))" in plans["evaluation"].new_text


def test_names_that_a_file_hands_on_go_with_the_search() -> None:
    plans = folder(
        main="from tools import fmin, hp, tpe\n" + CALL,
        tools="from hyperopt import fmin, hp, tpe\n",
    )

    assert plans["main"].searches[0].state == "rewritten"
    assert not any("hyperopt" in plan.new_text or plan.notes for plan in plans.values())


@pytest.mark.parametrize(
    "imports",
    [
        "import hyperopt as hp\nfrom hyperopt import fmin, hp, tpe\n",
        "from scipy import stats as hp\nfrom hyperopt import fmin, hp, tpe\n",
        "from scipy.optimize import fmin\nfrom hyperopt import fmin, hp, tpe\n",
    ],
)
def test_of_two_imports_of_a_name_the_last_one_counts(imports: str) -> None:
    result = migrate(imports + CALL)

    assert [s.state for s in result.searches] == ["rewritten"]
    assert "hyperopt" not in result.new_text
    assert "trial.suggest_float('x', -9, 9)" in result.new_text


def test_between_two_imports_of_a_name_the_first_one_counts() -> None:
    result = migrate(HEAD + CALL + "from math import e as hp\n")
    assert "trial.suggest_float('x', -9, 9)" in result.new_text


def test_a_name_of_hyperopt_that_is_only_given_another_value_needs_no_import() -> None:
    text = HEAD + CALL + "def search():\n    return 3\nspace_eval = search()\n"
    result = migrate(text)

    assert "hyperopt" not in result.new_text
    assert result.notes == ()
    runs(result.new_text)


def test_a_part_of_an_import_that_stays_is_named() -> None:
    result = migrate(HEAD + "kept = [rand]\n" + CALL)

    assert "from hyperopt import rand\n" in result.new_text
    assert [(note.code, note.needs_person) for note in result.notes] == [("HB215", True)]


def test_a_file_that_is_imported_by_star_keeps_what_the_other_one_names() -> None:
    files = {
        "searching.py": (
            "import hyperopt as hpo\nimport numpy as np\nimport numpy.random as npr\n\n\n"
            "def search(space):\n"
            "    state = np.random.default_rng(npr.randint(9))\n"
            "    return hpo.fmin(abs, space, hpo.rand.suggest, 3, rstate=None)\n"
        ),
        "main.py": (
            "from searching import *\nfrom hyperopt import hp\n\n"
            "print(np.pi, search(hp.uniform('x', -1, 1)))\n"
        ),
    }
    sources = [source_of(Path(name), text.encode()) for name, text in files.items()]
    texts = {p.source.path.name: p.new_text for p in plan_sources(sources, "optuna")}

    assert "hyperopt" not in "".join(texts.values())
    assert "import numpy as np\n" in texts["searching.py"]
    assert texts["main.py"].startswith("from searching import *\n")
