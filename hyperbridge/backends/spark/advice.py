"""What to do about what goes wrong on Spark: objects of the driver, clusters that run nothing.

Source: messages of PySpark 3.5 and 4.x, and of the JVM that starts the Python workers.
"""

from __future__ import annotations

import re
import sys
from typing import Any

from hyperbridge.run.blame import ADVICE

_WORKER_PYTHON = (
    "Set PYSPARK_PYTHON to {python!r}, or to the same Python where the workers are, before the "
    "SparkSession is created (with Spark Connect: before the server is started)."
)

_KINDS = (
    (
        re.compile(r"PYTHON_VERSION_MISMATCH|Python in worker has different version"),
        "the workers run another version of Python than the driver, which runs {version}. "
        + _WORKER_PYTHON,
    ),
    (
        re.compile(r"Cannot run program \"([^\"]+)\".*error=(?:2|13),"),
        "the workers cannot start their Python, {found!r}. " + _WORKER_PYTHON,
    ),
    (
        re.compile(r"No module named '?(pyarrow|pandas|pyspark)\b"),
        "the workers' Python lacks {found}, which PySpark needs there. Install it there. "
        "Or is that Python not the one you meant? " + _WORKER_PYTHON,
    ),
    (
        re.compile(r"INVALID_HANDLE\.SESSION_\w+|\bSESSION_(?:CLOSED|NOT_FOUND|CHANGED)\b"),
        "the Spark Connect server has closed the session or was restarted. Create a new "
        "SparkSession.",
    ),
)


DRIVER_ONLY_ADVICE = (
    "Spark objects live on the driver alone, so an objective that uses Spark or MLlib itself "
    "cannot run inside a Spark task: call fmin with plain Trials() (backend 'local'); the "
    "objective's own Spark jobs are distributed then."
)


def advise(value: Any) -> str:
    """Say what to do about an object that an objective uses and that cannot be pickled.

    Examples:
        >>> advise(open)
        'Create it inside the objective, or load it there from a file. Large data can go into a broadcast variable.'
    """  # noqa: E501
    if type(value).__module__.startswith(("pyspark", "py4j")):
        return DRIVER_ONLY_ADVICE
    return f"{ADVICE} Large data can go into a broadcast variable."


def explain_unusable(text: str) -> str | None:
    """Return why no trial can run, and what to do, if that is what a job's error says.

    Args:
        text: Spark's message about a failed job, whose objective did not come to raise.

    Returns:
        None when the error may concern this one job alone.

    Examples:
        >>> "PYSPARK_PYTHON" in explain_unusable('Cannot run program "python9": error=2, No')
        True
        >>> explain_unusable("Python worker exited unexpectedly (crashed)") is None
        True
    """
    for pattern, advice in _KINDS:
        match = pattern.search(text)
        if match is not None:
            version = f"{sys.version_info.major}.{sys.version_info.minor}"
            found = match[1] if match.groups() else match[0]
            return advice.format(python=sys.executable, version=version, found=found)
    return None


# Errors with a name (classic and Connect), what has no session to give, and the bare assertions
# and attribute errors that pyspark's own driver-side code ends with in a worker.
_DRIVER_ONLY = re.compile(
    r"CONTEXT_ONLY_VALID_ON_DRIVER|NO_ACTIVE_SESSION"
    r"|(?:getActiveSession\(\)|_active_spark_context)\.[^\n]*\n(?:[ ~^]*\n)?AttributeError: 'NoneT"
    r"|File \"[^\"]*/pyspark/(?:ml|mllib|sql|pandas|core/context|java_gateway)\b[^\"]*\", line \d+"
    r"[^\n]*\n(?:    [^\n]*\n)*(?:AssertionError|AttributeError|RuntimeError)\b"
)


def explain_failure(traceback: str) -> str | None:
    """Say what to do about an objective that used Spark inside its task, if it did.

    Examples:
        >>> explain_failure("ValueError: not about Spark") is None
        True
    """
    return DRIVER_ONLY_ADVICE if _DRIVER_ONLY.search(traceback) else None


def first_cause(text: str) -> str:
    r"""Return what of Spark's message says what happened, at most 500 characters of a line.

    Examples:
        >>> first_cause("An error\nLost task: Python worker exited unexpectedly\n\tat Foo")
        'Python worker exited unexpectedly'
    """
    lines = [line.strip(" \t:") for line in text.splitlines() if line.strip()]
    told = re.search(r"(?:Python worker exited|ExecutorLostFailure).*", text)
    if told is not None:
        return told[0].strip()[:500]
    return (lines[1] if len(lines) > 1 else lines[0] if lines else "no message")[:500]
