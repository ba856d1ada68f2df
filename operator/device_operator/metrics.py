"""What the operator tells Prometheus. No label carries the name of a device, a template or a tenant."""

from prometheus_client import Counter, Gauge, Histogram

_QUICK = (0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30)

QUEUE_DEPTH = Gauge("device_manager_queue_depth", "Resources that wait for a worker.")

QUEUE_OLDEST_AGE = Gauge(
    "device_manager_queue_oldest_age_seconds", "How long the oldest of them has waited; 0 if none waits."
)

IN_HAND = Gauge("device_manager_in_hand", "Resources that workers are busy with.")

IN_HAND_OLDEST_AGE = Gauge(
    "device_manager_in_hand_oldest_age_seconds",
    "How long the worker that has been busy for the longest is at its resource; 0 if none is busy.",
)

RETRYING = Gauge(
    "device_manager_retrying", "Resources that failed or are held back and wait for their next attempt."
)

RESOURCES = Gauge("device_manager_resources", "Resources in the cluster, as of the last sweep.", ["kind"])

NOT_READY = Gauge(
    "device_manager_not_ready",
    "Resources that are not Ready, by the reason in their status; New ones have no status yet.",
    ["kind", "reason"],
)

NOT_READY_AGE = Gauge(
    "device_manager_not_ready_oldest_age_seconds",
    "How long the first of these resources has not been Ready; 0 if there is none any more.",
    ["kind", "reason"],
)

DELETIONS_HELD = Gauge("device_manager_deletions_held", "Devices whose deletion the budget holds.")

RECONCILES = Counter(
    "device_manager_reconcile_total",
    "Looks at a resource, by kind and result: the reason of the outcome, Paused, Gone, or the error"
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

STATUS_WRITE_SECONDS = Histogram(
    "device_manager_status_write_seconds",
    "Time that the API server takes for the write of a status.",
    buckets=_QUICK,
)

TIME_TO_READY = Histogram(
    "device_manager_time_to_ready_seconds",
    "Time from the creation of a device until its status said Ready, for first registrations; the creation"
    " is known to the second only.",
    buckets=(0.5, 1, 2, 5, 10, 30, 60, 120, 300, 900),
)

TENANT_CONFLICTS = Gauge(
    "device_manager_tenant_conflicts", "Resources whose namespace may not stand for its tenant."
)

PAUSED = Gauge(
    "device_manager_paused",
    "Resources with the annotation dojot.io/paused (what=resources); 1 if PAUSED is set (what=operator).",
    ["what"],
)

EVENTS_POSTED = Counter(
    "device_manager_events_posted_total",
    "Kubernetes Events about resources, by the answer of the API server; Dropped ones came too fast.",
    ["code"],
)

CRD_FIELDS_MISSING = Gauge(
    "device_manager_crd_fields_missing",
    "Fields that this version uses and the installed CRDs do not have; the API server drops them silently.",
)

REGISTRY_AVAILABLE = Gauge(
    "device_manager_registry_available", "1 if Postgres answered when it was last asked, else 0."
)

CLUSTER_AVAILABLE = Gauge(
    "device_manager_cluster_available", "1 if the API server answered when it was last needed, else 0."
)

REGISTRY_SECONDS = Histogram(
    "device_manager_registry_seconds",
    "Time that Postgres takes to answer the question whether it is there.",
    buckets=_QUICK,
)

SWEEP_DIFFERENCES = Counter(
    "device_manager_sweep_differences_total",
    "What sweeps found: Unknown, Recreated, Behind, Unguarded, Deleting or Drifted objects for a worker,"
    " Paused ones that drifted, and Absent ones whose rows are unclaimed now.",
    ["kind", "difference"],
)

SWEEP_SECONDS = Histogram(
    "device_manager_sweep_seconds",
    "Time for comparing everything in the cluster with the registry.",
    buckets=(0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 120),
)

SWEEP_SUCCESS = Gauge(
    "device_manager_sweep_last_success_timestamp_seconds",
    "When a sweep came to its end for the last time, in seconds since 1970; 0 if none has yet.",
)

UNCLAIMED_ROWS = Gauge(
    "device_manager_unclaimed_rows", "Rows that no resource stands behind, as of the last sweep.", ["kind"]
)

DRIFT_REPAIRED = Counter(
    "device_manager_drift_repaired_total",
    "Devices whose row was changed or deleted by others and is restored.",
)

LEADER = Gauge("device_manager_leader", "1 if this process leads, else 0; the sum over all should be 1.")

LEADER_EPOCH = Gauge(
    "device_manager_leader_epoch", "The epoch that this process leads or led in; 0 if it never did."
)

TAKEOVERS = Counter("device_manager_takeovers_total", "How often this process took the lead.")

LEASE_FAILURES = Counter(
    "device_manager_lease_failures_total", "Attempts to take or renew the Lease that failed by an error."
)

FENCED = Counter(
    "device_manager_fenced_total", "Writes that were refused because another operator leads, or may lead."
)
