"""What can go wrong while servers are started here; every message says what to do."""


class EmbeddedError(RuntimeError):
    """A server or process of the embedded default cannot be started."""


class AlreadyRunningError(EmbeddedError):
    """Another living process holds the data directory.

    Attributes:
        holder: The process id of the holder, or None when it could not be read.
    """

    def __init__(self, message: str, holder: int | None) -> None:
        super().__init__(message)
        self.holder = holder


class ChildFailedError(EmbeddedError):
    """A child process died for good or did not become ready; quotes the end of its log.

    Attributes:
        name: The child's name, as in the log file's name.
    """

    def __init__(self, name: str, message: str) -> None:
        super().__init__(message)
        self.name = name
