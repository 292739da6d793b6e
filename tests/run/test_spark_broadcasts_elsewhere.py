"""A Spark broadcast variable in an objective whose trials run in processes of other engines."""

from __future__ import annotations

import pickle
from typing import Any

import cloudpickle
import pytest
from hyperopt import hp

from hyperbridge.run.objective import Objective
from hyperbridge.run.shipping import pack_objective
from hyperbridge.worker.broadcasts import PlainBroadcast

Broadcast = pytest.importorskip("pyspark.broadcast").Broadcast


@pytest.mark.parametrize("value", [[1.0, 2.0], {"rows": ("a", 3)}])
def test_it_travels_as_its_value(value: Any) -> None:
    broadcast: Any = Broadcast.__new__(Broadcast)  # as on a driver, but without a cluster
    broadcast._value, broadcast._jbroadcast = value, None

    def fn(p: float) -> Any:
        return p, broadcast.value, type(broadcast).__name__

    with pytest.raises(Exception, match="serialized in driver"):
        cloudpickle.dumps(fn)
    packed = pack_objective(Objective(fn, hp.uniform("x", 0, 1), None), cloudpickle, where="Ray")
    returned, _ = pickle.loads(packed)(0, {"x": 0.5})
    assert returned == (0.5, value, PlainBroadcast.__name__)
