"""What the page of the coarse filter shows, out of rows."""

from sqlalchemy.orm import Session

from app.db import filter_queries
from app.db.tables import CoarseFilter, Job, Project
from app.domain.filtering import BINS, LEAST, FilterOrigin, NegativeOrigin, share_kept
from app.domain.job import JobState
from app.usecases.filter.score import filter_asked_for
from app.web.lead_nav import POOL, lead_nav
from app.web.pages.filters import FilterPage, NegativeLine
from app.web.pages.frame import Frame
from app.web.pages.rounds import NumberLine
from app.web.pool_nav import FILTER, pool_nav
from app.web.words import Words, count, marked

SHOWN = 18  # negatives; REST has all
SENT = 16  # pictures in one request of the page
ORIGINS = {
    NegativeOrigin.GIVEN: marked("given"),
    NegativeOrigin.GENERIC: marked("generic set"),
    NegativeOrigin.MARKED: marked("marked in the pool"),
}
_WAITING = (JobState.QUEUED, JobState.RUNNING)


def filter_page(
    session: Session, project: Project, frame: Frame, words: Words, most_images: int
) -> FilterPage:
    """The filter as it is now."""
    of = filter_queries.filter_in_force(session, project.id)
    asked = filter_asked_for(session, project.id)
    job = filter_queries.newest_filter_job(session, project.id)
    busy = job is not None and job.state in _WAITING
    positives = filter_queries.positives(session, project.id)
    by_origin = filter_queries.negatives(session, project.id)
    negatives = sum(by_origin.values())
    newest = filter_queries.newest_negatives(session, project.id, SHOWN)
    return FilterPage(
        frame=frame,
        nav=lead_nav(project.slug, POOL, words),
        pool_nav=pool_nav(project.slug, FILTER, words),
        slug=project.slug,
        name=project.name,
        trained=of is not None,
        heading=_heading(of, job, words),
        about=_about(of, project, words),
        busy=busy,
        done=job.step if job and busy else 0,
        total=job.steps if job and busy else None,
        progress=_progress(job, asked, words) if job and busy else None,
        error=job.error if job and job.state == JobState.FAILED else None,
        missing=_missing(positives, negatives, words),
        numbers=_numbers(of, project, positives, negatives, words),
        threshold=round(project.domain_threshold * BINS),
        threshold_shown=words.decimal(project.domain_threshold, 2),
        negatives=tuple(
            NegativeLine(image.sha256, words.t(ORIGINS[NegativeOrigin(origin)]))
            for image, origin in newest
        ),
        negatives_shown=_shown(by_origin, negatives, words),
        most_images=min(SENT, most_images),
    )


def _heading(of: CoarseFilter | None, job: Job | None, words: Words) -> str:
    if job is not None and job.state in _WAITING:
        return words.t("A coarse filter is at work")
    if of is None:
        return words.t("No coarse filter yet")
    return words.t("The coarse filter")


def _about(of: CoarseFilter | None, project: Project, words: Words) -> str:
    if of is None or of.ready_at is None:
        return words.t(
            "It tells pictures of this project's domain from all others, with a score from 0 to 1. "
            "Without one, everything passes."
        )
    if not project.domain_threshold:
        return words.t("It is out of force: at a threshold of 0 everything passes.")
    when = words.moment(of.ready_at)
    if of.origin == FilterOrigin.UPLOADED:
        return words.t("Taken from a file on {when}.", when=when)
    return words.t("Trained on {when}.", when=when)


def _progress(job: Job, asked: CoarseFilter | None, words: Words) -> str:
    if job.state == JobState.QUEUED:
        return words.t("Waiting for a worker …")
    if asked is None or asked.ready_at is None:
        return words.t("Reading pictures and training …")
    if job.steps is None:
        return words.t("Scoring the pool …")
    done, total = count(job.step), count(job.steps)
    return words.t("Scoring the pool: {done} of {total} candidates", done=done, total=total)


def _missing(positives: int, negatives: int, words: Words) -> tuple[str, ...]:
    texts = []
    if positives < LEAST:
        texts.append(
            words.t(
                "A coarse filter needs at least {least} examples in the train split; there are {got}. "
                "Seed more.",
                least=LEAST,
                got=positives,
            )
        )
    if negatives < LEAST:
        texts.append(
            words.t(
                "A coarse filter needs at least {least} negatives; there are {got}. Add pictures that "
                "are out of the domain.",
                least=LEAST,
                got=negatives,
            )
        )
    return tuple(texts)


def _numbers(
    of: CoarseFilter | None, project: Project, positives: int, negatives: int, words: Words
) -> tuple[NumberLine, ...]:
    t = words.t
    if of is None:
        return (
            NumberLine(t("Examples"), count(positives), t("of the train split")),
            NumberLine(t("Negatives"), count(negatives), t("out of the domain")),
        )
    facts = of.facts
    kept, passed = (
        share_kept(facts[f"{kind}_bins"], project.domain_threshold)
        for kind in ("positive", "negative")
    )
    return (
        NumberLine(
            t("Area under the ROC curve"),
            words.decimal(facts["auc"], 4),
            t("cross-validated; 1 tells everything apart, 0.5 nothing"),
        ),
        NumberLine(
            t("Examples that pass"),
            words.percent(kept),
            _of(facts["positives"], positives, words),
        ),
        NumberLine(
            t("Negatives that pass"),
            words.percent(passed),
            _of(facts["negatives"], negatives, words),
        ),
    )


def _of(learned: int, now: int, words: Words) -> str:
    if learned == now:
        return words.t("cross-validated, of {n}", n=count(learned))
    return words.t("cross-validated, of {n}; there are {now} now", n=count(learned), now=count(now))


def _shown(by_origin: dict[str, int], negatives: int, words: Words) -> str:
    if not negatives:
        return words.t("There are none yet.")
    parts = [
        f"{words.t(ORIGINS[origin])} {count(by_origin[origin])}"
        for origin in NegativeOrigin
        if origin in by_origin
    ]
    return words.t("{n} negatives: {parts}", n=count(negatives), parts=" · ".join(parts))
