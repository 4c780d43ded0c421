"""A small real implementation of the port `app.jobs.Jobs`: what is sent stays in a list."""

from dataclasses import dataclass, field

from app.domain.job import JobKind


@dataclass
class MemoryJobs:
    """Keeps what was sent; while it is cut off, nothing arrives and the sender is told so."""

    sent: list[tuple[int, JobKind]] = field(default_factory=list)
    cut_off: bool = False

    def send(self, job_id: int, kind: JobKind) -> bool:
        """See `Jobs.send`."""
        if not self.cut_off:
            self.sent.append((job_id, kind))
        return not self.cut_off
