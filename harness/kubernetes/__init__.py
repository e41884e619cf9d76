"""An approach as manifests of Kubernetes: what its compose file says, and a list of what it cannot.

`base/` has the services, `keda/` scales those that share the work of a Redis stream by the length
of what waits there, `monitoring/` is for a cluster that runs the Prometheus Operator. Nothing here
talks to a cluster.
"""

from harness.kubernetes.exported_files import Export, export, write

__all__ = ["Export", "export", "write"]
