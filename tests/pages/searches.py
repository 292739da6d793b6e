"""Histories that pages are made of in tests."""

from __future__ import annotations

import math
from datetime import datetime, timedelta
from typing import Any

import numpy as np
from hyperopt import hp

from hyperbridge.documents import misc_of, new_document
from hyperbridge.history.history import History
from hyperbridge.translate.from_hyperopt import read_space

BEGIN = datetime(2026, 3, 1, 8, 0)

LOUD = "</script><script>window.hacked=1</script>"
HOSTILE = {
    "script": f"x{LOUD}",
    "image": '<img src="http://192.0.2.1/x.png" onerror="window.hacked=2">',
    "template": "%{x} %{customdata} {{a}} ${b} $c$ `d`",
    "quotes": "\"it's\" [0]['a'] & <b>bold</b> &lt;",
    "emoji": "rate 🚀 ❤️ \u202egnp.exe",
}
TRACEBACK = f"""Traceback (most recent call last):
  File "<b>train</b>.py", line 1, in objective
    {LOUD}
ValueError: <img src=x onerror="window.hacked=3"> & "quotes" {"very long " * 40}
"""


def hostile(n: int = 60, seed: int = 1) -> History:
    """Return a search whose labels, options, errors and source are markup, with all states."""
    rng = np.random.default_rng(seed)
    labels = HOSTILE
    space = read_space(
        {
            "kind": hp.choice(
                labels["script"],
                [
                    {"name": "plain"},
                    {"name": LOUD, "depth": hp.quniform(labels["quotes"], 1, 9, 1)},
                    "<b>bold</b> \"quoted\" 'option' 🚀",
                ],
            ),
            "rate": hp.loguniform(labels["emoji"], -9, 0),
            "size": hp.uniform(labels["image"], -1, 1),
            "steps": hp.randint(labels["template"], 5),
        }
    )
    documents = []
    for tid in range(n):
        _, assignment = space.draw(rng)
        document = new_document(tid, misc_of(tid, assignment, list(space.parameters)), None)
        x = float(assignment[labels["image"]])
        rate = float(assignment[labels["emoji"]])
        loss = x**2 + 0.1 * abs(math.log10(rate) + 2) + 0.05 * float(rng.normal())
        began = BEGIN + timedelta(seconds=20 * (tid // 4) + float(rng.uniform(0, 2)))
        document.update(
            state=2,
            book_time=began,
            refresh_time=began + timedelta(seconds=float(rng.uniform(5, 17))),
            result={"status": "ok", "loss": loss},
        )
        misc = document["misc"]
        misc["reports"] = [[step, loss + 1 / (1 + step), 0] for step in range(1, 6)]
        misc["reports"] = [each[:2] for each in misc["reports"]]
        if tid % 7 == 3:
            document["result"] = {"status": "fail", "loss": loss + 0.3, "pruned": True}
            misc["reports"] = misc["reports"][:3]
        elif tid % 11 == 5:
            document.update(state=3, result={"status": "new"})
            misc.update(error=("<class 'ValueError'>", TRACEBACK), traceback=TRACEBACK)
        elif tid % 13 == 6:
            document["result"] = {"status": "fail", "failure": f"no {LOUD}"}
        elif tid == 20:
            document.update(state=4, result={"status": "new"})
        documents.append(document)
    remarks = [f"a remark with {LOUD}"]
    return History(documents, {}, f"study '{LOUD}' in sqlite:///x.db", remarks, space)


def large(n: int = 5_000, n_labels: int = 10, seed: int = 2) -> History:
    """Return a search as it is usual, in a flat space, with reports of all trials."""
    rng = np.random.default_rng(seed)
    labels = [f"parameter_{k}" for k in range(n_labels)]
    parts: dict[str, Any] = {label: hp.uniform(label, 0, 1) for label in labels[:-2]}
    parts["rate"] = hp.loguniform(labels[-2], -9, 0)
    parts["kind"] = hp.choice(labels[-1], ["small", "medium", "large"])
    space = read_space(parts)
    documents = []
    for tid in range(n):
        _, assignment = space.draw(rng)
        document = new_document(tid, misc_of(tid, assignment, labels), None)
        loss = sum((assignment[label] - 0.3) ** 2 for label in labels[:3]) + float(
            rng.normal(0, 0.1)
        )
        began = BEGIN + timedelta(seconds=3 * (tid // 8) + float(rng.uniform(0, 0.5)))
        document.update(
            state=2,
            book_time=began,
            refresh_time=began + timedelta(seconds=float(rng.uniform(0.5, 2.4))),
            result={"status": "ok", "loss": loss},
        )
        document["misc"]["reports"] = [[step, loss + 1 / step] for step in range(1, 11)]
        if tid % 20 == 7:
            document.update(state=3, result={"status": "new"})
            error = ("<class 'ValueError'>", f"bad value {tid}")
            document["misc"].update(
                error=error, traceback=f"Traceback ...\nValueError: {tid}\n" * 20
            )
        documents.append(document)
    return History(documents, {}, "large.db", [], space)
