"""What the facade tells Prometheus: requests by route and never by path, because paths carry ids.

`result` and `reason` are words of docs/reasons.md.
"""

from prometheus_client import Counter, Gauge, Histogram

REQUESTS = Counter(
    "device_manager_api_requests_total",
    "Requests by route, method and status; route is empty where no route was found.",
    ["route", "method", "status"],
)

SECONDS = Histogram(
    "device_manager_api_request_seconds",
    "Time from the request's headers to the end of the answer.",
    ["route", "method"],
    buckets=(0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10),
)

WRITES = Counter(
    "device_manager_api_writes_total",
    "Writes by operation (create, change, delete) and result: Registered, Removed, Acknowledged (with"
    " wait=published), Pending (answered 202), or the reason of the refusal.",
    ["operation", "result"],
)

WAIT_SECONDS = Histogram(
    "device_manager_api_write_seconds",
    "Time from the first call of the API server until a write can be read, or is given up.",
    ["operation"],
    buckets=(0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30),
)

UNDONE = Counter(
    "device_manager_api_undone_total",
    "Requests that failed half-way and were undone later, because it could not be done at once.",
)

TOKENS_REFUSED = Counter(
    "device_manager_api_tokens_refused_total",
    "Requests that were answered 401, by what is wrong.",
    ["reason"],
)

KEY_FETCHES = Counter(
    "device_manager_api_key_fetches_total",
    "Fetches of JSON Web Key Sets, by result: ok or failed.",
    ["result"],
)

REGISTRY_AVAILABLE = Gauge(
    "device_manager_api_registry_available", "1 if Postgres answered when it was last asked, else 0."
)

OPERATOR_AT_WORK = Gauge(
    "device_manager_api_operator_at_work", "1 if an operator was at work when it was last asked, else 0."
)

ROW_SECURITY = Gauge(
    "device_manager_api_row_security",
    "1 if Postgres itself keeps tenants apart (row-level security), else 0.",
)

PRESENCE_AVAILABLE = Gauge(
    "device_manager_api_presence_available",
    "1 if Redis answered when statuses were last asked for, else 0; 0 as well without STATUS_IN_DOCUMENTS.",
)
