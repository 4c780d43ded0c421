"""What the pages of changing categories show, out of rows."""

from collections.abc import Iterator
from itertools import islice
from typing import Any

from sqlalchemy import Row, select
from sqlalchemy.orm import Session

from app.db import queries
from app.db.change_queries import change_page
from app.db.tables import Category, CategoryChange, Example, Image, Project
from app.domain.category_change import Effect, Kind, holds
from app.domain.dataset import Split
from app.domain.errors import RoundAtWorkError
from app.usecases.categories.carry_out import held
from app.usecases.categories.settle import as_change, versions_kept
from app.usecases.rounds.start_round import unfinished_round
from app.web.lead_nav import CATEGORIES, lead_nav
from app.web.pages.category_changes import (
    CategoryChangesPage,
    ChangeCategoryPage,
    ChangeLine,
    SplitPicture,
)
from app.web.pages.frame import Choice, Frame
from app.web.words import Words, count

PICTURES = 60
PAGE = 50


def change_category_page(
    session: Session, project: Project, category: Category, frame: Frame, words: Words, page: int
) -> ChangeCategoryPage:
    """What a lead may do to one category, with a page of its pictures to be split."""
    list_path = f"/projects/{project.slug}/categories"
    path = f"{list_path}/{category.id}"
    first = (page - 1) * PICTURES
    shown = _pictures(session, project, category, first, words)
    total, _ = held(session, project, category.id)
    running = unfinished_round(session, project)
    return ChangeCategoryPage(
        frame=frame,
        nav=lead_nav(project.slug, CATEGORIES, words),
        slug=project.slug,
        project=project.name,
        number=category.id,
        name=category.name,
        scientific_name=category.scientific_name,
        path=path,
        list_path=list_path,
        changes_path=f"{list_path}/changes",
        retired=category.retired_at is not None,
        at_work=None if running is None else words.sentence(RoundAtWorkError(running)),
        others=tuple(
            Choice(str(other.id), other.name)
            for other in queries.categories(session, project.id)
            if other.id != category.id
        ),
        examples=total,
        pictures=shown,
        shown=words.t(
            "{first} to {last} of {total}",
            first=count(first + 1),
            last=count(first + len(shown)),
            total=count(total),
        )
        if shown
        else words.t("There is no picture here."),
        previous=f"?page={page - 1}#split" if page > 1 else None,
        following=f"?page={page + 1}#split" if first + len(shown) < total else None,
    )


def _pictures(
    session: Session, project: Project, category: Category, skip: int, words: Words
) -> tuple[SplitPicture, ...]:
    rows = session.execute(
        select(Image.sha256, Example.split)
        .join(Example, Example.image_id == Image.id)
        .where(
            Example.project_id == project.id,
            Example.category_id == category.id,
            Example.to_version.is_(None),
        )
        .order_by(Example.id)
        .offset(skip)
        .limit(PICTURES)
    )
    address = f"/api/v1/projects/{project.slug}/images"
    return tuple(
        SplitPicture(
            sha256=sha256,
            thumbnail=f"{address}/{sha256}/thumbnail",
            screen=f"{address}/{sha256}/screen",
            label=words.t("Picture {place}", place=str(skip + place)),
            note=words.t("Test split") if split == Split.TEST else "",
        )
        for place, (sha256, split) in enumerate(rows, 1)
    )


def category_changes_page(
    session: Session, project: Project, frame: Frame, words: Words, before: int | None
) -> CategoryChangesPage:
    """The changes, the newest first."""
    rows = change_page(session, project.id, before, PAGE + 1)
    kept = versions_kept(session, project)
    return CategoryChangesPage(
        frame=frame,
        nav=lead_nav(project.slug, CATEGORIES, words),
        slug=project.slug,
        project=project.name,
        list_path=f"/projects/{project.slug}/categories",
        changes=tuple(_line(row, kept, words) for row in islice(rows, PAGE)),
        older=f"?before={rows[PAGE - 1][0].id}" if len(rows) > PAGE else None,
    )


def _line(row: Row[CategoryChange, str, str], kept: frozenset[int], words: Words) -> ChangeLine:
    change, made_by, undone_by = row
    in_force = holds(as_change(change), kept)
    return ChangeLine(
        number=change.id,
        did=_did(Kind(change.kind), change.details, words),
        effect=" ".join(_told(change, words)),
        who=made_by,
        at=words.moment(change.created_at),
        version=change.version,
        state=_state(change, undone_by, words) if not in_force else words.t("holds"),
        holds=in_force,
    )


def _did(kind: Kind, told: dict[str, Any], words: Words) -> str:
    t, name = words.t, told["name"]
    match kind:
        case Kind.RENAME:
            return t("{name} renamed to {other}", name=name, other=told["after"]["name"])
        case Kind.MERGE:
            return t("{name} merged into {other}", name=name, other=told["into"])
        case Kind.SPLIT:
            return t("{name} split into {parts}", name=name, parts=", ".join(told["parts"]))
        case Kind.RETIRE:
            return t("{name} retired", name=name)


def _state(change: CategoryChange, undone_by: str | None, words: Words) -> str:
    if change.undone_at is None or undone_by is None:
        return words.t("The dataset has gone back to before it")
    moment = words.moment(change.undone_at)
    return words.t("undone by {name}, {moment}", name=undone_by, moment=moment)


def _told(change: CategoryChange, words: Words) -> Iterator[str]:
    """The effect as sentences; the script of the page of one category says the same before."""
    if change.kind == Kind.RENAME:
        return
    of, tn = Effect(**change.details["effect"]), words.tn
    told = (
        (
            of.examples_move,
            tn("{n} example moves.", "{n} examples move.", of.examples_move),
        ),
        (
            of.examples_leave,
            tn(
                "{n} example leaves the dataset.",
                "{n} examples leave the dataset.",
                of.examples_leave,
            ),
        ),
        (
            of.hard_negatives_added,
            tn(
                "{n} hard negative is added.",
                "{n} hard negatives are added.",
                of.hard_negatives_added,
            ),
        ),
        (
            of.hard_negatives_leave,
            tn(
                "{n} hard negative holds no more.",
                "{n} hard negatives hold no more.",
                of.hard_negatives_leave,
            ),
        ),
    )
    yield from (sentence for number, sentence in told if number)
