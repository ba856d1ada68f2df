"""`device-manager api`: the program that serves REST."""

from device_manager import terminal


def run() -> None:
    """Serve the REST contract of the dojot DeviceManager."""
    from device_api.program import run

    run(terminal.settings())
