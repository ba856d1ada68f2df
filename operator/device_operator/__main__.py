"""The operator as a program: `python -m device_operator`."""

import asyncio
import sys

from device_registry.settings import Settings

from .lifecycle import run


def main() -> int:
    """Run until a signal comes; answers the exit code."""
    return asyncio.run(run(Settings()))


if __name__ == "__main__":
    sys.exit(main())
