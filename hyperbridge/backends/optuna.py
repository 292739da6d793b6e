"""The Optuna backend: the search is a real Optuna study, the trials run on this machine."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

from hyperbridge.backends.base import Backend, OpenBackend
from hyperbridge.backends.retries import check_retries
from hyperbridge.backends.workers import Workers, check_workers, open_workers
from hyperbridge.errors import InvalidArgumentError
from hyperbridge.optional import Package
from hyperbridge.search.optuna import OPTUNA

if TYPE_CHECKING:
    from hyperbridge.run.objective import Objective
    from hyperbridge.search.base import Search
    from hyperbridge.search.hyperopt_algo import SeedSource


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
        study_name: Name of the study; None for the qualified name of the objective with a hash
            of the search space and of the options that ``functools.partial`` binds (of data,
            such as a DataFrame or a long list, only the type counts). An objective with the same
            name and other code continues the study, with a warning.
        workers: ``"threads"`` of this process (with parallelism 1: the thread that calls fmin),
            or ``"processes"``, which can be cancelled.
        retries: How often a trial is tried again whose process was killed or crashed; 0 fails it
            at once. An exception of the objective's is never tried again. In threads nothing can
            be lost but the whole search, so there it has no effect.

    Raises:
        InvalidArgumentError: ``workers``, ``study_name`` or ``retries`` cannot work.

    Examples:
        >>> Optuna(storage="sqlite:///study.db").name
        'optuna'
    """

    name: ClassVar[str] = "optuna"
    help: ClassVar[str] = "on this machine, as a real Optuna study"
    package: ClassVar[Package | None] = OPTUNA

    def __init__(
        self,
        *,
        storage: Any = None,
        study_name: str | None = None,
        workers: Workers = "threads",
        retries: int = 1,
    ) -> None:
        if study_name is not None and not (isinstance(study_name, str) and study_name):
            raise InvalidArgumentError(f"study_name must be a string, got {study_name!r}")
        self.storage = storage
        self.study_name = study_name
        self.workers = check_workers(workers)
        self.retries = check_retries(retries)

    def stays_within_bounds(self, algo: Any) -> bool:  # noqa: ARG002 - it is always a study
        """Tell that a study refuses points beyond the bounds. See `Backend.stays_within_bounds`."""
        return True

    def make_search(
        self, algo: Any, objective: Objective, trials: Any, seeds: SeedSource
    ) -> Search:
        """Open the study. See `Backend.make_search`."""
        from hyperbridge.search.choice import make_study_search
        from hyperbridge.search.optuna.studies import StudyPlace

        place = StudyPlace(self.storage, self.study_name)
        return make_study_search(algo, objective, trials, seeds, place)

    def open(self, objective: Objective, *, trials: Any, parallelism: int | None) -> OpenBackend:
        """Start nothing yet. See `Backend.open`."""
        return open_workers(
            objective, trials, parallelism, workers=self.workers, retries=self.retries
        )
