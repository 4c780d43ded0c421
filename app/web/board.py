"""What the board of one category shows, out of rows."""

from collections.abc import Iterator, Sequence
from enum import StrEnum
from typing import Final

from markupsafe import Markup
from sqlalchemy.orm import Session

from app.db import board_queries as board
from app.db import queries
from app.db.board_queries import RoundAnswers, Tested
from app.db.category_queries import LAST
from app.db.labeling_queries import category_names
from app.db.queries import Counts
from app.db.tables import Category, Project
from app.domain.audit import Rate, wilson
from app.domain.dataset import Split
from app.markdown import to_html
from app.usecases.categories.choose_exemplars import MOST, exemplars_of
from app.usecases.categories.choose_exemplars import Shown as ShownExemplars
from app.web.lead_nav import CATEGORIES, lead_nav
from app.web.pages.categories import (
    BoardPicture,
    CategoryPage,
    Confused,
    ExemplarPicture,
    LinkedName,
    RoundLine,
    Tab,
)
from app.web.pages.frame import Frame
from app.web.pages.rounds import NumberLine
from app.web.precision_chart import precision_chart
from app.web.round_numbers import interval, precision_of
from app.web.words import NONE, Words, count, marked

PAGE: Final = 48
MOST_CONFUSED: Final = 30


class Shown(StrEnum):
    """The kinds of pictures of a category."""

    EXAMPLES = "examples"
    REFUSED = "hard-negatives"
    OPEN = "open"


LABELS = {
    Shown.EXAMPLES: marked("Examples"),
    Shown.REFUSED: marked("Hard negatives"),
    Shown.OPEN: marked("Open proposals"),
}


def category_page(
    session: Session,
    project: Project,
    category: Category,
    frame: Frame,
    words: Words,
    show: Shown,
    page: int,
) -> CategoryPage:
    """The board of a category, with a page of its pictures."""
    list_path = f"/projects/{project.slug}/categories"
    path = f"{list_path}/{category.id}"
    held = queries.counts(session, project.id, category.id).get(category.id, Counts())
    rounds = board.round_answers(session, category)
    waiting = sum(each.open for each in rounds)
    shown = exemplars_of(session, category)
    alike = board.look_alikes(session, category.id)
    tested = board.newest_test(session, category)
    sizes = {
        Shown.EXAMPLES: held.train + held.test,
        Shown.REFUSED: held.hard_negatives,
        Shown.OPEN: waiting,
    }
    first = (page - 1) * PAGE
    pictures = _pictures(session, project, category, words, show, first)
    turning = f"{path}?show={show}&page="
    return CategoryPage(
        frame=frame,
        nav=lead_nav(project.slug, CATEGORIES, words),
        path=path,
        slug=project.slug,
        number=category.id,
        project=project.name,
        list_path=list_path,
        name=category.name,
        scientific_name=category.scientific_name,
        retired=category.retired_at is not None,
        definition=Markup(to_html(category.definition)),  # noqa: S704 - raw HTML is off
        look_alikes=tuple(LinkedName(f"{list_path}/{number}", name) for number, name in alike),
        numbers=_numbers(project, held, rounds, waiting, words),
        chart=precision_chart(
            [(of.number, rate) for of in reversed(rounds) if (rate := precision_of(of.answers))],
            words,
        ),
        rounds=tuple(_round(project, each, words) for each in rounds),
        by_hand=shown.by_hand,
        most=MOST,
        exemplars=tuple(_exemplars(project, shown, words)),
        tested=_tested(tested, words),
        confused=_confused(session, category, tested, [number for number, _ in alike], list_path),
        tabs=tuple(
            Tab(
                f"{path}?show={each}#pictures",
                f"{words.t(label)} ({count(sizes[each])})",
                each is show,
            )
            for each, label in LABELS.items()
        ),
        pictures=pictures,
        shown=words.t(
            "{first} to {last} of {total}",
            first=count(first + 1),
            last=count(first + len(pictures)),
            total=count(sizes[show]),
        )
        if pictures
        else words.t("There is no such picture."),
        previous=f"{turning}{page - 1}#pictures" if page > 1 else None,
        following=f"{turning}{page + 1}#pictures" if first + PAGE < sizes[show] else None,
    )


def _numbers(
    project: Project, held: Counts, rounds: Sequence[RoundAnswers], waiting: int, words: Words
) -> tuple[NumberLine, ...]:
    t = words.t
    last = rounds[:LAST]
    rate = _rate(last)
    newest = rounds[0] if rounds else None
    return (
        NumberLine(
            t("Train split"),
            count(held.train),
            t(
                "{seeds} seeds and {grown} found by vetting",
                seeds=count(held.train - held.grown),
                grown=count(held.grown),
            ),
        ),
        NumberLine(t("Test split"), count(held.test), t("never shown to labelers")),
        NumberLine(
            t("Hard negatives"),
            count(held.hard_negatives),
            t("pictures that are not what they seemed"),
        ),
        NumberLine(t("Open proposals"), count(waiting), t("wait for an answer")),
        NumberLine(
            t("Precision of proposals"),
            words.percent(rate.share) if rate else NONE,
            f"{interval(rate, words)} · {_span(last, words)}" if rate else t("no yes or no"),
        ),
        NumberLine(
            t("Threshold"),
            f"{newest.threshold if newest else project.threshold:g}",
            t("confidence above which round {number} proposed", number=str(newest.number))
            if newest
            else t("confidence above which the next round proposes"),
        ),
    )


def _rate(rounds: Sequence[RoundAnswers]) -> Rate | None:
    yes = sum(each.answers.yes for each in rounds)
    judged = yes + sum(each.answers.no for each in rounds)
    return wilson(yes, judged) if judged else None


def _span(rounds: Sequence[RoundAnswers], words: Words) -> str:
    first, last = str(rounds[-1].number), str(rounds[0].number)
    if first == last:
        return words.t("round {number}", number=first)
    return words.t("rounds {first} to {last}", first=first, last=last)


def _round(project: Project, of: RoundAnswers, words: Words) -> RoundLine:
    rate = precision_of(of.answers)
    return RoundLine(
        path=f"/projects/{project.slug}/rounds/{of.number}",
        number=of.number,
        proposals=count(of.proposals),
        yes=count(of.answers.yes),
        no=count(of.answers.no),
        unsure=count(of.answers.unsure),
        precision=words.percent(rate.share) if rate else NONE,
        interval=interval(rate, words) if rate else words.t("no yes or no"),
        threshold=f"{of.threshold:g}",
    )


def _tested(of: Tested | None, words: Words) -> str:
    """What the newest model knew of the category's test pictures, as a sentence."""
    if of is None:
        return words.t("No model was trained yet.")
    number = str(of.round)
    if not of.measured:
        return words.t(
            "The model of round {number} took no test picture, or it did before that was kept.",
            number=number,
        )
    if not of.pictures:
        return words.t(
            "The model of round {number} met no test picture of this category.", number=number
        )
    return words.t(
        "The model of round {number} knew {right} of {n} test pictures of this category.",
        number=number,
        right=count(of.right),
        n=count(of.pictures),
    )


def _confused(
    session: Session,
    category: Category,
    tested: Tested | None,
    alike: Sequence[int],
    list_path: str,
) -> tuple[Confused, ...]:
    """The categories that are taken for this one, or it for them, the most frequent first.

    Look-alikes are among them, also those that nobody takes for it.
    """
    columns = (
        tested.taken_for if tested else {},
        tested.taken_from if tested else {},
        board.picked_instead(session, category),
        board.picked_here(session, category),
    )
    # A labeler may have picked the very category that was asked; that says nothing of two.
    others = {other for column in columns for other in column} | set(alike)
    often = {other: sum(column.get(other, 0) for column in columns) for other in others}
    names = category_names(session, others)
    most = sorted(others - {category.id}, key=lambda each: (-often[each], names[each]))
    kept = [*most[:MOST_CONFUSED], *(each for each in most[MOST_CONFUSED:] if each in alike)]
    return tuple(
        Confused(
            f"{list_path}/{other}",
            names[other],
            other in alike,
            *(count(column[other]) if other in column else "" for column in columns),
        )
        for other in kept
    )


def _exemplars(project: Project, shown: ShownExemplars, words: Words) -> Iterator[ExemplarPicture]:
    for place, image in enumerate(shown.images, 1):
        yield ExemplarPicture(
            thumbnail=f"/api/v1/projects/{project.slug}/images/{image.sha256}/thumbnail",
            sha256=image.sha256,
            label=words.t("Exemplar {place}", place=str(place)),
            asked=image.sha256 in shown.asked,
        )


def _pictures(
    session: Session, project: Project, category: Category, words: Words, show: Shown, skip: int
) -> tuple[BoardPicture, ...]:
    def picture(sha256: str, *notes: str, may_show: bool = False) -> BoardPicture:
        address = f"/api/v1/projects/{project.slug}/images/{sha256}"
        return BoardPicture(
            thumbnail=f"{address}/thumbnail",
            screen=f"{address}/screen",
            label=category.name,
            note=" · ".join(notes),
            sha256=sha256,
            may_show=may_show,
        )

    if show is Shown.EXAMPLES:
        examples = board.example_pictures(session, category, skip=skip, limit=PAGE)
        return tuple(
            picture(
                sha256,
                *_split(split, words),
                _origin(number, words),
                may_show=split == Split.TRAIN,
            )
            for sha256, split, number in examples
        )
    if show is Shown.REFUSED:
        refused = board.refused_pictures(session, category, skip=skip, limit=PAGE)
        return tuple(
            picture(
                sha256,
                _origin(number, words),
                *([words.t("rather {category}", category=picked)] if picked else []),
            )
            for sha256, number, picked in refused
        )
    waiting = board.open_pictures(session, category, skip=skip, limit=PAGE)
    return tuple(
        picture(sha256, words.percent(sure) if sure is not None else words.t("picked by a labeler"))
        for sha256, sure in waiting
    )


def _split(split: str, words: Words) -> tuple[str, ...]:
    return (words.t("Test split"),) if split == Split.TEST else ()


def _origin(number: int | None, words: Words) -> str:
    return words.t("seed") if number is None else words.t("round {number}", number=str(number))
