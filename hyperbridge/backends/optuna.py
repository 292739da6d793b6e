"""The Optuna backend: the search is a real Optuna study, the trials run on this machine."""

from __future__ import annotations

from typing import Any, ClassVar

from hyperbridge.backends.base import Backend, Session
from hyperbridge.backends.workers import Workers, check_workers, local_session
from hyperbridge.errors import InvalidArgumentError
from hyperbridge.run.objective import Objective


class Optuna(Backend):
    """An Optuna study on this machine.

    ``tpe.suggest`` becomes Optuna's ``TPESampler`` and ``rand.suggest`` its ``RandomSampler``;
    an Optuna sampler or study given as ``algo`` is used as it is. The study is
    ``trials.study`` afterwards.

    Args:
        storage: Where the study is kept: a database URL such as ``sqlite:///study.db``, the path
            of a journal file (or of a SQLite file that ends in ``.db``), or an
            ``optuna.storages`` object. The same call of fmin goes on with it: ``max_evals``
            counts the trials that it holds, and a seed in ``rstate`` gives further draws instead
            of the same again. A SQLite file that another process has locked is waited for, a
            minute at most; then fmin raises BackendUnavailableError, and the trials that have
            ended are in the Trials object. None takes the environment variable
            ``HYPERBRIDGE_STORAGE`` if set, else memory.
        study_name: Name of the study; None for one made from the objective and the search
            space: another objective, or the same one with other code, gets a study of its own.
            Options that ``functools.partial`` binds to it count, with what dicts, lists and
            dataclasses hold; of data, such as a DataFrame or a long list, only the type counts.
        workers: ``"threads"`` of this process (with parallelism 1: the thread that calls fmin),
            or ``"processes"``, which can be cancelled.

    Raises:
        InvalidArgumentError: ``workers`` or ``study_name`` cannot work.

    Examples:
        >>> Optuna(storage="sqlite:///study.db").name
        'optuna'
    """

    name: ClassVar[str] = "optuna"
    tracked: ClassVar[bool] = True
    package: ClassVar[str | None] = "optuna"

    def __init__(
        self,
        *,
        storage: Any = None,
        study_name: str | None = None,
        workers: Workers = "threads",
    ) -> None:
        if study_name is not None and not (isinstance(study_name, str) and study_name):
            raise InvalidArgumentError(f"study_name must be a string, got {study_name!r}")
        self.storage = storage
        self.study_name = study_name
        self.workers = check_workers(workers)

    def prepare(self, objective: Objective, *, parallelism: int | None, trials: Any) -> Session:
        """Return a session. See `Backend.prepare`."""
        return local_session(objective, trials, max(1, parallelism or 1), self.workers)
