"""What the page of near-duplicates shows, out of groups."""

from sqlalchemy.orm import Session

from app.api.answers import picture_url
from app.db.near_duplicate_queries import count_members
from app.db.tables import Image, Project
from app.domain.decision import Answer
from app.usecases.likeness.near_duplicates import Group, Member, Membership, groups_of
from app.web.lead_nav import POOL, lead_nav
from app.web.pages.frame import Frame, NavLink
from app.web.pages.near_duplicates import DuplicatesPage, GroupLine, GroupPicture
from app.web.pool_nav import DUPLICATES, pool_nav
from app.web.words import Words, count

GROUPS = 20
PLACES = 3  # of a cosine


def duplicates_page(
    session: Session,
    project: Project,
    frame: Frame,
    words: Words,
    *,
    detached: bool,
    before: int | None,
) -> DuplicatesPage:
    """A part of the groups, those with the newest representatives first."""
    found = groups_of(session, project, detached=detached, before=before, limit=GROUPS + 1)
    shown = found[:GROUPS]
    attached, apart = count_members(session, project.id)
    path = f"/projects/{project.slug}{DUPLICATES.suffix}"
    kept = "detached=true&" if detached else ""
    return DuplicatesPage(
        frame=frame,
        nav=lead_nav(project.slug, POOL, words),
        pool_nav=pool_nav(project.slug, DUPLICATES, words),
        slug=project.slug,
        name=project.name,
        counted=words.tn(
            "One image stands behind another that shows the same photograph.",
            "{n} images stand behind others that show the same photographs.",
            attached,
        ),
        tabs=(
            NavLink(path, words.t("All groups"), not detached),
            NavLink(f"{path}?detached=true", words.t("Taken apart: {n}", n=count(apart)), detached),
        ),
        groups=tuple(_group(project.slug, each, words) for each in shown),
        older=f"{path}?{kept}before={shown[-1].representative.id}" if len(found) > GROUPS else None,
    )


def _group(slug: str, group: Group, words: Words) -> GroupLine:
    number = group.representative.id
    return GroupLine(
        number=number,
        label=words.t("Photograph {number}", number=number),
        representative=_picture(
            slug,
            group.representative,
            words.t("The one that rounds ask about"),
            tuple(_note(each, words) for each in group.memberships),
        ),
        members=tuple(
            _member(slug, each, place, len(group.members), words)
            for place, each in enumerate(group.members, start=1)
        ),
    )


def _member(slug: str, member: Member, place: int, of: int, words: Words) -> GroupPicture:
    return _picture(
        slug,
        member.image,
        words.t("Near-duplicate {n} of {of}", n=place, of=of),
        tuple(_note(each, words) for each in member.memberships),
        measure=words.t(
            "{bits} bits apart, similarity {similarity}",
            bits=member.hash_distance,
            similarity=words.decimal(member.similarity, PLACES),
        ),
        detached=member.detached,
    )


def _picture(
    slug: str,
    image: Image,
    label: str,
    notes: tuple[str, ...],
    *,
    measure: str | None = None,
    detached: bool = False,
) -> GroupPicture:
    return GroupPicture(
        sha256=image.sha256,
        label=label,
        thumbnail=picture_url(slug, image.sha256, "thumbnail"),
        screen=picture_url(slug, image.sha256, "screen"),
        notes=notes,
        measure=measure,
        detached=detached,
    )


def _note(membership: Membership, words: Words) -> str:
    name = membership.category
    if membership.answer == Answer.YES:
        if membership.inherited:
            return words.t("{category}: yes, inherited", category=name)
        return words.t("{category}: yes", category=name)
    if membership.inherited:
        return words.t("{category}: no, inherited", category=name)
    return words.t("{category}: no", category=name)
