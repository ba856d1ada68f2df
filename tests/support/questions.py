"""What the dashboards ask: is anything stuck, what does the user feel, what will break next."""

from .dashboards import Dashboard, Panel, Query, highest, quantile, rate, scoped, usual_and_worst
from .forecast import NEXT

_FAILED = 'status=~"5.."'

_STUCK = Dashboard(
    "device-manager-stuck",
    "Device manager: is anything stuck?",
    {
        "At a glance": [
            Panel(
                question="Does one operator lead?",
                help="1 is right. 0: nobody works. 2: one of them is frozen, and its writes are refused.",
                queries=[Query(f"sum({scoped('device_manager_leader')})")],
                width=4,
                single=True,
                red=1,
                low_is_red=True,
            ),
            Panel(
                question="Do Postgres and the API server answer?",
                help="As the operator and the facade see it.",
                queries=[
                    Query(highest("device_manager_registry_available"), "Postgres"),
                    Query(highest("device_manager_api_registry_available"), "Postgres (facade)"),
                    Query(highest("device_manager_cluster_available"), "API server"),
                ],
                width=4,
                single=True,
                red=1,
                low_is_red=True,
            ),
            Panel(
                question="Does Kafka take events?",
                help="As the leader saw it when it last had something to send.",
                queries=[
                    Query(
                        f"min({scoped('device_manager_broker_available')}"
                        f" and on (instance) {scoped('device_manager_leader')} == 1)"
                    )
                ],
                width=4,
                single=True,
                red=1,
                low_is_red=True,
            ),
            Panel(
                question="How many are not Ready?",
                help="Devices and templates together; below by reason.",
                queries=[
                    Query(f"sum({highest('device_manager_not_ready', by='kind, reason')}) or vector(0)")
                ],
                width=4,
                single=True,
                red=1,
            ),
            Panel(
                question="How late are events?",
                help="Age of the oldest event that Kafka does not have.",
                queries=[Query(highest("device_manager_outbox_oldest_age_seconds"))],
                unit="s",
                width=4,
                single=True,
                red=60,
            ),
            Panel(
                question="What waits for a person?",
                help="Events in quarantine (`device-manager quarantine list`), deletions that the"
                " budget holds,"
                " resources of a namespace that may not stand for its tenant, a paused operator.",
                queries=[
                    Query(highest("device_manager_outbox_quarantined"), "quarantined"),
                    Query(highest("device_manager_deletions_held"), "deletions held"),
                    Query(highest("device_manager_tenant_conflicts"), "tenant conflicts"),
                    Query(highest("device_manager_paused", 'what="operator"'), "paused"),
                ],
                width=4,
                single=True,
                red=1,
            ),
        ],
        "Which resources, and why?": [
            Panel(
                question="Not Ready, by reason",
                help="The words are those of the resources' conditions, see docs/failure-modes.md.",
                queries=[
                    Query(
                        f"{highest('device_manager_not_ready', by='kind, reason')} > 0", "{{kind}} {{reason}}"
                    )
                ],
            ),
            Panel(
                question="Since when?",
                help="How long the first of them has been waiting. A line that climbs is stuck.",
                queries=[
                    Query(
                        f"{highest('device_manager_not_ready_oldest_age_seconds', by='kind, reason')} > 0",
                        "{{kind}} {{reason}}",
                    )
                ],
                unit="s",
            ),
        ],
        "Where does work pile up?": [
            Panel(
                question="Queue",
                help="Ready: wait for a worker. Busy: in hand. Retrying: failed or held, and wait"
                " for their pause.",
                queries=[
                    Query(highest("device_manager_queue_depth"), "ready"),
                    Query(highest("device_manager_in_hand"), "busy"),
                    Query(highest("device_manager_retrying"), "retrying"),
                ],
            ),
            Panel(
                question="Oldest in the queue and in hand",
                help="Both return to 0. What climbs in hand hangs; what climbs in the queue finds no worker.",
                queries=[
                    Query(highest("device_manager_queue_oldest_age_seconds"), "in the queue"),
                    Query(highest("device_manager_in_hand_oldest_age_seconds"), "in hand"),
                ],
                unit="s",
            ),
            Panel(
                question="Events that wait",
                help="In the outbox; while Kafka is away it only grows.",
                queries=[Query(highest("device_manager_outbox_depth"), "waiting")],
            ),
            Panel(
                question="How looks at a resource end",
                help="By the reason of the outcome, or the error that made it fail.",
                queries=[Query(rate("device_manager_reconcile_total", by="result"), "{{result}}")],
                unit="ops",
            ),
        ],
    },
)

_FELT = Dashboard(
    "device-manager-felt",
    "Device manager: what does the user feel?",
    {
        "Who declares devices": [
            Panel(
                question="How soon is a new device Ready?",
                help="From its creation until its status said so; the creation is known to the second only.",
                queries=usual_and_worst("device_manager_time_to_ready_seconds"),
                unit="s",
            ),
            Panel(
                question="How soon does Kafka have a change?",
                help="From the change until its event was acknowledged.",
                queries=usual_and_worst("device_manager_event_lag_seconds"),
                unit="s",
            ),
            Panel(
                question="What is sent?",
                help="Events that Kafka has acknowledged, by type.",
                queries=[Query(rate("device_manager_events_sent_total", by="type"), "{{type}}")],
                unit="ops",
            ),
            Panel(
                question="How many resources are there?",
                help="As of the last sweep.",
                queries=[Query(highest("device_manager_resources", by="kind"), "{{kind}}")],
            ),
        ],
        "Who calls REST": [
            Panel(
                question="Requests by status",
                help="5xx is ours, 4xx the caller's, 202 a write that was not registered in time.",
                queries=[Query(rate("device_manager_api_requests_total", by="status"), "{{status}}")],
                unit="reqps",
            ),
            Panel(
                question="Share of requests that fail",
                help="Answered 5xx.",
                queries=[
                    Query(
                        f"{rate('device_manager_api_requests_total', _FAILED)}"
                        f" / {rate('device_manager_api_requests_total')}",
                        "5xx",
                    )
                ],
                unit="percentunit",
            ),
            Panel(
                question="How long do requests take?",
                help="99 of 100 are faster, by route.",
                queries=[
                    Query(
                        quantile(0.99, "device_manager_api_request_seconds", by="method, route"),
                        "{{method}} {{route}}",
                    )
                ],
                unit="s",
            ),
            Panel(
                question="How do writes end?",
                help="Pending is 202: the client cannot read yet what it wrote.",
                queries=[
                    Query(
                        rate("device_manager_api_writes_total", by="operation, result"),
                        "{{operation}} {{result}}",
                    )
                ],
                unit="ops",
            ),
            Panel(
                question="How long until a write can be read?",
                help="Through the API server, the operator and Postgres.",
                queries=usual_and_worst("device_manager_api_write_seconds"),
                unit="s",
            ),
            Panel(
                question="Whose tokens are refused?",
                help="Answered 401, by what is wrong with the token.",
                queries=[Query(rate("device_manager_api_tokens_refused_total", by="reason"), "{{reason}}")],
                unit="reqps",
            ),
        ],
        "Who asks who is online": [
            Panel(
                question="How many are online?",
                help="Of the tenants whose device data the monitors read.",
                queries=[Query(f"sum({scoped('device_manager_monitor_devices_online')})", "online")],
            ),
            Panel(
                question="How late is a transition noted?",
                help="Age of the oldest record that may still have to be read.",
                queries=[Query(highest("device_manager_monitor_read_age_seconds"), "late by")],
                unit="s",
            ),
            Panel(
                question="Who comes and goes?",
                help="Transitions by the new status.",
                queries=[Query(rate("device_manager_monitor_transitions_total", by="status"), "{{status}}")],
                unit="ops",
            ),
            Panel(
                question="What do the monitors read?",
                help="Records of device data by what they said; anything but Seen is a sender's fault.",
                queries=[Query(rate("device_manager_monitor_messages_total", by="result"), "{{result}}")],
                unit="ops",
            ),
        ],
    },
)

DASHBOARDS = {"stuck": _STUCK, "felt": _FELT, "next": NEXT}
"""By the name of the file."""
