"""Logging of every program: one line per event on stderr, as JSON or as text for a terminal.

Programs call `configure_logging` first. What libraries log goes the same way.
"""

import logging
import sys

import structlog
from structlog.tracebacks import ExceptionDictTransformer
from structlog.typing import Processor

from .settings import Settings

_QUIET = (
    "kopf.objects",
    "kopf.activities",
    "kopf._core.engines.activities",
    "aiohttp.access",
    "alembic",
    "asyncio",
)
"""Libraries that report each step at INFO; their warnings are kept."""
_SILENT = "kopf._cogs.clients"
"""kopf calls each failed attempt of a watch an error; the operator tells once that the API server is away."""
_REPETITIVE = ("psycopg.pool",)
"""Libraries that warn at every attempt; what they warn of is told once by ourselves, when it begins."""
_named = ["WARNING"]
"""The name that the level was given last: WARN and WARNING are one level, each is shown as it was said."""


def configure_logging(settings: Settings) -> None:
    """Send everything from LOG_LEVEL upwards to stderr in LOG_FORMAT."""
    before: list[Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_logger_name,
        structlog.stdlib.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
    ]
    structlog.configure(
        processors=[
            structlog.stdlib.filter_by_level,
            *before,
            structlog.stdlib.ProcessorFormatter.wrap_for_formatter,
        ],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
        cache_logger_on_first_use=True,
    )
    _route_standard_logging(settings, before)


def level() -> str:
    """The level from which this process logs, as it was named last."""
    return _named[-1]


def set_level(name: str) -> None:
    """Log from this level upwards; one of those that LOG_LEVEL takes, in capitals."""
    _named[:] = [name]
    root = logging.getLogger()
    root.setLevel(name)
    for quiet in _QUIET:
        logging.getLogger(quiet).setLevel(max(logging.WARNING, root.level))
    logging.getLogger(_SILENT).setLevel(root.level if root.level <= logging.DEBUG else logging.CRITICAL)
    for repetitive in _REPETITIVE:
        logging.getLogger(repetitive).setLevel(max(logging.ERROR, root.level))


def _route_standard_logging(settings: Settings, before: list[Processor]) -> None:
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=before,
            processors=[
                structlog.stdlib.ProcessorFormatter.remove_processors_meta,
                *_renderers(settings.LOG_FORMAT),
            ],
        )
    )
    root = logging.getLogger()
    root.handlers[:] = [handler]
    set_level(settings.LOG_LEVEL)


def _renderers(log_format: str) -> list[Processor]:
    if log_format == "text":
        plain = structlog.dev.plain_traceback
        return [structlog.dev.ConsoleRenderer(colors=sys.stderr.isatty(), exception_formatter=plain)]
    # Without the values of variables: they may be tokens and keys.
    tracebacks = ExceptionDictTransformer(show_locals=False)
    return [structlog.processors.ExceptionRenderer(tracebacks), structlog.processors.JSONRenderer()]
