"""The errors and warnings of hyperbridge.

Each error also inherits the builtin that code written for hyperopt, Spark or MLflow
catches in the same situation, so that old ``except`` clauses keep working.
"""

from __future__ import annotations

from typing import Any


class HyperbridgeError(Exception):
    """Base of every error that hyperbridge raises on purpose."""


class HyperbridgeWarning(UserWarning):
    """Base of every warning of hyperbridge: something works, but not as one might think."""


class TrackingWarning(HyperbridgeWarning):
    """Something could not be written to the MLflow store; the search went on."""


class InvalidArgumentError(HyperbridgeError, ValueError):
    """An argument has a value that cannot work; the message names the argument."""


class ArgumentTypeError(InvalidArgumentError, TypeError, AttributeError):
    """An argument is no such thing at all, such as a text for a number or a list for a Trials.

    hyperopt raises TypeError or AttributeError there, whichever its first use of it leads to.
    """


class InvalidSpaceError(HyperbridgeError, ValueError):
    """A search space cannot work; the message names the label."""


class UnknownBackendError(InvalidArgumentError):
    """The backend is not one that hyperbridge has; the message lists those it has."""


class BackendUnavailableError(HyperbridgeError, RuntimeError):
    """The backend exists but cannot run here; the message says what to do."""


class MissingDependencyError(BackendUnavailableError, ImportError):
    """An optional package is not installed; the message has the pip line."""


class UnsupportedArgumentError(HyperbridgeError, NotImplementedError):
    """An argument that this combination cannot honour; refused before the first trial."""


class ObjectiveNotPicklableError(HyperbridgeError, TypeError):
    """The objective cannot be sent to workers; the message names the variable at fault."""


class ResultNotPicklableError(HyperbridgeError, TypeError):
    """A result cannot be sent back from a worker; the message names the key at fault."""


class WorkerLostError(HyperbridgeError, RuntimeError):
    """The process that ran a trial ended before the trial did."""


class TrialTimeoutError(HyperbridgeError, TimeoutError):
    """A trial was stopped because it ran longer than its limit; the message has the limit."""


class TrialCancelledError(HyperbridgeError, RuntimeError):
    """A trial was cancelled before it ended."""


class NotSavedError(HyperbridgeError, OSError):
    """A search has ended, and what should keep it on disk does not have all of its trials.

    Attributes:
        trials: The Trials object, with all of them.
    """

    def __init__(self, message: str, trials: Any = None) -> None:
        super().__init__(message)
        self.trials = trials
