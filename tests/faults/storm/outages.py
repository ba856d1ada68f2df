"""One dependency away for minutes while everybody goes on writing: nothing lost, no crash loop, back soon."""

import time
from collections.abc import Iterator
from dataclasses import dataclass

from .proof import Draw, Findings, settle
from .stage import Stage

MEMORY_MIB = 20.0
"""How much more an operator may hold at the end of an outage than a minute after its beginning."""
WARM_SECONDS = 60.0
SAMPLE_SECONDS = 1.0


@dataclass(frozen=True, kw_only=True)
class Outage:
    """What is away, for how long, and what must hold.

    Attributes:
        part: of the platform; it is killed with -9.
        changes: that must be accepted meanwhile.
        within: seconds from its return until everything agrees.
    """

    part: str
    seconds: float
    within: float
    changes: int = 0


def endure(stage: Stage, outage: Outage, draw: Draw) -> Findings:
    """Take the part away, write, bring it back, and measure."""
    findings = Findings(f"{outage.part} off for {outage.seconds:.0f} s, {stage.size.devices} devices")
    stage.write()
    settle(stage, draw)
    part = stage.platform.parts[outage.part]
    accepted, told = stage.ledger.acknowledged, sum(stage.streams.events.values())
    part.kill()
    memory = list(_watch(stage, outage, draw))
    accepted = stage.ledger.acknowledged - accepted
    waiting = max(0, accepted - sum(stage.streams.events.values()) + told)
    part.start()
    stage.calm()
    seconds, left = settle(stage, draw, outage.within)
    findings.note("writes acknowledged while it was away", f"{accepted:,}")
    if outage.changes:
        findings.at_least("… must be", accepted, outage.changes)
        findings.note("… of which Kafka had not heard when it came back", f"{waiting:,}")
    findings.within("everything agrees after its return", seconds, outage.within)
    _judge(findings, stage, memory, left)
    return findings


def _watch(stage: Stage, outage: Outage, draw: Draw) -> Iterator[tuple[float, float]]:
    """Until the outage is over: seconds since its beginning, MiB of the operators together."""
    began = time.monotonic()
    while (elapsed := time.monotonic() - began) < outage.seconds:
        held = sum(operator.memory() for operator in stage.operators)
        yield elapsed, held
        draw(f"{elapsed:.0f} s away, {stage.ledger.acknowledged} writes, operator {held:.0f} MiB")
        time.sleep(SAMPLE_SECONDS)


def _judge(findings: Findings, stage: Stage, memory: list[tuple[float, float]], left: list[str]) -> None:
    warm = next((held for elapsed, held in memory if elapsed >= min(WARM_SECONDS, memory[-1][0] / 2)), 0.0)
    findings.note("operator memory at the beginning", f"{memory[0][1]:.0f} MiB")
    findings.note("… when warm", f"{warm:.0f} MiB")
    findings.note("… at the end", f"{memory[-1][1]:.0f} MiB")
    findings.within("… growth from warm to end", memory[-1][1] - warm, MEMORY_MIB, "MiB")
    programs = (*stage.operators, stage.facade)
    findings.count("ends of a program by itself", sum(len(one.unplanned) for one in programs), 0)
    stepped_down = sum(one.stepped_down for one in stage.operators)
    findings.note("operators that gave up the lead by themselves", f"{stepped_down:,}")
    findings.count("holes and disorder in Kafka", len(stage.streams.violations), 0)
    findings.count("broken answers", len(stage.ledger.broken), 0)
    findings.note("events that came again", f"{stage.streams.doubles:,}")
    for one in left[:10]:
        findings.note("differs", one)
