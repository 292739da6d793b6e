"""A cluster of two nodes that stays for ten minutes. Argument: the port of its client server.

It is run by a Python without hyperopt and hyperbridge.
"""

import sys
import time

from ray.cluster_utils import Cluster

cluster = Cluster(
    initialize_head=True,
    head_node_args={
        "num_cpus": 0,
        "include_dashboard": False,
        "node_ip_address": "127.0.0.1",
        "ray_client_server_port": int(sys.argv[1]),
    },
)
cluster.add_node(num_cpus=2, node_ip_address="127.0.0.1")
cluster.wait_for_nodes()
print(cluster.address, flush=True)
time.sleep(600)
