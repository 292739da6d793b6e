"""Helper functions in written code have the branches that their calls need, and no others."""

from __future__ import annotations

from typing import Any

import pytest
from golden_cases import migrate

HEAD = "from hyperopt import fmin, hp, rand, tpe\n"
SIGNATURES = {
    "normal('x', 0, 1)": "(trial, name, mu, sigma)",
    "lognormal('x', 0, 1)": "(trial, name, mu, sigma, *, log=False)",
    "qnormal('x', 0, 1, 2)": "(trial, name, mu, sigma, *, step=None)",
    "qlognormal('x', 0, 1, 2)": "(trial, name, mu, sigma, *, log=False, step=None)",
}


def search(parameter: str, algo: str = "tpe") -> str:
    return f"best = fmin(lambda x: x, hp.{parameter}, algo={algo}.suggest, max_evals=3)\n"


def written(text: str, to: str) -> str:
    new = migrate(text, to=to).new_text
    compile(new, "new", "exec")
    return new


@pytest.mark.parametrize("engine", ["optuna", "ray"])
@pytest.mark.parametrize("parameter", SIGNATURES)
def test_a_normal_gets_the_branches_that_it_needs(parameter: str, engine: str) -> None:
    new = written(HEAD + search(parameter), engine)

    assert f"def suggest_normal{SIGNATURES[parameter]}:\n" in new
    assert ("import math\n" in new) == ("    if log:\n" in new) == ("lognormal" in parameter)
    assert ("    if step is not None:\n" in new) == parameter.startswith("q")


@pytest.mark.parametrize("engine", ["optuna", "ray"])
def test_searches_of_one_file_share_a_function_with_what_they_need_together(engine: str) -> None:
    text = HEAD + "".join(search(p.replace("x", f"x{i}")) for i, p in enumerate(SIGNATURES))
    new = written(text, engine)

    assert new.count("def suggest_normal") == 1
    assert "(trial, name, mu, sigma, *, log=False, step=None):\n" in new


def test_a_search_at_random_draws_as_wide_as_before_and_so_do_others_of_its_file() -> None:
    text = HEAD + search("normal('x', 0, 1)") + search("normal('y', 0, 1)", "rand")

    assert "NormalDist(mu, sigma)" in written(text, "optuna")
    assert "NormalDist(mu, 1.5 * sigma)" in written(HEAD + search("normal('x', 0, 1)"), "optuna")


def test_what_is_written_for_all_of_them_runs() -> None:
    optuna = pytest.importorskip("optuna")
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    names: dict[str, Any] = {}
    for parameter in SIGNATURES:
        exec(compile(written(HEAD + search(parameter), "optuna"), "new", "exec"), names)
        value = names["best"]["x"]
        assert (value % 2 == 0) or not parameter.startswith("q")
        assert value >= 0 or "log" not in parameter
