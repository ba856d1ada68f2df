"""What a person must know about a tenant that is converted: what was skipped, what was left out, and why."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """One remark about one object there."""

    what: str
    """The object, as `template 7`, `device a1b2`, `override 15`."""
    problem: str
    left_out: bool = False
    """Whether something that dojot shows is not taken over; else it is an orphan, which it does not show."""


def left_out(what: str, problem: str) -> Finding:
    """Something that cannot be declared here."""
    return Finding(what=what, problem=problem, left_out=True)


def skipped(what: str, problem: str) -> Finding:
    """Something that nobody sees there."""
    return Finding(what=what, problem=problem)
