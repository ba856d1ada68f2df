"""The monitor as a program: `python -m device_monitor`."""

import asyncio
import sys

from device_registry.settings import Settings

from .program import run


def main() -> int:
    """Run until a signal comes; answers the exit code."""
    return asyncio.run(run(Settings()))


if __name__ == "__main__":
    sys.exit(main())
