"""End the runs that a killed process left RUNNING, when another call goes on with its search.

Runs of a search that is kept somewhere (a file of trials, a study, a Ray experiment) carry the
place and their process as tags. A run is left alone while its process lives.
"""

from __future__ import annotations

import hashlib
import time
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from hyperbridge.documents import Place
from hyperbridge.files.processes import is_alive, this_process
from hyperbridge.tracking.attach.trial import STRAY_TAG
from hyperbridge.tracking.record import STATUS_TAG
from hyperbridge.tracking.store import Store

_PLACE_TAG = "hyperbridge.kept_in"
_PROCESS_TAG = "hyperbridge.process"

_open_here: set[str] = set()
"""The fmin calls of this process that have not ended, by their fmin_uuid."""


def note_open(fmin_uuid: str) -> None:
    """Remember that a call of fmin has begun in this process."""
    _open_here.add(fmin_uuid)


def note_closed(fmin_uuid: str) -> None:
    """Remember that a call of fmin has ended."""
    _open_here.discard(fmin_uuid)


def place_tags(places: Sequence[Place]) -> dict[str, str]:
    """Return the tags of the runs of a search that is kept somewhere; none if it is not."""
    if not places:
        return {}
    return {_PLACE_TAG: " ".join(map(_short, places)), _PROCESS_TAG: this_process()}


def end_leftovers(
    store: Store,
    experiment_ids: Iterable[str],
    places: Sequence[Place],
    *,
    put_in_order: str | None = None,
    going_on: str | None = None,
) -> None:
    """End the open runs of dead processes that kept their search at one of the same places.

    Args:
        store: Where the runs are.
        experiment_ids: The experiment of the present call, and that of earlier ones.
        places: Where the present call keeps its search.
        put_in_order: The ``fmin_uuid`` of child runs that are left to `EarlierChildren`.
        going_on: The id of the parent run that the present call goes on with.
    """
    now_ms = int(time.time() * 1000)
    for experiment_id in experiment_ids:
        calls = set()
        for run in _open_runs(store, experiment_id, places):
            tags = run.data.tags
            is_child = "hyperbridge.tid" in tags
            is_seen_to = is_child and tags.get("fmin_uuid") == put_in_order
            if is_seen_to or run.info.run_id == going_on:
                continue
            calls.add(tags.get("fmin_uuid"))
            if is_child:
                store.log(run.info.run_id, tags={STATUS_TAG: "cancelled"})
            store.end_run(run.info.run_id, "KILLED", now_ms)
        for fmin_uuid in calls - {None}:
            end_strays(store, experiment_id, str(fmin_uuid))


def _open_runs(store: Store, experiment_id: str, places: Sequence[Place]) -> Iterator[Any]:
    """Return the RUNNING runs of searches at some places whose process is dead."""
    seen: set[str] = set()
    for place in places:
        query = f"attributes.status = 'RUNNING' and tags.`{_PLACE_TAG}` LIKE '%{_short(place)}%'"
        for run in store.find_runs(experiment_id, query):
            is_new = run.info.run_id not in seen
            if is_new and not _is_open(run.data.tags, is_shared=place.is_shared):
                seen.add(run.info.run_id)
                yield run


def end_strays(store: Store, experiment_id: str, fmin_uuid: str) -> None:
    """End the runs that objectives started below their trials' runs and did not end.

    Args:
        store: Where the runs are.
        experiment_id: Their experiment.
        fmin_uuid: Names the call of fmin.
    """
    query = f"attributes.status = 'RUNNING' and tags.`{STRAY_TAG}` = '{fmin_uuid}'"
    for run in store.find_runs(experiment_id, query):
        store.end_run(run.info.run_id, "KILLED", int(time.time() * 1000))


def _short(place: Place) -> str:
    return hashlib.sha256(place.name.encode("utf-8", "surrogatepass")).hexdigest()[:16]


def _is_open(tags: dict[str, Any], *, is_shared: bool) -> bool:
    """Tell whether the process of a run lives, or may do so, and has not ended its search.

    Args:
        tags: Of the run.
        is_shared: Whether several processes may work on the search at once. If not, a process
            on another machine is taken for dead: else this call would not go on with its search.
    """
    process: str = tags.get(_PROCESS_TAG, "")
    if process == this_process():
        return tags.get("fmin_uuid") in _open_here
    lives = is_alive(process)
    return is_shared if lives is None else lives
