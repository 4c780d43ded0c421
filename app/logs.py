"""Logs as lines of JSON: for machines to search, without the values of variables."""

import structlog


def configure_logs() -> None:
    """Set up structlog for this process.

    Its default draws an error in colours with the local variables of every frame: that takes
    seconds for each error, and passwords and tokens are among them.
    """
    structlog.configure(
        processors=[
            structlog.contextvars.merge_contextvars,
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            structlog.processors.format_exc_info,
            structlog.processors.JSONRenderer(sort_keys=False, ensure_ascii=False),
        ]
    )
