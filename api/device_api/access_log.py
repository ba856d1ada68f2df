"""One log line for each request. The middleware `observing` writes it.

As JSON it is written here and not by way of the logging library, which would cost a third of a fast read; the
line and the level are the same.
"""

import json
import logging
import sys
from datetime import UTC, datetime
from typing import Any

import structlog

_NAME = "device_api.access"
_LOG = structlog.get_logger(_NAME)
_LEVEL = logging.getLogger(_NAME)


class AccessLog:
    """Writes lines in the format of LOG_FORMAT, or none without ACCESS_LOG."""

    def __init__(self, *, on: bool, as_json: bool) -> None:
        self._on = on
        self._as_json = as_json

    def write(self, request_id: str, **fields: Any) -> None:
        """Say how a request ended."""
        if not (self._on and _LEVEL.isEnabledFor(logging.INFO)):
            return
        if not self._as_json:
            _LOG.info("request", **fields)
            return
        now = datetime.now(UTC).isoformat(timespec="microseconds").replace("+00:00", "Z")
        known = {"event": "request", "level": "info", "logger": _NAME, "timestamp": now}
        sys.stderr.write(json.dumps({**fields, "request_id": request_id, **known}) + "\n")
