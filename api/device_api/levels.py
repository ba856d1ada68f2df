"""GET and PUT /log: how much this process logs, as with the original; open to every tenant."""

from typing import Any, Final

from device_registry import logs
from device_registry.domain.rendering import to_json
from device_registry.settings import LEVELS

from . import fields
from .fields import Fault, Fields, by_field
from .problems import malformed, refusal

_SHOWN: Final = ("CRITICAL", "ERROR", "WARNING", "INFO", "DEBUG")


def current() -> str:
    """The answer to GET /log."""
    return to_json({"level": logs.level()})


def change(body: Any) -> None:
    """Log from that level upwards. Raises Problem (400)."""
    try:
        read = Fields(body)
        level = read.required("level", fields.a_string)
        read.check()
    except Fault as fault:
        raise malformed(by_field(fault)) from fault
    wanted = level.upper()
    if wanted not in LEVELS:
        raise refusal(f"Unknown level: {wanted} valid are {list(_SHOWN)}")
    logs.set_level(wanted)
