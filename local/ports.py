"""TCP ports for the parts: free when chosen, then kept in a file, so that restarts keep addresses.

Called by `local.platform` before any part starts.
"""

import json
import random
import socket
from collections.abc import Callable, Mapping
from pathlib import Path

LOOPBACK = "127.0.0.1"

RANGE = range(10240, 32768)
"""Below the range from which Linux takes ports of outgoing connections (32768 to 60999): while a part is
down, no client can be given its port, and none that tries to reconnect can end up connected to itself."""


def is_free(port: int) -> bool:
    """Tell whether a server could listen on a port of this machine."""
    with socket.socket() as probe:
        # As servers do it: a port whose last connections are still in TIME_WAIT counts as free.
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((LOOPBACK, port))
        except OSError:
            return False
        return True


def remembered(file: Path) -> dict[str, int]:
    """Return the ports chosen before; none when the file does not exist."""
    return dict(json.loads(file.read_text())) if file.exists() else {}


def choose(
    file: Path,
    wanted: Mapping[str, int | None],
    in_use: Callable[[str], bool] = lambda _name: False,
) -> dict[str, int]:
    """Choose a port for each name and remember it in the file.

    Args:
        file: the memory; made when missing.
        wanted: a port to prefer at the first choice, or None for any.
        in_use: tells whether the part that owns a port runs, in which case the port is rightly taken.
    """
    kept = remembered(file)
    ports: dict[str, int] = {}
    for name, preferred in wanted.items():
        port = kept.get(name)
        if port is None or not (in_use(name) or is_free(port)):
            port = _new(preferred, taken={*kept.values(), *ports.values()})
        ports[name] = port
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(json.dumps(kept | ports, indent=2))
    return ports


def _new(preferred: int | None, taken: set[int]) -> int:
    if preferred is not None and preferred not in taken and is_free(preferred):
        return preferred
    candidates = (port for port in random.sample(RANGE, k=len(RANGE)) if port not in taken)
    return next(port for port in candidates if is_free(port))
