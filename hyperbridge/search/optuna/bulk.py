"""Add many finished trials to a study at once.

``Study.add_trials`` asks a database a dozen times for each trial and commits it. Here the rows of
all trials go in by one transaction, made of the same classes as Optuna makes them of. They are
not public: another Optuna that lacks what is used here is given the trials by ``add_trials``.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Iterator, Sequence
from typing import Any

logger = logging.getLogger(__name__)

CHUNK = 500
"""How many trials are sent to the database at a time."""


def add_trials(study: Any, frozen: Sequence[Any]) -> None:
    """Add finished trials to a study: all of them, or none when it fails.

    Only a database keeps that promise; other storages keep the trials before the one that fails.

    Args:
        study: An ``optuna.Study``.
        frozen: Trials made by ``optuna.trial.create_trial``.

    Raises:
        ValueError: A parameter is of another kind than in another trial of the study.
    """
    tables = _tables_of(study)
    if tables is None:
        study.add_trials(frozen)
        return
    for trial in frozen:
        trial._validate()
    _check_distributions(study, frozen, tables)
    with tables.transaction() as session:
        _insert(study, frozen, tables, session)


class _Tables:
    """The classes of the rows of Optuna's database, and a session on it.

    Args:
        storage: An ``optuna.storages.RDBStorage``.

    Raises:
        ImportError, AttributeError: This Optuna keeps them elsewhere.
    """

    def __init__(self, storage: Any) -> None:
        from optuna.distributions import check_distribution_compatibility
        from optuna.storages._rdb import models

        self.study = models.StudyModel
        self.trial = models.TrialModel
        self.param = models.TrialParamModel
        self.value = models.TrialValueModel
        self.report = models.TrialIntermediateValueModel
        self.user = models.TrialUserAttributeModel
        self.system = models.TrialSystemAttributeModel
        self.stored_value = models.TrialValueModel.value_to_stored_repr
        self.stored_report = models.TrialIntermediateValueModel.intermediate_value_to_stored_repr
        self.check_compatible = check_distribution_compatibility
        self._engine = storage.engine

    def transaction(self) -> Any:
        """Return a session that is committed at the end of its ``with`` block."""
        from sqlalchemy.orm import sessionmaker

        return sessionmaker(self._engine, autoflush=False).begin()


def _tables_of(study: Any) -> _Tables | None:
    from optuna.storages import RDBStorage

    storage = getattr(study._storage, "_backend", study._storage)  # without Optuna's cache
    if not isinstance(storage, RDBStorage):
        return None
    try:
        return _Tables(storage)
    except (ImportError, AttributeError) as exc:
        logger.debug("trials are added one by one: %s", exc)
        return None


def _insert(study: Any, frozen: Sequence[Any], tables: _Tables, session: Any) -> None:
    """Insert the rows of trials. Whoever else writes to the study waits until they are there."""
    rows = session.query(tables.study).filter(tables.study.study_id == study._study_id)
    rows.update({tables.study.study_name: tables.study.study_name})  # locks it, in SQLite too
    of_study = session.query(tables.trial).filter(tables.trial.study_id == study._study_id)
    first = of_study.count()
    for start in range(0, len(frozen), CHUNK):
        chunk = frozen[start : start + CHUNK]
        models = [
            tables.trial(
                study_id=study._study_id,
                number=first + start + position,
                state=trial.state,
                datetime_start=trial.datetime_start,
                datetime_complete=trial.datetime_complete,
            )
            for position, trial in enumerate(chunk)
        ]
        session.add_all(models)
        session.flush()  # gives them their ids
        for model, trial in zip(models, chunk, strict=True):
            session.add_all(_rows_of(trial, model.trial_id, tables))
        session.flush()
        session.expunge_all()


def _rows_of(trial: Any, trial_id: int, tables: _Tables) -> Iterator[Any]:
    for objective, value in enumerate(trial.values or ()):
        stored, kind = tables.stored_value(value)
        yield tables.value(trial_id=trial_id, objective=objective, value=stored, value_type=kind)
    for name, value in trial.params.items():
        distribution = trial.distributions[name]
        yield tables.param(
            trial_id=trial_id,
            param_name=name,
            param_value=distribution.to_internal_repr(value),
            distribution_json=_json_of(distribution),
        )
    for model, attributes in ((tables.user, trial.user_attrs), (tables.system, trial.system_attrs)):
        for key, value in attributes.items():
            yield model(trial_id=trial_id, key=key, value_json=json.dumps(value))
    for step, value in trial.intermediate_values.items():
        stored, kind = tables.stored_report(value)
        yield tables.report(
            trial_id=trial_id, step=step, intermediate_value=stored, intermediate_value_type=kind
        )


def _json_of(distribution: Any) -> str:
    from optuna.distributions import distribution_to_json

    return str(distribution_to_json(distribution))


def _check_distributions(study: Any, frozen: Sequence[Any], tables: _Tables) -> None:
    """Check what Optuna checks for each trial: one kind of distribution for each parameter."""
    known: dict[str, Any] = {}
    for trial in (*study.get_trials(deepcopy=False), *frozen):
        for name, distribution in trial.distributions.items():
            earlier = known.setdefault(name, distribution)
            if earlier is not distribution:
                tables.check_compatible(earlier, distribution)
