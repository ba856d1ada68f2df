"""What the operator tells Prometheus. No label carries the name of a device, a template or a tenant."""

from prometheus_client import Counter, Gauge, Histogram

_QUICK = (0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30)

QUEUE_DEPTH = Gauge("device_manager_queue_depth", "Resources that wait for a worker.")

QUEUE_OLDEST_AGE = Gauge(
    "device_manager_queue_oldest_age_seconds", "How long the oldest of them has waited; 0 if none waits."
)

IN_HAND = Gauge("device_manager_in_hand", "Resources that workers are busy with.")

RECONCILES = Counter(
    "device_manager_reconcile_total",
    "Looks at a resource, by kind and result: the reason of the outcome, Released, Paused, Gone, or the error"
    " that made it fail.",
    ["kind", "result"],
)

RECONCILE_SECONDS = Histogram(
    "device_manager_reconcile_seconds",
    "Time from taking a resource until it was settled or failed.",
    ["kind"],
    buckets=_QUICK,
)

BATCH_ROWS = Histogram(
    "device_manager_batch_rows",
    "Devices in one transaction.",
    buckets=(1, 2, 5, 10, 20, 50, 100, 200, 500),
)

BATCH_SECONDS = Histogram("device_manager_batch_seconds", "Time for one batch of devices.", buckets=_QUICK)

STATUS_WRITES = Counter(
    "device_manager_status_writes_total",
    "Writes of a status, by the answer of the API server; Skipped ones would have changed nothing.",
    ["code"],
)

TIME_TO_READY = Histogram(
    "device_manager_time_to_ready_seconds",
    "Time from the creation of a device until its status said Ready, for first registrations; the creation"
    " is known to the second only.",
    buckets=(0.5, 1, 2, 5, 10, 30, 60, 120, 300, 900),
)

REGISTRY_AVAILABLE = Gauge(
    "device_manager_registry_available", "1 if Postgres answered when it was last asked, else 0."
)
