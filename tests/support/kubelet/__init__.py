"""A kubelet that runs pods as processes: what a chart declares is started as its pods say.

The real API server and the real controllers make pods of Deployments and Jobs; this runs them from the file
system that the Dockerfile makes (`tests.support.dockerfile`), without a container engine and without root.

What is as in a container: command, arguments, environment (also from ConfigMaps, Secrets and fields of the
pod), volumes, the token of the pod's own ServiceAccount, the user, a tree that cannot be written, probes,
restarts, SIGTERM and the time of grace. What differs, because there is neither a network nor a file system of
the pod's own: a pod has an address of 127.0.0.0/8 and its programs are told to listen there (METRICS_HOST,
API_HOST); paths of mounted volumes, wherever they stand in environment and arguments, are replaced by where
the volumes lie, and the token is found through KUBECONFIG; the URL of a Service is replaced by that of a pod
behind it.
"""

from .agent import Kubelet

__all__ = ["Kubelet"]
