"""Run the snippets of a guide as one program; what `test_guides.py` starts.

Reads the guide's name, its snippets, each with its language, and for each the cluster that a
reader has there: None, or the shape and the settings of a Spark session.
"""

import json
import sys
import types
import warnings
from typing import Any


def open_cluster(shape: str, settings: dict[str, str]) -> None:
    from pyspark.sql import SparkSession

    builder = SparkSession.builder.master(f"local-cluster[{shape}, 1024]")
    for name, value in settings.items():
        builder.config(name, value)
    builder.getOrCreate()


def run_commands(text: str) -> None:
    from hyperbridge.cli.main import main

    for line in text.splitlines():
        if line.startswith("$ hyperbridge "):
            assert main(line.split()[2:]) in (0, 1), line


def run_snippets(
    guide: str, snippets: list[tuple[str, str]], clusters: list[tuple[str, dict[str, str]] | None]
) -> None:
    program = types.ModuleType("__main__")
    sys.modules["__main__"] = program
    for (language, text), cluster in zip(snippets, clusters, strict=True):
        if cluster is not None:
            open_cluster(*cluster)
        if language == "python":
            exec(compile(text, guide, "exec"), program.__dict__)
        else:
            run_commands(text)


def with_ray(run: Any) -> None:
    import ray

    ray.init(
        address="local",
        num_cpus=2,
        include_dashboard=False,
        log_to_driver=False,
        _node_ip_address="127.0.0.1",
    )
    run()
    ray.shutdown()


warnings.simplefilter("ignore")
sys.path[0] = ""  # the guide's files, not those beside this one
request = json.loads(sys.stdin.read())
if request[0] == "to_ray_tune":
    with_ray(lambda: run_snippets(*request))
else:
    run_snippets(*request)
