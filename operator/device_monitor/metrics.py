"""What the monitor tells Prometheus. No label carries the name of a device or a tenant."""

from prometheus_client import Counter, Gauge, Histogram

MESSAGES = Counter(
    "device_manager_monitor_messages_total",
    "Records of device data, by result: Seen, or why one says nothing about a device (see docs/monitor.md).",
    ["result"],
)

INVALID_TIMEOUTS = Counter(
    "device_manager_monitor_invalid_timeouts_total",
    "Times that a template's device_timeout was no number of milliseconds above 0 and was ignored.",
)

TRANSITIONS = Counter(
    "device_manager_monitor_transitions_total", "Devices that came and went, by their new status.", ["status"]
)

NOTICES_SENT = Counter("device_manager_monitor_notices_sent_total", "Notices that Kafka has acknowledged.")

NOTICE_FAILURES = Counter(
    "device_manager_monitor_notice_failures_total",
    "Rounds of notices of a tenant that were not acknowledged in full; they are looked for and sent again.",
)

DEVICES_ONLINE = Gauge(
    "device_manager_monitor_devices_online",
    "Devices online, of the tenants whose first partition this monitor reads; the sum over monitors is all.",
)

PARTITIONS = Gauge("device_manager_monitor_partitions", "Partitions of device data that this monitor reads.")

MONITORS = Gauge("device_manager_monitor_monitors", "Monitors that share the work, as this one sees it.")

READ_AGE = Gauge(
    "device_manager_monitor_read_age_seconds",
    "Age of the oldest record that this monitor may still have to read: how late a transition may be.",
)

AVAILABLE = Gauge(
    "device_manager_monitor_dependency_available",
    "1 if the dependency (postgres, kafka, redis) answered when it was last needed, else 0.",
    ["dependency"],
)

FAILURES = Counter(
    "device_manager_monitor_failures_total",
    "Rounds that were given up, by reason: BrokerUnavailable, PresenceUnavailable, or Unexpected for bugs.",
    ["reason"],
)

ROUND_SECONDS = Histogram(
    "device_manager_monitor_round_seconds",
    "Time for one round: read, note, tell; it waits up to a quarter of a second for records.",
    buckets=(0.01, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30),
)
