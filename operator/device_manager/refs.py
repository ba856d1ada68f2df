"""How people name rows on the command line: `device/a1b2c3`, `template/12`, or the bare id of a device."""

from collections.abc import Iterable, Sequence

from device_registry.domain.errors import NotFound, Refused
from device_registry.domain.model import Kind
from device_registry.domain.reasons import Reason
from device_registry.registry.overview import UnclaimedRow


def find(word: str, rows: Sequence[UnclaimedRow]) -> UnclaimedRow:
    """The unclaimed row that a word means. Raises NotFound, and Refused when several tenants have it."""
    kind, device_id = _parse(word)
    found = [row for row in rows if (row.kind, row.id) == (kind, device_id)]
    if not found:
        raise NotFound(f"there is no unclaimed {word}; see `device-manager unclaimed list`")
    if len(found) > 1:
        tenants = ", ".join(row.tenant for row in found)
        raise Refused(
            Reason.IDENTITY_CONFLICT, f"{word} is there in several tenants ({tenants}); choose with --tenant"
        )
    return found[0]


def _parse(word: str) -> tuple[Kind, str]:
    """A word without a slash is a device, as messages and Kafka name devices by their bare ids."""
    prefix, slash, rest = word.partition("/")
    kinds = {kind.lower(): kind for kind in Kind}
    if not slash:
        return Kind.DEVICE, word
    if prefix.lower() not in kinds:
        raise NotFound(f"{word} names no row; write device/<id> or template/<id>")
    return kinds[prefix.lower()], rest


def dependents_first(rows: Iterable[UnclaimedRow]) -> list[UnclaimedRow]:
    """Devices before the templates that they use."""
    return sorted(rows, key=lambda row: (row.kind is Kind.TEMPLATE, row.tenant, row.id))
