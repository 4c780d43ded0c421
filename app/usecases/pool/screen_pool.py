"""Screening of a pool: which candidates are new, and what became of them."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import Integer, Text, bindparam, exists, func, select, text
from sqlalchemy.dialects.postgresql import ARRAY, REAL
from sqlalchemy.orm import Session

from app.db.tables import Candidate, Example, Image, Job, Project, Round
from app.domain.batch import Standing
from app.domain.job import JobEvent, JobKind, JobState, next_state
from app.domain.round import RoundState

RETRY_AFTER = timedelta(minutes=5)
"""How long a project is left alone after its screening failed: somebody may have to do something."""

_UNFINISHED = (JobState.QUEUED, JobState.RUNNING)


@dataclass
class Finding:
    """A new candidate, and what screening found of it so far."""

    image_id: int
    sha256: str
    standing: Standing = Standing.OPEN
    domain_score: float | None = None
    filter_id: int | None = None


def projects_to_screen(session: Session, now: datetime) -> Sequence[int]:
    """Ids of the projects that have something to screen and nobody who does it."""
    return session.scalars(
        select(Project.id)
        .where(
            exists().where(Candidate.project_id == Project.id, Candidate.standing == Standing.NEW)
            | exists().where(
                Example.project_id == Project.id,
                Example.id > Project.examples_screened,
                Example.to_version.is_(None),
            ),
            ~exists().where(
                Job.project_id == Project.id,
                Job.kind == JobKind.SCREEN_POOL,
                Job.state.in_(_UNFINISHED)
                | ((Job.state == JobState.FAILED) & (Job.finished_at > now - RETRY_AFTER)),
            ),
            # The first step of a round screens.
            ~exists().where(Round.project_id == Project.id, Round.state == RoundState.EMBEDDING),
        )
        .order_by(Project.id)
    ).all()


def queue_screening(session: Session, project_id: int, now: datetime) -> Job | None:
    """Add a job that screens the project, if one is still due; the caller sends it after the commit."""
    # Against another that queues, and a round that starts at this moment. Who has the lock works on
    # the project; then there is another time.
    locked = session.scalar(
        select(Project.id)
        .where(Project.id == project_id)
        .with_for_update(key_share=True, skip_locked=True)
    )
    if locked is None or project_id not in projects_to_screen(session, now):
        return None
    job = Job(kind=JobKind.SCREEN_POOL, project_id=project_id, state=JobState.QUEUED)
    session.add(job)
    session.flush()
    return job


def take_over_screening(session: Session, project_id: int, now: datetime) -> None:
    """Cancel the project's unfinished screening: a round's first step goes on with it."""
    session.execute(select(Project.id).where(Project.id == project_id).with_for_update())
    for job in session.scalars(
        select(Job)
        .where(
            Job.project_id == project_id,
            Job.kind == JobKind.SCREEN_POOL,
            Job.state.in_(_UNFINISHED),
        )
        .with_for_update()
    ):
        job.state = next_state(JobState(job.state), JobEvent.CANCEL)
        job.lease_expires_at = None
        job.finished_at = now


def count_new(session: Session, project_id: int) -> int:
    """How many candidates of the project are not screened yet."""
    return session.scalars(
        select(func.count())
        .select_from(Candidate)
        .where(Candidate.project_id == project_id, Candidate.standing == Standing.NEW)
    ).one()


def next_new(session: Session, project_id: int, most: int) -> list[Finding]:
    """The first candidates of the project that are not screened yet, in order of image id."""
    rows = session.execute(
        select(Candidate.image_id, Image.sha256)
        .join(Image, Image.id == Candidate.image_id)
        .where(Candidate.project_id == project_id, Candidate.standing == Standing.NEW)
        .order_by(Candidate.image_id)
        .limit(most)
    )
    return [Finding(image_id, sha256) for image_id, sha256 in rows]


# Whoever is no candidate any more, or was screened meanwhile, stays as it is.
_PUBLISH = text(
    """
    UPDATE candidate SET standing = found.standing, domain_score = found.domain_score,
        filter_id = found.filter_id
    FROM unnest(:images, :standings, :scores, :filters)
        AS found (image_id, standing, domain_score, filter_id)
    WHERE candidate.image_id = found.image_id AND candidate.standing = 'new'
    """
).bindparams(
    bindparam("images", type_=ARRAY(Integer)),
    bindparam("standings", type_=ARRAY(Text)),
    bindparam("scores", type_=ARRAY(REAL)),
    bindparam("filters", type_=ARRAY(Integer)),
)


def publish_screened(session: Session, findings: Sequence[Finding]) -> None:
    """Write down what became of a block of new candidates."""
    session.execute(
        _PUBLISH,
        {
            "images": [each.image_id for each in findings],
            "standings": [each.standing.value for each in findings],
            "scores": [each.domain_score for each in findings],
            "filters": [each.filter_id for each in findings],
        },
    )
