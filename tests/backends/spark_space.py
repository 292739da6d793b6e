"""The space of the tests here."""

from __future__ import annotations

from hyperopt import hp

SPACE = {
    "x": hp.uniform("x", -5, 5),
    "kind": hp.choice("kind", ["a", hp.quniform("q", 0, 5, 1)]),
}
