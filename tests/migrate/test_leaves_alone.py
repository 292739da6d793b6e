"""What is not hyperopt's, or is native already, stays as it is to the last byte."""

from __future__ import annotations

import pytest
from golden_cases import migrate

NATIVE = """\
import optuna


def objective(trial):
    return trial.suggest_float("x", 0, 1)  # was hp.uniform with hyperopt


study = optuna.create_study()
study.optimize(objective, n_trials=10)
best = study.best_params
"""

PROGRAMS = {
    "scipys_fmin": "from scipy.optimize import fmin  # hyperopt\nbest = fmin(len, 1.0)\n",
    "a_local_hp": (
        "class hp:\n    uniform = staticmethod(lambda *a: a)\n"
        "def fmin(fn, space, algo=None): return fn(space)\n"
        "# hyperopt\n"
        "best = fmin(lambda x: x, hp.uniform('x', 0, 1))\n"
    ),
    "a_name_that_is_rebound": (
        "from hyperopt_like import fmin, hp\nspace = hp.uniform('x', 0, 1)  # hyperopt\n"
        "best = fmin(lambda x: x, space)\n"
    ),
    "native_code": NATIVE,
    "strings_and_comments": "# from hyperopt import fmin\ntext = 'fmin(objective, hp.uniform)'\n",
    "a_relative_module": "from .hyperopt import fmin, hp\nfmin(len, hp.uniform('x', 0, 1))\n",
    "an_attribute_named_fmin": "import tools\ntools.fmin(len, space={}, algo='hyperopt')\n",
    "nothing": "",
}


@pytest.mark.parametrize("name", PROGRAMS)
def test_leaves_alone(name: str) -> None:
    result = migrate(PROGRAMS[name])

    assert not result.is_changed
    assert result.notes == ()
    assert result.new_text == PROGRAMS[name]


def test_a_function_that_shadows_the_import_is_not_hyperopts() -> None:
    text = (
        "from hyperopt import fmin, hp, tpe\n"
        "def search(fmin, hp):\n"
        "    return fmin(len, hp.uniform('x', 0, 1))\n"
    )
    result = migrate(text)

    assert "return fmin(len, hp.uniform('x', 0, 1))" in result.new_text
    assert not result.searches


def test_what_is_not_rewritten_keeps_its_bytes() -> None:
    text = (
        "from hyperopt import fmin, hp, rand\r\n"
        "x  =  {'ä' : 1 ,\t'b':2}   \r\n"
        "best = fmin(lambda v: v, hp.uniform('v', 0, 1), algo=rand.suggest, max_evals=2)\r\n"
        "if x :\r\n\tprint( best )   # end"
    )
    result = migrate(text).new_text

    assert "x  =  {'ä' : 1 ,\t'b':2}   \r\n" in result
    assert result.endswith("if x :\r\n\tprint( best )   # end")
    assert "\n" not in result.replace("\r\n", "")
    compile(result, "crlf", "exec")
