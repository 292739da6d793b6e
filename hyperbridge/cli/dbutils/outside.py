"""``dbutils.secrets`` and ``dbutils.jobs``, for a notebook that runs outside of Databricks.

Source: Databricks documentation, "Databricks Utilities reference".
"""

from __future__ import annotations

import os
import re
from typing import Any

from hyperbridge.errors import HyperbridgeError


class MissingSecretError(HyperbridgeError, KeyError):
    """A secret is not in the environment; the message names the variable."""

    def __str__(self) -> str:
        return str(self.args[0])


def secret_variable(scope: str, key: str) -> str:
    """Return the environment variable that stands for a secret.

    Examples:
        >>> secret_variable("prod-db", "password")
        'HYPERBRIDGE_SECRET_PROD_DB_PASSWORD'
    """
    return "HYPERBRIDGE_SECRET_" + re.sub(r"\W", "_", f"{scope}_{key}").upper()


class Secrets:
    """``dbutils.secrets``: each secret is an environment variable here."""

    def get(self, scope: str, key: str) -> str:
        """Return a secret.

        Raises:
            MissingSecretError: Its environment variable is not set.
        """
        name = secret_variable(scope, key)
        try:
            return os.environ[name]
        except KeyError:
            raise MissingSecretError(
                f"secret {key!r} of scope {scope!r} is not here. Set the environment variable "
                f"{name}."
            ) from None

    def getBytes(self, scope: str, key: str) -> bytes:  # noqa: N802 - Databricks' name
        """Return a secret as bytes. See `get`."""
        return self.get(scope, key).encode()


class TaskValues:
    """``dbutils.jobs.taskValues``: outside of a job, values are set and never found."""

    def set(self, key: str, value: Any) -> None:
        """Accept a value for later tasks, of which there are none."""

    def get(self, taskKey: str, key: str, default: Any = None, debugValue: Any = None) -> Any:  # noqa: ARG002, N803
        """Return ``debugValue``, as Databricks does outside of a job.

        Raises:
            TypeError: No ``debugValue`` was given.
        """
        if debugValue is None:
            raise TypeError(
                f"task value {key!r} of task {taskKey!r}: outside of a job give debugValue="
            )
        return debugValue


class Jobs:
    """``dbutils.jobs``."""

    taskValues = TaskValues()  # noqa: N815 - Databricks' name
