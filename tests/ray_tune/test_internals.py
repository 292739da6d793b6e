"""Names of Ray's that are not public stand in one module, and one that is missing breaks little."""

from __future__ import annotations

import re
from pathlib import Path
from types import SimpleNamespace

import pytest

pytest.importorskip("ray")

import ray
from ray.tune.schedulers import ASHAScheduler, FIFOScheduler

import hyperbridge
from hyperbridge.backends.ray import internals
from hyperbridge.errors import BackendUnavailableError

PRIVATE = re.compile(
    r"\bray\.[a-z_.]*\b_[a-z]\w*|from ray[\w.]* import _|temporary_state|pickled_error_file"
    r"|handle_error|_base_scheduler|\b_remote=|train\._internal"
)


def test_private_names_of_ray_stand_in_one_module() -> None:
    root = Path(hyperbridge.__file__).parent
    found = {
        f"{path.relative_to(root)}: {match.group()}"
        for path in root.rglob("*.py")
        if path != Path(internals.__file__)
        for match in PRIVATE.finditer(path.read_text())
    }
    assert found == set()
    assert PRIVATE.search(Path(internals.__file__).read_text())


def test_a_moved_function_of_rays_breaks_ray_client_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    from ray.train._internal import storage

    before = storage._get_ray_train_session_dir
    with internals.staging_in("/here"):
        assert storage._get_ray_train_session_dir() == "/here"
    assert storage._get_ray_train_session_dir is before
    monkeypatch.delattr(storage, "_get_ray_train_session_dir")
    with (
        pytest.raises(BackendUnavailableError, match=r"Ray Client with Ray .*ray job submit"),
        internals.staging_in("/here"),
    ):
        pass


def test_what_a_trial_does_not_tell_is_an_error_or_left_out() -> None:
    trial = SimpleNamespace()
    with pytest.raises(BackendUnavailableError, match=ray.__version__):
        internals.actor_of(trial)
    assert internals.error_of(trial) is None
    internals.show_failure(trial, "no such method: nothing happens")


def test_the_goal_of_a_scheduler_is_read_where_it_has_one() -> None:
    assert internals.goal_of(None) == (None, None)
    assert internals.goal_of(FIFOScheduler()) == (None, None)
    assert internals.goal_of(ASHAScheduler(metric="a", mode="max")) == ("a", "max")
