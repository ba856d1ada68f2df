"""A settled fleet is silent: after a restart nothing is written anywhere, for minutes."""

import json
import time
from collections import Counter
from collections.abc import Sequence

from kafka import KafkaConsumer, TopicPartition
from sqlalchemy import text

from tests.support.topic import SUBJECT
from tests.support.waiting import eventually

from .proof import Draw, Findings, settle
from .stage import Stage

SWEPT = "device_manager_sweep_seconds_count"
WRITTEN = "SELECT relname, n_tup_ins + n_tup_upd + n_tup_del AS written FROM pg_stat_user_tables"
STATISTICS_SECONDS = 2.0
"""Postgres' backends report what they did a second later at the latest."""
CONTROL_PLANE = ("kube-", "kubectl")
"""How the programs begin to call themselves that are not ours."""
LEADERSHIP = {"leadership", "leases"}
"""Who leads is written at a restart and renewed; that is the only thing that may be."""


def stay_silent(stage: Stage, seconds: float, draw: Draw) -> Findings:
    """Settle, restart the operators, and count every write from before the restart on."""
    findings = Findings(f"{stage.size.devices} settled devices, restarted, {seconds:.0f} s")
    stage.write()
    stage.calm()
    settled, left = settle(stage, draw)
    assert settled is not None, left
    time.sleep(STATISTICS_SECONDS)
    mark, rows, offsets = _audit_size(stage), _rows(stage), _offsets(stage)
    starts = [operator.starts for operator in stage.operators]
    for operator in stage.operators:
        operator.terminate()
    began = time.monotonic()
    eventually(lambda: _swept(stage, starts), within=60, what="the sweep after the restart")
    findings.note("restart until every object was looked at", f"{time.monotonic() - began:.1f} s")
    while (elapsed := time.monotonic() - began) < seconds:
        draw(f"silent for {elapsed:.0f} s")
        time.sleep(1)
    time.sleep(STATISTICS_SECONDS)
    _judge(findings, _audited(stage, mark), _rows(stage) - rows, _offsets(stage) - offsets)
    return findings


def _judge(findings: Findings, audited: Counter[str], rows: Counter[str], offsets: Counter[str]) -> None:
    for name, counts in (("API server", audited), ("Postgres rows", rows), ("Kafka records", offsets)):
        lead = {what: count for what, count in counts.items() if what in LEADERSHIP}
        findings.count(f"writes to {name}", counts.total() - sum(lead.values()), 0)
        for what, count in lead.items():
            findings.note(f"… and who leads ({what})", f"{count:,}")
        for what in counts.keys() - LEADERSHIP:
            findings.note(f"… to {what}", f"{counts[what]:,}")


def _swept(stage: Stage, starts: Sequence[int]) -> bool:
    """Whether every operator was started anew, and one of them has looked at everything since."""
    if any(operator.starts == before for operator, before in zip(stage.operators, starts, strict=True)):
        return False
    try:
        return any(operator.metrics().get(SWEPT, 0) > 0 for operator in stage.operators)
    except OSError:
        return False


def _audit_size(stage: Stage) -> int:
    return stage.platform.audit_log.stat().st_size


def _audited(stage: Stage, mark: int) -> Counter[str]:
    """Writes to the API server since the audit log had that size, by resource; those of its own parts not."""
    with stage.platform.audit_log.open("rb") as log:
        log.seek(mark)
        entries = [json.loads(line) for line in log if line.endswith(b"\n")]
    ours = [one for one in entries if not one.get("userAgent", "").startswith(CONTROL_PLANE)]
    return Counter(str(one["objectRef"]["resource"]) for one in ours)


def _rows(stage: Stage) -> Counter[str]:
    """Rows written so far, by table."""
    with stage.engine.connect() as connection:
        found = connection.execute(text(WRITTEN)).mappings()
        return Counter({one["relname"]: int(one["written"]) for one in found})


def _offsets(stage: Stage) -> Counter[str]:
    """Records in Kafka, by topic."""
    consumer = KafkaConsumer(bootstrap_servers=stage.platform.kafka_bootstrap, enable_auto_commit=False)
    try:
        counts: Counter[str] = Counter()
        for topic in (f"{tenant}.{SUBJECT}" for tenant in stage.tenants):
            parts = [TopicPartition(topic, number) for number in consumer.partitions_for_topic(topic) or ()]
            counts[topic] = sum(consumer.end_offsets(parts).values())
        return counts
    finally:
        consumer.close()
