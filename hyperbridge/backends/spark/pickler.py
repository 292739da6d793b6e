"""PySpark's own copy of cloudpickle, which every worker of a cluster has.

Source: pyspark.cloudpickle; the copy in PySpark 3.5 is cloudpickle 2.2, that in 4.x is 3.x.
"""

from __future__ import annotations

import dataclasses

import pyspark.cloudpickle

PICKLER = pyspark.cloudpickle


@dataclasses.dataclass
class _Example:
    value: int = 0


_Marker = type(dataclasses.fields(_Example)[0]._field_type)  # type: ignore[attr-defined]

if PICKLER.__version__.startswith("2."):
    # cloudpickle 2 copies the markers by which a dataclass knows its fields; the class that it
    # rebuilds on a worker does not recognise the copies and has no fields any more.
    PICKLER.CloudPickler.dispatch_table.setdefault(_Marker, repr)
