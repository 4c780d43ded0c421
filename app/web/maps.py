"""What the page of the map shows, out of rows."""

from sqlalchemy.orm import Session

from app.db import map_queries
from app.db.tables import Job, Project, RoundMap
from app.domain.embedding_map import MOST_POINTS
from app.domain.job import JobState
from app.usecases.look_at_map import map_of
from app.web.lead_nav import MAP, lead_nav
from app.web.pages.frame import Frame, Option
from app.web.pages.maps import MapPage
from app.web.pages.rounds import NumberLine
from app.web.words import Words, count

_WAITING = (JobState.QUEUED, JobState.RUNNING)


def map_page(
    session: Session, project: Project, frame: Frame, words: Words, wanted: int | None
) -> MapPage:
    """The map of the wanted round, or of the newest one that has a map.

    Raises:
        NotFoundError: when the wanted round has none.
    """
    numbers = map_queries.mapped_rounds(session, project.id)
    number = wanted or next(iter(numbers), None)
    found = None if number is None else map_of(session, project, number)
    newest = map_queries.newest_map_job(session, project.id)
    waiting = newest is not None and newest[1].state in _WAITING
    return MapPage(
        frame=frame,
        nav=lead_nav(project.slug, MAP, words),
        slug=project.slug,
        project=project.name,
        number=number,
        rounds=tuple(
            Option(str(each), words.t("Round {number}", number=each), each == number)
            for each in numbers
        ),
        numbers=() if found is None else _numbers(found, words),
        summary="" if found is None else _summary(found, words),
        note=_note(newest, words) if newest or number is None else None,
        drawing=newest[0] if newest and waiting else None,
    )


def _note(newest: tuple[int, Job] | None, words: Words) -> str | None:
    if newest is None:
        return words.t("A map is drawn when a round is scored.")
    number, job = newest
    if job.state in _WAITING:
        return words.t("The map of round {number} is being drawn.", number=number)
    if job.state == JobState.FAILED:
        return words.t(
            "The map of round {number} could not be drawn: {error}", number=number, error=job.error
        )
    return None


def _numbers(of: RoundMap, words: Words) -> tuple[NumberLine, ...]:
    t = words.t
    both = words.percent(of.variance_x + of.variance_y)
    axes = t(
        "along the axes of the PCA: {x} and {y}",
        x=words.percent(of.variance_x),
        y=words.percent(of.variance_y),
    )
    there = of.training + of.proposed + of.rejected + of.others
    sample = (
        t("a fixed sample of {all}", all=count(there))
        if there > MOST_POINTS
        else t("test pictures and their like are left out")
    )
    return (
        NumberLine(t("Pictures on the map"), count(of.points), sample),
        NumberLine(t("Training pictures"), count(of.training), t("what the model learned from")),
        NumberLine(t("Proposals"), count(of.proposed), t("what labelers are asked about")),
        NumberLine(t("Rejected before"), count(of.rejected), t("in earlier rounds")),
        NumberLine(t("Other candidates"), count(of.others), t("not proposed")),
        NumberLine(t("Variance that is seen"), both, axes),
    )


def _summary(of: RoundMap, words: Words) -> str:
    """What stands for the picture where it cannot be seen."""
    return words.tn(
        "Map of {n} picture as a point.",
        "Map of {n} pictures as points. Pictures that the model finds alike lie close together. The "
        "arrows move the map, plus and minus zoom, 0 shows all, S selects what is in view.",
        of.points,
    )
