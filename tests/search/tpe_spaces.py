"""Search spaces that hold everything hyperopt's algorithms treat in a way of its own."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

from hyperopt import hp
from hyperopt.pyll import scope


def two_floats() -> Any:
    return {"x": hp.uniform("x", -5, 10), "lr": hp.loguniform("lr", math.log(1e-5), 0)}


def ten_parameters() -> Any:
    return many_parameters(10)


def many_parameters(n: int) -> Any:
    kinds = [
        lambda label: hp.uniform(label, -1, 3),
        lambda label: hp.loguniform(label, -8, 1),
        lambda label: hp.normal(label, 0, 2),
        lambda label: hp.uniform(label, -1, 3),
        lambda label: hp.choice(label, ["a", "b", "c", "d"]),
    ]
    return {f"p{i:02d}": kinds[i % 5](f"p{i:02d}") for i in range(n)}


def every_distribution() -> Any:
    return {
        "u": hp.uniform("u", -2, 3.5),
        "qu": hp.quniform("qu", -7, 21, 3),
        "lu": hp.loguniform("lu", -6, 2),
        "qlu": hp.qloguniform("qlu", -1, 5, 0.5),
        "n": hp.normal("n", 1.5, 2),
        "qn": hp.qnormal("qn", 0, 10, 2.5),
        "ln": hp.lognormal("ln", 0.3, 1.2),
        "qln": hp.qlognormal("qln", 1, 1, 1),
        "ri": hp.randint("ri", 12),
        "ri2": hp.randint("ri2", 5, 19),
        "ri3": hp.randint("ri3", 40),
        "ui": hp.uniformint("ui", 3, 40),
        "ch": hp.choice("ch", [1, 2.5, "z"]),
        "pc": hp.pchoice("pc", [(0.1, "a"), (0.55, "b"), (0.35, "c")]),
        "impossible": hp.pchoice("pc2", [(0.0, "a"), (0.4, "b"), (0.6, "c")]),
    }


def conditional() -> Any:
    linear_or_not = hp.choice(
        "kernel", [{"k": "linear"}, {"k": "rbf", "w": hp.lognormal("rbf_w", 0, 1)}]
    )
    return hp.choice(
        "model",
        [
            {"type": "svm", "C": hp.lognormal("svm_C", 0, 1), "kernel": linear_or_not},
            {
                "type": "rf",
                "depth": hp.quniform("rf_depth", 1, 20, 1),
                "n": hp.qloguniform("rf_n", 2, 6, 1),
                "crit": hp.pchoice("crit", [(0.3, "g"), (0.7, "e")]),
            },
            {
                "type": "nn",
                "lr": hp.loguniform("nn_lr", -9, 0),
                "layers": hp.randint("nn_layers", 1, 5),
                "drop": hp.uniform("nn_drop", 0, 0.6),
                "bs": hp.uniformint("nn_bs", 8, 256),
            },
        ],
    )


def nested() -> Any:
    inner = hp.choice(
        "mid",
        [
            {"b": hp.quniform("b", 0, 30, 2)},
            {
                "d": hp.lognormal("d", 0, 1),
                "e": hp.pchoice("e", [(0.2, hp.normal("f", 0, 1)), (0.8, hp.randint("g", 3, 9))]),
            },
        ],
    )
    options = [
        {"a": hp.uniform("a", 0, 1), "c": inner},
        hp.qloguniform("h", 0, 4, 1),
        [hp.uniform("i", 3, 4), hp.qnormal("j", 5, 2, 1), hp.choice("k", list(range(7)))],
    ]
    return {"z": hp.choice("zz", options), "always": hp.uniform("m_always", -1, 1)}


def shared_labels() -> Any:
    w = hp.loguniform("w_shared", -5, 0)
    q = hp.quniform("q_shared", 0, 10, 0.5)
    inner = hp.choice("a_inner", [w, {"v": hp.normal("zv", 0, 1), "w": w}])
    options = [{"in": inner, "q": q}, {"w": w, "y": hp.uniform("y", 0, 1)}, {"q": q, "in2": inner}]
    return {"x": hp.choice("a_outer", options), "b": hp.choice("z_other", [q, hp.randint("r", 4)])}


def arithmetic() -> Any:
    a = hp.uniform("a", 0, 1)
    half = hp.quniform("half", 0, 2, 1)
    return {
        "s": a * 10 + hp.normal("b", 0, 1),
        "t": scope.int(hp.quniform("c", 1, 9, 1)),
        "by randint": scope.switch(hp.randint("sel", 3), 0, hp.uniform("u1", 0, 1), a),
        "by float": scope.switch(scope.int(half), hp.normal("u2", 0, 1), 1, hp.normal("u3", 0, 1)),
    }


def by_keyword() -> Any:
    return {
        "u": hp.uniform("u", low=-1, high=1),
        "q": hp.quniform("q", low=0, high=8, q=0.25),
        "n": hp.normal("n", mu=0, sigma=1),
        "l": hp.lognormal("l", mu=0, sigma=0.5),
        "r": hp.randint("r", 3),
    }


def bare() -> Any:
    return hp.uniform("x", -10, 10)


def list_space() -> Any:
    options = (hp.normal("y1", 0, 1), hp.qlognormal("y2", 0, 2, 1))
    return [hp.uniform("x1", 0, 1), hp.choice("c", options)]


def rounded_only() -> Any:
    return {"a": hp.quniform("a", 0, 50, 1), "b": hp.qnormal("b", 0, 3, 0.5)}


def one_value() -> Any:
    return {"r": hp.randint("r", 1), "c": hp.choice("c", ["only"]), "x": hp.normal("x", 0, 1)}


def narrow() -> Any:
    return {
        "u": hp.uniform("u", 0, 3e-11),
        "l": hp.loguniform("l", -3, -3 + 1e-11),
        "n": hp.normal("n", 2.0, 1e-13),
        "q": hp.quniform("q", 0, 1e-12, 1e-13),
        "wide": hp.uniform("wide", -1, 1),
    }


SPACES: dict[str, Callable[[], Any]] = {
    space.__name__: space
    for space in (
        two_floats,
        ten_parameters,
        every_distribution,
        conditional,
        nested,
        shared_labels,
        arithmetic,
        by_keyword,
        bare,
        list_space,
        rounded_only,
        one_value,
        narrow,
    )
}
