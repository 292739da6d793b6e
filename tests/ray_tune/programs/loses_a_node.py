"""A search on a cluster of two nodes, of which one is removed while its trial runs."""

import os
import threading
import time

import ray
from hyperopt import hp, rand
from ray.cluster_utils import Cluster
from ray.tune import RunConfig

from hyperbridge import Ray, SparkTrials, fmin


def fn(x):
    import os
    import time

    import ray

    here = ray.get_runtime_context().get_node_id()
    if here == doomed and not os.path.exists(gone):
        open(ready, "w").close()
        time.sleep(300)
    time.sleep(0.2)
    return {"loss": x, "status": "ok", "node": here}


folder = os.getcwd()
ready, gone = folder + "/ready", folder + "/gone"
cluster = Cluster(
    initialize_head=True,
    connect=True,
    head_node_args={
        "num_cpus": 1,
        "include_dashboard": False,
        "node_ip_address": "127.0.0.1",
    },
)
node = cluster.add_node(num_cpus=1, node_ip_address="127.0.0.1")
cluster.wait_for_nodes()
doomed = node.node_id


def remove():
    while not os.path.exists(ready):
        time.sleep(0.1)
    open(gone, "w").close()
    cluster.remove_node(node, allow_graceful=False)


thread = threading.Thread(target=remove)
thread.start()
trials = SparkTrials()
fmin(
    fn,
    hp.uniform("x", 0, 1),
    algo=rand.suggest,
    max_evals=6,
    trials=trials,
    parallelism=2,
    show_progressbar=False,
    backend=Ray(run_config=RunConfig(storage_path="results")),
)
thread.join()
print("failed", trials.count_failed_trials(), "done", trials.count_successful_trials())
print([d["misc"]["error"][1][:80] for d in trials._dynamic_trials if d["state"] == 3])
ray.shutdown()
cluster.shutdown()
