"""Why the Kafka library found no broker: it tells its log alone, and raises one time-out for every cause.

The adapter `kafka` and the monitor ask, so that a wrong certificate or password has a name in our log.
"""

import logging

_LOGGER = logging.getLogger("kafka.net.manager")
_CUT_OFF = "socket disconnected"
_OTHER_PROTOCOL = "Invalid frame length"
"""The library takes the first bytes of TLS for the length of an answer of Kafka's."""


class FailedAttempts(logging.Handler):
    """Hears what the library logs about failed attempts to connect, and keeps it from the program's log."""

    def __init__(self) -> None:
        super().__init__(logging.WARNING)
        self._told: list[str] = []

    def listen(self) -> None:
        """Forget what was told before, and hear from now on."""
        self._told.clear()
        if self not in _LOGGER.handlers:
            _LOGGER.handlers[:] = [self]
            _LOGGER.setLevel(logging.WARNING)
            _LOGGER.propagate = False

    def emit(self, record: logging.LogRecord) -> None:
        """Keep the error of a failed attempt (called by `logging`)."""
        if isinstance(record.args, tuple) and "connection to %s failed" in str(record.msg):
            self._told.append(str(record.args[1]))

    @property
    def reason(self) -> str:
        """The first reason since `listen`: after a refused password the library's next attempts say less."""
        telling = [one for one in self._told if _CUT_OFF not in one]
        if telling and _OTHER_PROTOCOL in telling[0]:
            return f"KAFKA_SECURITY_PROTOCOL does not fit its port ({telling[0]})"
        if telling:
            return telling[0]
        if self._told:
            return (
                "the broker ends the connection, as it does when KAFKA_SECURITY_PROTOCOL does not fit its"
                " port, or when it refuses user and password"
            )
        return "no answer in time"
