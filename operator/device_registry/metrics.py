"""What the relay tells Prometheus. No label carries the name of a device, a template or a tenant."""

from prometheus_client import Counter, Gauge, Histogram

OUTBOX_DEPTH = Gauge("device_manager_outbox_depth", "Events in the outbox that wait to be sent.")

OUTBOX_OLDEST_AGE = Gauge(
    "device_manager_outbox_oldest_age_seconds", "Age of the oldest event that waits to be sent; 0 if none."
)

OUTBOX_QUARANTINED = Gauge(
    "device_manager_outbox_quarantined", "Events in quarantine about which nobody has decided."
)

EVENT_LAG = Histogram(
    "device_manager_event_lag_seconds",
    "Time from the change of a device until Kafka had acknowledged its event.",
    buckets=(0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300, 900, 3600),
)

EVENTS_SENT = Counter(
    "device_manager_events_sent_total", "Events that Kafka has acknowledged, by event type.", ["type"]
)

SEND_FAILURES = Counter(
    "device_manager_send_failures_total",
    "Failed attempts to send, by reason: BrokerUnavailable and RegistryUnavailable count whole attempts,"
    " Pending events that are tried again, Poison events that never will be, Contended steps that gave way to"
    " another transaction, Unexpected bugs.",
    ["reason"],
)

EVENTS_QUARANTINED = Counter(
    "device_manager_events_quarantined_total", "Events that can never be sent and were put aside."
)

EVENTS_READMITTED = Counter(
    "device_manager_events_readmitted_total", "Events that people took out of quarantine to be sent again."
)

SEND_SECONDS = Histogram(
    "device_manager_send_seconds",
    "Time from handing a round of events to Kafka until the last acknowledgement.",
    buckets=(0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 20),
)

BROKER_AVAILABLE = Gauge(
    "device_manager_broker_available", "1 if Kafka answered when it was last needed, else 0."
)
