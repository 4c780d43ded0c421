"""What the page of the difference of two dataset versions shows, out of rows."""

from collections import Counter
from collections.abc import Sequence
from typing import Any
from urllib.parse import urlencode

from sqlalchemy import Row
from sqlalchemy.orm import Session

from app.db.tables import DatasetVersion, Project
from app.db.version_diff import Change, ChangeFilter, change_counts, change_page
from app.domain.dataset import Split
from app.web.lead_nav import VERSIONS, lead_nav
from app.web.pages.frame import Frame, Option
from app.web.pages.versions import ChangedPicture, ChangeRow, VersionDiffPage
from app.web.words import Words, count, marked

PAGE = 60
CHANGES = {
    Change.ADDED: marked("added"),
    Change.REMOVED: marked("removed"),
    Change.MOVED: marked("moved"),
    Change.REFUSED: marked("not this: added"),
    Change.FORGIVEN: marked("not this: removed"),
}
SPLITS = {Split.TRAIN: marked("Train split"), Split.TEST: marked("Test split")}


def version_diff_page(
    session: Session,
    project: Project,
    frame: Frame,
    words: Words,
    between: Sequence[DatasetVersion],
    wanted: ChangeFilter,
    page: int,
) -> VersionDiffPage:
    """What the second version has that the first has not, and the other way round."""
    one, other = between
    counted = change_counts(session, one, other)
    total = sum(
        row.number
        for row in counted
        if wanted.change in (None, row.kind) and wanted.category_id in (None, row.id)
    )
    first = (page - 1) * PAGE
    rows = change_page(session, one, other, wanted, counted, skip=first, limit=PAGE)
    shown = {"one": one.number, "other": other.number}
    chosen = {"change": wanted.change or "", "category": wanted.category_id or ""}

    def path(number: int) -> str:
        return f"?{urlencode({**shown, **chosen, 'page': number})}"

    return VersionDiffPage(
        frame=frame,
        nav=lead_nav(project.slug, VERSIONS, words),
        slug=project.slug,
        name=project.name,
        one=one.number,
        other=other.number,
        rows=_rows(counted),
        changes=tuple(
            Option(each, words.t(label), wanted.change is each) for each, label in CHANGES.items()
        ),
        categories=tuple(
            Option(f"{number}", name, wanted.category_id == number)
            for number, name in dict.fromkeys((row.id, row.name) for row in counted)
        ),
        pictures=tuple(_picture(project, row, words) for row in rows),
        shown=words.t(
            "{first} to {last} of {total}",
            first=count(first + 1),
            last=count(first + len(rows)),
            total=count(total),
        ),
        previous=path(page - 1) if page > 1 else None,
        following=path(page + 1) if first + PAGE < total else None,
    )


def _rows(counted: Sequence[Row[Any]]) -> tuple[ChangeRow, ...]:
    by_category: dict[tuple[int, str], Counter[str]] = {}
    for row in counted:
        by_category.setdefault((row.id, row.name), Counter())[row.kind] = row.number
    return tuple(
        ChangeRow(name, *(count(numbers[change]) for change in Change))
        for (_, name), numbers in by_category.items()
    )


def _picture(project: Project, row: Row[Any], words: Words) -> ChangedPicture:
    address = f"/api/v1/projects/{project.slug}/images/{row.sha256}"
    now = _place(row.category, row.split, words)
    moved = row.kind == Change.MOVED
    return ChangedPicture(
        thumbnail=None if row.taken_down else f"{address}/thumbnail",
        original=f"{address}/screen",
        category=row.category,
        change=words.t(CHANGES[Change(row.kind)]),
        place=words.t(
            "{before}, now {after}",
            before=_place(row.was_category, row.was_split, words),
            after=now,
        )
        if moved
        else now,
    )


def _place(category: str, split: str | None, words: Words) -> str:
    return category if split is None else f"{category} · {words.t(SPLITS[Split(split)])}"
