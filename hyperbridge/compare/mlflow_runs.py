"""What the MLflow runs of a program look like, read from the store that it had for itself."""

from __future__ import annotations

import re
from collections import Counter
from typing import Any

from hyperbridge.compare.records import RunsRecord

_PARENT = "mlflow.parentRunId"
_UUID = "fmin_uuid"
_ABOUT_STATE = ("trial_status", "runSource", "hyperbridge.attempt")
"""Tags whose values are compared; all others by their names alone."""

_WHERE = (
    "hyperbridge.backend", "hyperbridge.version", "hyperbridge.kept_in", "hyperbridge.process",
)  # fmt: skip
"""Tags that say where a search ran and where it is kept, which is what is compared."""

_PAGE = 1000


def read_runs(tracking_uri: str) -> list[RunsRecord]:
    """Return the runs of each search in a store, in the order in which they began."""
    import mlflow

    client = mlflow.MlflowClient(tracking_uri)
    runs = _all_runs(client)
    by_id = {run.info.run_id: run for run in runs}
    below: dict[str, list[Any]] = {}
    for run in runs:
        below.setdefault(run.data.tags.get(_PARENT, ""), []).append(run)
    found: list[tuple[int, RunsRecord]] = []
    for parent in below.get("", []):
        groups: dict[str, list[Any]] = {}
        for child in below.get(parent.info.run_id, []):
            groups.setdefault(child.data.tags.get(_UUID, ""), []).append(child)
        uuids = set(groups) - {""}
        for uuid, children in groups.items():
            n_below = sum(len(below.get(child.info.run_id, [])) for child in children)
            record = _record(parent, uuid, uuids, children)
            record.n_below = n_below
            found.append((min(child.info.start_time for child in children), record))
    assert len(by_id) == len(runs)
    return [record for _, record in sorted(found, key=lambda each: each[0])]


def _all_runs(client: Any) -> list[Any]:
    ids = [each.experiment_id for each in client.search_experiments()]
    found: list[Any] = []
    token = None
    while True:
        page = client.search_runs(ids, max_results=_PAGE, page_token=token)
        found += page
        token = page.token
        if not token:
            return found


def _record(parent: Any, uuid: str, uuids: set[str], children: list[Any]) -> RunsRecord:
    ended = [child for child in children if child.info.status == "FINISHED"]
    names: dict[str, dict[str, int]] = {}
    for kind in ("params", "tags", "metrics"):
        counts = Counter(
            name for child in ended for name in getattr(child.data, kind) if _is_ours(name)
        )
        names[kind] = dict(sorted(counts.items()))
    values = {
        tag: dict(Counter(c.data.tags[tag] for c in children if tag in c.data.tags))
        for tag in _ABOUT_STATE
    }
    params = _own(parent.data.params, uuid, uuids)
    return RunsRecord(
        parent_params=params,
        parent_names={
            "params": sorted(params),
            "tags": sorted(filter(_is_ours, _own(parent.data.tags, uuid, uuids))),
            "metrics": sorted(parent.data.metrics),
        },
        parent_status=parent.info.status,
        n_children=len(children),
        statuses=dict(sorted(Counter(child.info.status for child in children).items())),
        names=names,
        values={tag: dict(sorted(counts.items())) for tag, counts in values.items() if counts},
        run_names=dict(Counter(_form_of(child.info.run_name or "") for child in children)),
        losses=sorted(c.data.metrics["loss"] for c in children if "loss" in c.data.metrics),
    )


def _own(data: dict[str, str], uuid: str, uuids: set[str]) -> dict[str, str]:
    """Return the params or tags of one of the searches in a parent run.

    A later search in the same run has its fmin_uuid at the end of its names.
    """
    suffixes = tuple(f"_{each}" for each in uuids)
    mine = {k.removesuffix(f"_{uuid}"): v for k, v in data.items() if k.endswith(f"_{uuid}")}
    return mine or {k: v for k, v in data.items() if not k.endswith(suffixes)}


def _form_of(name: str) -> str:
    """Return a name with its numbers and ids left out; those that MLflow makes up are all one.

    Examples:
        >>> _form_of("trial-12"), _form_of("run_trial_d1f2b_00003"), _form_of("dapper-fox-123")
        ('trial-<n>', 'run_trial_<n>_<n>', "of MLflow's own")
    """
    if re.fullmatch(r"[a-z]+-[a-z]+-\d+", name):
        return "of MLflow's own"
    return re.sub(r"(?<![^\W_])[0-9a-f]*\d[0-9a-f]*(?![^\W_])", "<n>", name)


def _is_ours(name: str) -> bool:
    return not name.startswith("mlflow.") and name not in _WHERE
