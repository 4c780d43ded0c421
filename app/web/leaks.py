"""What the page of the leak guard shows, out of rows."""

from sqlalchemy.orm import Session

from app.api.answers import picture_url
from app.db.leak_queries import count_leaks, leak_page
from app.db.tables import Image, Leak, Project
from app.web.lead_nav import POOL, lead_nav
from app.web.pages.frame import Frame, NavLink
from app.web.pages.leaks import LeakLine, LeakPicture, LeaksPage
from app.web.pool_nav import LEAKS, pool_nav
from app.web.words import Words, count

PAIRS = 30
PLACES = 3  # of a cosine


def leaks_page(
    session: Session,
    project: Project,
    frame: Frame,
    words: Words,
    *,
    released: bool,
    before: int | None,
) -> LeaksPage:
    """A part of the pairs, those with the newest candidates first."""
    found = leak_page(session, project.id, released=released, before=before, limit=PAIRS + 1)
    shown = found[:PAIRS]
    kept, free = count_leaks(session, project.id)
    path = f"/projects/{project.slug}{LEAKS.suffix}"
    which = "released=true&" if released else ""
    return LeaksPage(
        frame=frame,
        nav=lead_nav(project.slug, POOL, words),
        pool_nav=pool_nav(project.slug, LEAKS, words),
        slug=project.slug,
        name=project.name,
        counted=words.tn(
            "One candidate shows what a picture of the test split shows.",
            "{n} candidates show what pictures of the test split show.",
            kept,
        ),
        tabs=(
            NavLink(path, words.t("In quarantine: {n}", n=count(kept)), not released),
            NavLink(f"{path}?released=true", words.t("Released: {n}", n=count(free)), released),
        ),
        leaks=tuple(_line(project.slug, *row, words) for row in shown),
        older=f"{path}?{which}before={shown[-1][0].image_id}" if len(found) > PAIRS else None,
    )


def _line(
    slug: str, leak: Leak, image: Image, test: Image, category: str | None, words: Words
) -> LeakLine:
    number = leak.image_id
    return LeakLine(
        sha256=image.sha256,
        label=words.t("Candidate {number} and a test picture", number=number),
        pictures=(
            _picture(slug, test, words.t("In the test split")),
            _picture(slug, image, words.t("In the pool")),
        ),
        category=category,
        measure=words.t(
            "{bits} bits apart, similarity {similarity}",
            bits=leak.hash_distance,
            similarity=words.decimal(leak.similarity, PLACES),
        ),
        released=leak.released_at is not None,
    )


def _picture(slug: str, image: Image, label: str) -> LeakPicture:
    return LeakPicture(
        label=label,
        thumbnail=picture_url(slug, image.sha256, "thumbnail"),
        screen=picture_url(slug, image.sha256, "screen"),
    )
