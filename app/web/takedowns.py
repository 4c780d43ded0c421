"""What the page of takedowns shows, out of rows."""

from sqlalchemy.orm import Session

from app.db import takedown_queries
from app.db.tables import Project, Takedown
from app.domain.takedown import Effect, Kind
from app.usecases.takedowns.tombstones import SHORT
from app.web.lead_nav import POOL, lead_nav
from app.web.pages.frame import Frame
from app.web.pages.takedowns import TakedownLine, TakedownsPage
from app.web.pool_nav import TAKEDOWNS, pool_nav
from app.web.words import Words, marked

PAGE = 50
KINDS = {Kind.PICTURE: marked("Picture"), Kind.ADDRESS: marked("Address")}


def takedowns_page(
    session: Session, project: Project, frame: Frame, words: Words, what: str, before: int | None
) -> TakedownsPage:
    """The form and a page of the list, the newest first."""
    rows = takedown_queries.takedowns(session, project.id, before, PAGE)
    path = f"/projects/{project.slug}/pool/takedowns"
    return TakedownsPage(
        frame=frame,
        nav=lead_nav(project.slug, POOL, words),
        pool_nav=pool_nav(project.slug, TAKEDOWNS, words),
        slug=project.slug,
        name=project.name,
        what=what,
        takedowns=tuple(_line(of, maker, lifter, words) for of, maker, lifter in rows),
        older=f"{path}?before={rows[-1][0].id}" if len(rows) == PAGE else None,
    )


def _line(of: Takedown, maker: str | None, lifter: str | None, words: Words) -> TakedownLine:
    everywhere = of.project_id is None
    lifted = ""
    if of.lifted_at is not None:
        lifted = words.t(
            "lifted by {who}, {moment}",
            who=lifter or words.t("the operator"),
            moment=words.moment(of.lifted_at),
        )
    elif everywhere:
        lifted = words.t("only the operator can lift it")
    return TakedownLine(
        id=of.id,
        kind=words.t(KINDS[Kind(of.kind)]),
        key=of.key,
        short=of.key[:SHORT],
        reason=of.reason,
        went=_went(Effect(**of.effect), words),
        who=maker or words.t("the operator"),
        at=words.moment(of.created_at),
        liftable=not lifted,
        lifted=lifted,
    )


def _went(effect: Effect, words: Words) -> str:
    tn = words.tn
    told = (
        tn("{n} picture", "{n} pictures", effect.images),
        effect.examples and tn("{n} example", "{n} examples", effect.examples),
        effect.hard_negatives
        and tn("{n} hard negative", "{n} hard negatives", effect.hard_negatives),
        effect.questions and tn("{n} question", "{n} questions", effect.questions),
    )
    return " · ".join(each for each in told if each)
