"""An elastic search, in which a node joins and leaves again.

Then one on a cluster of two nodes, of which one is removed while its trial runs.
"""

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


def objective(x):
    import time

    import ray

    here = ray.get_runtime_context().get_node_id()
    open(f"{folder}/trial-{here}-{x}", "w").close()
    time.sleep(0.5)
    return x


def wait(condition):
    deadline = time.monotonic() + 120
    while not condition() and time.monotonic() < deadline:
        time.sleep(0.1)
    return condition()


def began_on(node_id):
    return sum(name.startswith(f"trial-{node_id}") for name in os.listdir(folder))


def minimise():
    fmin(
        objective,
        hp.uniform("x", 0, 1),
        algo=rand.suggest,
        timeout=300,
        trials=following,
        parallelism=3,
        early_stop_fn=lambda trials, *args: (is_over.is_set(), args),
        show_progressbar=False,
        backend=Ray(run_config=RunConfig(storage_path="elastic"), elastic=True),
    )


following = SparkTrials()
is_over = threading.Event()
thread = threading.Thread(target=minimise)
thread.start()
wait(lambda: began_on("") >= 3)
sizes = [following.parallelism]
guest = cluster.add_node(num_cpus=1, node_ip_address="127.0.0.1")
print("has trials", wait(lambda: began_on(guest.node_id) >= 2))
wait(lambda: following.parallelism == 2)
sizes.append(following.parallelism)
cluster.remove_node(guest)
wait(lambda: following.parallelism == 1)
sizes.append(following.parallelism)
is_over.set()
thread.join()
print("sizes", sizes, "running", following.count_by_state_unsynced(1))

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
print("attempts", sorted(d["misc"].get("attempts", 1) for d in trials._dynamic_trials))
ray.shutdown()
cluster.shutdown()
