"""What the third dashboard asks: what will break next."""

from .dashboards import RATE, Dashboard, Panel, Query, highest, quantile, rate, scoped, usual_and_worst


def _ours(expression: str) -> str:
    """Every program exports the figures of its process by the same names; those of ours alone."""
    return f"{expression} and on (instance) {scoped('device_manager_build_info')}"


NEXT = Dashboard(
    "device-manager-next",
    "Device manager: what will break next?",
    {
        "What we depend on": [
            Panel(
                question="How fast is Postgres?",
                help="An empty question, a batch of devices; 90 of 100 are faster.",
                queries=[
                    Query(quantile(0.9, "device_manager_registry_seconds"), "empty question"),
                    Query(quantile(0.9, "device_manager_batch_seconds"), "batch of devices"),
                ],
                unit="s",
            ),
            Panel(
                question="How fast is Kafka?",
                help="A round of events until the last acknowledgement.",
                queries=usual_and_worst("device_manager_send_seconds"),
                unit="s",
            ),
            Panel(
                question="How fast is the API server?",
                help="One write of a status.",
                queries=usual_and_worst("device_manager_status_write_seconds"),
                unit="s",
            ),
            Panel(
                question="What do they refuse?",
                help="Status writes by answer (409 and 404 are ordinary), failed sends by reason,"
                " failures at the"
                " Lease.",
                queries=[
                    Query(
                        rate("device_manager_status_writes_total", 'code!~"200|Skipped"', by="code"),
                        "status {{code}}",
                    ),
                    Query(rate("device_manager_send_failures_total", by="reason"), "send {{reason}}"),
                    Query(rate("device_manager_lease_failures_total"), "lease"),
                ],
                unit="ops",
            ),
        ],
        "Who works against us": [
            Panel(
                question="What did sweeps find?",
                help="What events had missed. Drifted: rows were changed by others. Absent:"
                " resources vanished"
                " without their finalizer.",
                queries=[
                    Query(
                        rate("device_manager_sweep_differences_total", by="kind, difference"),
                        "{{kind}} {{difference}}",
                    )
                ],
                unit="ops",
            ),
            Panel(
                question="Rows that no resource stands behind",
                help="Kept by policy, or left by resources that vanished; `device-manager"
                " unclaimed` lists them.",
                queries=[Query(highest("device_manager_unclaimed_rows", by="kind"), "{{kind}}")],
            ),
            Panel(
                question="How old is the last sweep?",
                help="Ordinary is up to SWEEP_INTERVAL_SECONDS.",
                queries=[
                    Query(
                        f"time() - max({scoped('device_manager_sweep_last_success_timestamp_seconds')} > 0)",
                        "age",
                    )
                ],
                unit="s",
            ),
            Panel(
                question="Does the lead move?",
                help="The epoch counts the takeovers. A staircase is a leader that keeps dying.",
                queries=[Query(highest("device_manager_leader_epoch"), "epoch")],
            ),
        ],
        "How much room is left": [
            Panel(
                question="Memory",
                help="Resident, by process. Against the limit of the pod, see docs/sizing.md.",
                queries=[Query(_ours(scoped("process_resident_memory_bytes")), "{{job}} {{instance}}")],
                unit="bytes",
            ),
            Panel(
                question="Processor",
                help="Cores in use, by process. Operator and facade use one core at the most, each.",
                queries=[
                    Query(
                        _ours(f"rate({scoped('process_cpu_seconds_total')}[{RATE}])"), "{{job}} {{instance}}"
                    )
                ],
            ),
            Panel(
                question="Open files",
                help="Share of what a process may open.",
                queries=[
                    Query(
                        _ours(f"{scoped('process_open_fds')} / {scoped('process_max_fds')}"),
                        "{{job}} {{instance}}",
                    )
                ],
                unit="percentunit",
            ),
            Panel(
                question="How full are batches?",
                help="Devices in one transaction. Near BATCH_ROWS all the time: the registry is the"
                " bottleneck.",
                queries=usual_and_worst("device_manager_batch_rows"),
            ),
        ],
        "Which versions run": [
            Panel(
                question="Versions",
                help="More than one is an upgrade under way, or one that hangs.",
                queries=[Query(f"count by (version) ({scoped('device_manager_build_info')})", "{{version}}")],
                width=8,
                single=True,
            ),
            Panel(
                question="Fields that the installed CRDs lack",
                help="The API server drops them without a word: apply the CRDs of this version.",
                queries=[Query(highest("device_manager_crd_fields_missing"))],
                width=8,
                single=True,
                red=1,
            ),
            Panel(
                question="Does Postgres keep tenants apart?",
                help="1: row-level security backs the facade's queries up (docs/security.md).",
                queries=[Query(highest("device_manager_api_row_security"))],
                width=8,
                single=True,
                red=1,
                low_is_red=True,
            ),
        ],
    },
)
