"""An import of labelled pictures: received, looked at, started, done in steps, ended."""

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from datetime import datetime, timedelta

from sqlalchemy import and_, or_, select
from sqlalchemy.orm import Session

from app.db.tables import Category, Import, ImportRefusal, Job, Project
from app.domain.dataset import Split
from app.domain.errors import NotFoundError
from app.domain.event import Verb
from app.domain.importing import (
    MOST_TOLD,
    ImportEvent,
    ImportState,
    LeftOut,
    next_state,
)
from app.domain.ingestion import ImageOutcome
from app.domain.job import JobEvent, JobKind, JobState
from app.domain.job import next_state as next_job_state
from app.imports.archive import shown
from app.imports.draft import Draft, Found
from app.usecases.events import record
from app.usecases.imports.import_plan import (
    ImportOptions,
    Names,
    Place,
    Placing,
    divide,
    new_categories,
    preview,
)
from app.usecases.imports.seed_examples import seed_examples
from app.usecases.pool.ingest_images import add_candidates
from app.usecases.pool.store_images import ImageAnswer, Taken, insert_images
from app.usecases.projects import CategoryFacts, add_category

FORGOTTEN = timedelta(days=1)
"""An upload that nobody starts for so long is deleted."""


@dataclass(frozen=True)
class Received:
    """An archive that lies in the blob store, and what it says."""

    filename: str
    size: int
    blob_key: str
    draft: Draft


def receive_import(
    session: Session, project: Project, user_id: int, received: Received, options: ImportOptions
) -> Import:
    """Write down what was uploaded, with the preview of what would become of it."""
    draft = received.draft
    made = Import(
        project_id=project.id,
        user_id=user_id,
        filename=shown(received.filename) or "archive",
        size=received.size,
        blob_key=received.blob_key,
        format=draft.format,
        options=asdict(options),
        preview=preview(session, project, draft, options).stored(),
        state=ImportState.READY,
    )
    session.add(made)
    session.flush()
    return made


def imports(session: Session, project: Project, most: int = 50) -> Sequence[Import]:
    """The imports of a project, the newest first."""
    return session.scalars(
        select(Import).where(Import.project_id == project.id).order_by(Import.id.desc()).limit(most)
    ).all()


def import_by_id(
    session: Session, project: Project, import_id: int, *, lock: bool = False
) -> Import:
    """An import of this project; raises NotFoundError, also for one of another project."""
    query = select(Import).where(Import.project_id == project.id, Import.id == import_id)
    found = session.scalar(query.with_for_update() if lock else query)
    if found is None:
        raise NotFoundError("import", import_id)
    return found


def refusals(session: Session, of: Import) -> Sequence[ImportRefusal]:
    """The files that it left out, as far as they are kept by name."""
    return session.scalars(
        select(ImportRefusal)
        .where(ImportRefusal.import_id == of.id)
        .order_by(ImportRefusal.position)
    ).all()


def change_import(
    session: Session, project: Project, of: Import, draft: Draft, options: ImportOptions
) -> None:
    """Choose otherwise before it starts; the preview follows.

    Raises:
        TransitionError: when it has started, or is over.
    """
    next_state(ImportState(of.state), ImportEvent.START)
    of.format = draft.format
    of.options = asdict(options)
    of.preview = preview(session, project, draft, options).stored()


def start_import(session: Session, of: Import, user_id: int, now: datetime) -> Job:
    """Queue it; the caller sends the job after the commit.

    Raises:
        TransitionError: when it has started, or is over.
    """
    of.state = next_state(ImportState(of.state), ImportEvent.START)
    of.started_at = now
    job = Job(kind=JobKind.IMPORT_IMAGES, import_id=of.id, state=JobState.QUEUED)
    session.add(job)
    session.flush()
    details = {"id": of.id, "format": of.format, **of.options}
    record(session, of.project_id, user_id, Verb.IMPORT_IMAGES, of.filename, **details)
    return job


def cancel_import(session: Session, of: Import, user_id: int, now: datetime) -> None:
    """End it where it is: what is stored stays.

    Raises:
        TransitionError: when it is over.
    """
    of.state = next_state(ImportState(of.state), ImportEvent.CANCEL)
    of.finished_at = now
    job = session.scalar(
        select(Job)
        .where(Job.import_id == of.id, Job.state.in_((JobState.QUEUED, JobState.RUNNING)))
        .with_for_update()
    )
    if job is not None:
        job.state = next_job_state(JobState(job.state), JobEvent.CANCEL)
        job.finished_at = now
    record(session, of.project_id, user_id, Verb.CANCEL_IMPORT, of.filename, id=of.id)


# --- What a worker does, each in a transaction that holds the import's lock


def begin_import(session: Session, of: Import, draft: Draft) -> None:
    """Make the categories and note what is left out. Done once, whoever takes over later."""
    if of.total is not None:
        return
    project = session.get_one(Project, of.project_id)
    options = ImportOptions.of(of.options)
    names = Names.of(session, project, draft.format)
    made = new_categories(draft, names, options)
    for name in made:
        add_category(session, project, CategoryFacts(name))
        record(session, project.id, of.user_id, Verb.CREATE_CATEGORY, name)
    of.categories_created = made
    of.total = len(draft.found)
    _leave_out(session, of, [(name, reason.value, None) for name, reason in draft.left_out])


@dataclass
class Batch:
    """Pictures of an import that are decoded and stored, and those that could not be read."""

    start: int
    taken: list[tuple[Found, Taken]] = field(default_factory=list)
    damaged: list[Found] = field(default_factory=list)

    @property
    def end(self) -> int:
        """How many pictures are done after it."""
        return self.start + len(self.taken) + len(self.damaged)


def splits_by_rule(
    session: Session, of: Import, draft: Draft, hash_of: Callable[[Found], str | None]
) -> dict[str, Split]:
    """See `divide`, for the whole import."""
    project = session.get_one(Project, of.project_id)
    placing = _placing(session, of, draft)
    placed = [(found, placing.place(found)) for found in draft.found]
    examples = [
        (found, place) for found, place in placed if isinstance(place, Place) and not place.is_pool
    ]
    return divide(session, project, examples, hash_of)


def _placing(session: Session, of: Import, draft: Draft) -> Placing:
    project = session.get_one(Project, of.project_id)
    names = Names.of(session, project, draft.format)
    return Placing(draft, names, ImportOptions.of(of.options))


def publish_batch(
    session: Session, of: Import, draft: Draft, batch: Batch, splits: Mapping[str, Split]
) -> None:
    """Write the rows of a batch; `done` moves on in the same transaction, so none is written twice.

    `splits` are those of `splits_by_rule`.
    """
    if of.done != batch.start:
        return
    project = session.get_one(Project, of.project_id)
    placing = _placing(session, of, draft)
    groups: dict[Place, list[tuple[Found, Taken]]] = {}
    refused: list[tuple[str, str, str | None]] = [
        (each.name, LeftOut.DAMAGED_MEMBER.value, None) for each in batch.damaged
    ]
    for found, taken in batch.taken:
        place = placing.place(found)
        if isinstance(place, LeftOut):
            refused.append((found.name, place.value, None))
        else:
            settled = _settled(place, splits.get(found.name, Split.TRAIN))
            groups.setdefault(settled, []).append((found, taken))
    # All images at once and in order, before any group: others who store the same pictures wait for
    # one another in one order.
    everything = [taken for group in groups.values() for _, taken in group]
    inserted = insert_images(session, project, everything)
    judged = iter(inserted.taken)
    groups = {
        place: [(found, next(judged)) for found, _ in group] for place, group in groups.items()
    }
    counts: Counter[str] = Counter(of.counts)
    # The pool first: a picture that is an example, too, leaves it again.
    for place, group in sorted(groups.items(), key=lambda each: not each[0].is_pool):
        uploads = [taken for _, taken in group]
        if place.is_pool:
            answers = add_candidates(session, project, uploads, inserted.ids, inserted.new)
        else:
            answers = _seed(session, project, place, uploads)
        _count(counts, place, answers)
        refused.extend(_refused([found for found, _ in group], answers))
    of.counts = dict(counts)
    of.done = batch.end
    _leave_out(session, of, refused)


def _settled(place: Place, by_rule: Split) -> Place:
    """With the split of the project's rule where none is given."""
    if place.is_pool or place.split is not None:
        return place
    return replace(place, split=by_rule)


def _seed(
    session: Session, project: Project, place: Place, taken: Sequence[Taken]
) -> list[ImageAnswer]:
    assert place.split is not None  # noqa: S101 - see `_settled`
    category = session.get_one(Category, place.category_id)
    return seed_examples(session, project, category, place.split, taken)


def _count(counts: Counter[str], place: Place, answers: Iterable[ImageAnswer]) -> None:
    for answer in answers:
        counts[answer.outcome] += 1
        if answer.outcome is ImageOutcome.STORED:
            counts["pool" if place.split is None else place.split.value] += 1


def _refused(
    found: Iterable[Found], answers: Iterable[ImageAnswer]
) -> list[tuple[str, str, str | None]]:
    return [
        (each.name, answer.reason or answer.outcome, answer.detail)
        for each, answer in zip(found, answers, strict=True)
        if answer.outcome in {ImageOutcome.REJECTED, ImageOutcome.CONFLICT}
    ]


def _leave_out(session: Session, of: Import, rows: Sequence[tuple[str, str, str | None]]) -> None:
    reasons = Counter(of.reasons)
    told = sum(reasons.values())
    reasons.update(reason for _, reason, _ in rows)
    of.reasons = dict(reasons)
    session.add_all(
        ImportRefusal(
            import_id=of.id, position=told + at, filename=shown(name), reason=reason, detail=detail
        )
        for at, (name, reason, detail) in enumerate(rows[: max(MOST_TOLD - told, 0)])
    )
    session.flush()


def end_import(of: Import, now: datetime) -> None:
    """All is done."""
    of.state = next_state(ImportState(of.state), ImportEvent.FINISH)
    of.finished_at = now


def archives_to_forget(session: Session, now: datetime) -> list[str]:
    """Keys of archives that nobody needs any more; what nobody started for a day is cancelled."""
    kept = Import.blob_key.is_not(None)
    over = Import.state.in_((ImportState.DONE, ImportState.FAILED, ImportState.CANCELLED))
    left = and_(Import.state == ImportState.READY, Import.created_at < now - FORGOTTEN)
    found = session.scalars(
        select(Import).where(kept, or_(over, left)).with_for_update(skip_locked=True)
    ).all()
    keys = [each.blob_key for each in found if each.blob_key is not None]
    for each in found:
        if each.state == ImportState.READY:
            each.state = next_state(ImportState.READY, ImportEvent.CANCEL)
            each.finished_at = now
        each.blob_key = None
    return keys
