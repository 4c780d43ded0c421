"""The page of one round, and that of two rounds side by side."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from sqlalchemy.orm import Session

from app.db import queries, round_queries
from app.db.queries import RoundSummary
from app.db.round_queries import CategoryAnswers
from app.db.tables import Project
from app.domain.errors import NotFoundError
from app.domain.round import RoundState
from app.web.lead_nav import ROUNDS, lead_nav
from app.web.pages.frame import Frame
from app.web.pages.rounds import (
    CategoryAnswersRow,
    CategoryPair,
    ComparePage,
    NumberCell,
    NumberPair,
    RoundPage,
    SortColumn,
)
from app.web.round_numbers import (
    interval,
    number_lines,
    number_pairs,
    numbers_of,
    points,
    precision_of,
)
from app.web.training_curves import training_curves
from app.web.words import MARKS, NONE, STATES, Words, count, marked

PRECISION = "precision"


@dataclass(frozen=True)
class _Column:
    """A column of the table of categories: a key of None sorts last in both directions."""

    label: str
    key: Callable[[CategoryAnswers], float | None] | None


# By their names in the address.
COLUMNS: Mapping[str, _Column] = {
    "category": _Column(marked("Category"), None),
    "proposals": _Column(marked("Proposals"), lambda each: each.proposals),
    "yes": _Column(marked("Yes"), lambda each: each.answers.yes),
    "no": _Column(marked("No"), lambda each: each.answers.no),
    "unsure": _Column(marked("Unsure"), lambda each: each.answers.unsure),
    PRECISION: _Column(marked("Precision"), lambda each: each.answers.precision),
}


@dataclass(frozen=True)
class Order:
    """How the table of categories is sorted; unknown names fall back to the worst first."""

    by: str = PRECISION
    descending: bool = False

    @classmethod
    def of(cls, sort: str | None, order: str | None) -> "Order":
        """The order that an address asks for."""
        return cls(sort, order == "desc") if sort is not None and sort in COLUMNS else cls()


def round_page(
    session: Session, project: Project, number: int, frame: Frame, words: Words, order: Order
) -> RoundPage:
    """All numbers of a round.

    Raises:
        NotFoundError: when the project has no such round.
    """
    summary = _one(session, project, number)
    of = summary.round
    last = queries.newest_number(session, project.id)
    (numbers,) = numbers_of(session, [summary])
    found = round_queries.category_answers(session, of.id)
    return RoundPage(
        frame=frame,
        nav=lead_nav(project.slug, ROUNDS, words),
        slug=project.slug,
        project=project.name,
        number=number,
        state=words.t(STATES[numbers.state]),
        mark=MARKS.get(numbers.state, "busy"),
        error=of.error,
        so_far=numbers.state is RoundState.LABELING,
        before=number - 1 if number > 1 else None,
        after=number + 1 if number < last else None,
        numbers=number_lines(numbers, words),
        curves=training_curves(round_queries.curves(session, of.id), words),
        columns=tuple(_heads(order, words)),
        categories=tuple(_row(each, words) for each in _sorted(found, order)),
    )


def _one(session: Session, project: Project, number: int) -> RoundSummary:
    found = queries.rounds(session, project.id, number)
    if not found:
        raise NotFoundError("round", number)
    return found[0]


def _heads(order: Order, words: Words) -> list[SortColumn]:
    heads = []
    for name, column in COLUMNS.items():
        here = name == order.by
        # A second click turns the order around. Of names the first come first, of numbers most
        # want the largest, and of precisions the worst.
        falls = not order.descending if here else name not in {"category", PRECISION}
        heads.append(
            SortColumn(
                label=words.t(column.label),
                href=f"?sort={name}&order={'desc' if falls else 'asc'}",
                sorted=("descending" if order.descending else "ascending") if here else None,
                number=column.key is not None,
            )
        )
    return heads


def _sorted(found: Sequence[CategoryAnswers], order: Order) -> list[CategoryAnswers]:
    """In this order; of equal ones, those judged more often come first, then by name."""
    key = COLUMNS[order.by].key
    if key is None:
        return list(reversed(found)) if order.descending else list(found)
    known = [(value, each) for each in found if (value := key(each)) is not None]
    sign = -1 if order.descending else 1
    known.sort(key=lambda one: (sign * one[0], -one[1].answers.decided))
    return [each for _, each in known] + [each for each in found if key(each) is None]


def _row(of: CategoryAnswers, words: Words) -> CategoryAnswersRow:
    rate = precision_of(of.answers)
    return CategoryAnswersRow(
        name=of.name,
        proposals=count(of.proposals),
        yes=count(of.answers.yes),
        no=count(of.answers.no),
        unsure=count(of.answers.unsure),
        precision=words.percent(of.answers.precision),
        interval=interval(rate, words) if rate else words.t("no yes or no"),
    )


def compare_page(
    session: Session,
    project: Project,
    frame: Frame,
    words: Words,
    wanted: tuple[int | None, int | None],
) -> ComparePage:
    """Two rounds: the wanted ones, or else the newest and the one before it.

    Raises:
        NotFoundError: when the project has no such round.
    """
    last = queries.newest_number(session, project.id)
    second = wanted[1] or last
    first = wanted[0] or max(second - 1, 1)
    both = [_one(session, project, each) for each in (first, second)] if last > 1 else []
    pairs: tuple[NumberPair, ...] = ()
    if both:
        before, after = numbers_of(session, both)
        pairs = number_pairs(before, after, words)
    return ComparePage(
        frame=frame,
        nav=lead_nav(project.slug, ROUNDS, words),
        slug=project.slug,
        project=project.name,
        choices=tuple(range(1, last + 1)),
        first=first if both else None,
        second=second if both else None,
        numbers=pairs,
        categories=_category_pairs(session, both, words) if both else (),
    )


def _category_pairs(
    session: Session, both: Sequence[RoundSummary], words: Words
) -> tuple[CategoryPair, ...]:
    """The categories that either round asked about, those that lost most precision first."""
    first, second = (
        {each.category_id: each for each in round_queries.category_answers(session, of.round.id)}
        for of in both
    )
    changes = []
    for category_id in first | second:
        before, after = first.get(category_id), second.get(category_id)
        known = (before or after, _precision(before), _precision(after))
        change = None if None in known else known[2] - known[1]  # type: ignore[operator]
        changes.append((change is None, change or 0, known[0].name, before, after, change))  # type: ignore[union-attr]
    changes.sort(key=lambda each: each[:3])
    return tuple(
        CategoryPair(
            name=name,
            first=_cell(before, words),
            second=_cell(after, words),
            difference=NONE if change is None else points(change, words),
        )
        for _, _, name, before, after, change in changes
    )


def _precision(of: CategoryAnswers | None) -> float | None:
    return None if of is None else of.answers.precision


def _cell(of: CategoryAnswers | None, words: Words) -> NumberCell:
    if of is None:
        return NumberCell(NONE, words.t("no proposal"))
    judged = of.answers.yes + of.answers.no
    if not judged:
        return NumberCell(NONE, words.t("no yes or no"))
    asked = words.t("{yes} of {judged}", yes=count(of.answers.yes), judged=count(judged))
    return NumberCell(words.percent(of.answers.precision), asked)
