"""What the pages of the pool and of a batch show, out of rows."""

from collections.abc import Iterable, Iterator, Mapping

from sqlalchemy.orm import Session

from app.api.answers import picture_url
from app.db import batch_queries
from app.db.batch_queries import BatchStandings
from app.db.tables import Batch, Project
from app.domain.batch import BatchKind, BatchState, Moving
from app.usecases.pool.address_lists import can_fetch_again
from app.web.batch_reasons import REASONS
from app.web.imports import OTHER_REASON
from app.web.lead_nav import POOL, lead_nav
from app.web.pages.frame import Fact, Frame, Headline
from app.web.pages.imports import ReasonLine, RefusedFile
from app.web.pages.pool import BatchLine, BatchReportPage, PoolPage, Sample
from app.web.pool_nav import BATCHES, pool_nav
from app.web.words import Words, count, marked

PAGE = 50
SAMPLES = 12  # pictures of a batch
TOLD = 200  # refused files on a page; REST has the rest
KINDS = {
    BatchKind.UPLOAD: marked("Upload"),
    BatchKind.ARCHIVE: marked("Archive"),
    BatchKind.ADDRESSES: marked("List of addresses"),
    BatchKind.SYNC: marked("Sync"),
}
STATES = {
    BatchState.OPEN: marked("Open"),
    BatchState.QUEUED: marked("Waits for a worker"),
    BatchState.RUNNING: marked("Coming in"),
    BatchState.DONE: marked("Done"),
    BatchState.FAILED: marked("Failed"),
    BatchState.CANCELLED: marked("Cancelled"),
}
MARKS = {
    BatchState.OPEN: "open",
    BatchState.QUEUED: "busy",
    BatchState.RUNNING: "busy",
    BatchState.DONE: "done",
    BatchState.FAILED: "bad",
    BatchState.CANCELLED: "off",
}
MOVING = {
    Moving.LEAVING: marked("Being withdrawn"),
    Moving.RETURNING: marked("Coming back"),
}
WITHDRAWN = marked("Withdrawn")
AT_WORK = frozenset({BatchState.QUEUED, BatchState.RUNNING})


def pool_page(
    session: Session,
    project: Project,
    locations: Iterable[str],
    frame: Frame,
    words: Words,
    before: int | None,
) -> PoolPage:
    """The pool's numbers and a page of its batches, the newest first."""
    rows = batch_queries.batch_page(session, project.id, None, before, PAGE)
    path = f"/projects/{project.slug}/pool"
    return PoolPage(
        frame=frame,
        nav=lead_nav(project.slug, POOL, words),
        pool_nav=pool_nav(project.slug, BATCHES, words),
        slug=project.slug,
        name=project.name,
        headlines=_headlines(session, project, words),
        locations=tuple(locations),
        batches=tuple(_line(path, batch, name, words) for batch, _, name in rows),
        busy=any(_is_busy(batch) for batch, _, _ in rows),
        older=f"{path}?before={rows[-1][0].id}" if len(rows) == PAGE else None,
    )


def _headlines(session: Session, project: Project, words: Words) -> tuple[Headline, ...]:
    stand = batch_queries.pool_standings(session, project.id)
    came = batch_queries.all_received(session, project.id)
    t = words.t
    return (
        Headline(t("In the pool"), count(stand.open), t("A round may ask about these candidates.")),
        Headline(t("New"), count(stand.new), t("Not screened yet.")),
        Headline(
            t("Near-duplicates"),
            count(stand.near_duplicate),
            t("Another picture of the same photograph speaks for them."),
        ),
        Headline(
            t("Quarantined"), count(stand.quarantined), t("Nearly a picture of the test split.")
        ),
        Headline(
            t("Filtered"),
            count(stand.filtered),
            t("Probably not of this project; back when the threshold moves."),
        ),
        Headline(
            t("Left out"),
            count(came.rejected),
            t("Files that could not be taken, of {n} that came.", n=count(came.received)),
        ),
    )


def _line(path: str, batch: Batch, who: str, words: Words) -> BatchLine:
    state, mark = _state(batch, words)
    return BatchLine(
        path=f"{path}/batches/{batch.id}",
        name=_name(batch, words),
        kind=words.t(KINDS[BatchKind(batch.kind)]),
        who=who,
        state=state,
        mark=mark,
        progress=_progress(batch, words),
        stored=count(batch.stored),
        duplicate=count(batch.duplicate),
        rejected=count(batch.rejected),
        at=words.moment(batch.created_at),
    )


def batch_report_page(
    session: Session, project: Project, of: tuple[Batch, str], frame: Frame, words: Words
) -> BatchReportPage:
    """One batch as it is now."""
    batch, who = of
    state, mark = _state(batch, words)
    refused = batch_queries.refusal_page(session, batch.id, limit=TOLD)
    left = batch.rejected - len(refused)
    progress = _progress(batch, words)
    done, total = batch.done, batch.total
    if batch.moving is not None:
        done, total = batch_queries.moved_so_far(session, batch)
        progress = _moved(done, total, words)
    about = (words.t(KINDS[BatchKind(batch.kind)]), who, words.moment(batch.created_at))
    return BatchReportPage(
        frame=frame,
        nav=lead_nav(project.slug, POOL, words),
        pool_nav=pool_nav(project.slug, BATCHES, words),
        slug=project.slug,
        project=project.name,
        number=batch.id,
        name=_name(batch, words),
        about=" · ".join(about),
        state=state,
        mark=mark,
        busy=_is_busy(batch),
        done=done,
        total=total,
        progress=progress,
        error=batch.error,
        notice=_notice(batch, words),
        came=(
            Fact(words.t("Received"), count(batch.received)),
            Fact(words.t("Stored"), count(batch.stored)),
            Fact(words.t("There already"), count(batch.duplicate)),
            Fact(words.t("Left out"), count(batch.rejected)),
        ),
        stands=_stands(batch_queries.batch_standings(session, batch), words),
        finishable=batch.state == BatchState.OPEN,
        cancellable=batch.state in AT_WORK,
        samples=tuple(
            Sample(
                words.t("Picture {place}", place=place),
                picture_url(project.slug, sha256, "thumbnail"),
                picture_url(project.slug, sha256, "screen"),
            )
            for place, sha256 in enumerate(
                batch_queries.batch_samples(session, batch, SAMPLES), start=1
            )
        ),
        withdrawable=batch.withdrawn_at is None and not _is_busy(batch),
        restorable=batch.withdrawn_at is not None and not _is_busy(batch),
        fetchable=can_fetch_again(batch),
        reasons=tuple(
            ReasonLine(words.t(REASONS.get(reason, OTHER_REASON)), count(files))
            for reason, files in sorted(batch.reasons.items(), key=lambda each: -each[1])
        ),
        refused=tuple(
            RefusedFile(each.filename, words.t(REASONS.get(each.reason, OTHER_REASON)), each.detail)
            for each in refused
        ),
        untold=words.tn("and {n} more file", "and {n} more files", left) if left > 0 else None,
    )


def _name(batch: Batch, words: Words) -> str:
    """Uploads that name no batch are called by their day."""
    return batch.name if batch.day is None else words.t("Uploads of {day}", day=batch.name)


def _is_busy(batch: Batch) -> bool:
    return batch.state in AT_WORK or batch.moving is not None


def _state(batch: Batch, words: Words) -> tuple[str, str]:
    if batch.moving is not None:
        return words.t(MOVING[Moving(batch.moving)]), "busy"
    if batch.withdrawn_at is not None:
        return words.t(WITHDRAWN), "off"
    state = BatchState(batch.state)
    return words.t(STATES[state]), MARKS[state]


def _progress(batch: Batch, words: Words) -> str | None:
    if batch.state != BatchState.RUNNING:
        return None
    if batch.total is None:
        return words.tn("{n} file so far", "{n} files so far", batch.done)
    return words.t("{done} of {total} files", done=count(batch.done), total=count(batch.total))


def _moved(done: int, total: int | None, words: Words) -> str:
    """Nothing is known of it before a worker has looked."""
    if total is None:
        return words.t("Waits for a worker")
    return words.t("{done} of {total} pictures", done=count(done), total=count(total))


def _notice(batch: Batch, words: Words) -> str | None:
    if batch.withdrawn_at is None or batch.moving is not None:
        return None
    told = words.t(
        "Withdrawn on {when}. What only this batch brought is not in the pool; sent again, it is new.",
        when=words.moment(batch.withdrawn_at),
    )
    return " ".join([told, *_left(batch.withdrawal or {}, words)])


def _left(withdrawal: Mapping[str, int], words: Words) -> Iterator[str]:
    """What went with a batch; nothing of one that was withdrawn before that was counted."""
    tn = words.tn
    if number := withdrawal.get("candidates", 0):
        yield tn("{n} picture left the pool.", "{n} pictures left the pool.", number)
    if number := withdrawal.get("examples", 0):
        yield tn("{n} example left the dataset.", "{n} examples left the dataset.", number)
    if number := withdrawal.get("hard_negatives", 0):
        yield tn(
            "{n} hard negative left the dataset.", "{n} hard negatives left the dataset.", number
        )


def _stands(stand: BatchStandings, words: Words) -> tuple[Fact, ...]:
    t = words.t
    return (
        Fact(t("In the pool"), count(stand.open)),
        Fact(t("New"), count(stand.new)),
        Fact(t("Near-duplicates"), count(stand.near_duplicate)),
        Fact(t("Quarantined"), count(stand.quarantined)),
        Fact(t("Filtered"), count(stand.filtered)),
        Fact(t("Examples"), count(stand.examples)),
        Fact(t("Negatives"), count(stand.negatives)),
    )
