"""What the page of all categories shows, out of rows."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from urllib.parse import urlencode

from sqlalchemy.orm import Session

from app.db.category_queries import Standing, last_rounds, standings
from app.db.tables import Project, Round
from app.domain.audit import Rate, wilson
from app.domain.long_tail import FEW, LongTail, long_tail
from app.web.lead_nav import CATEGORIES, lead_nav
from app.web.pages.categories import CategoriesPage, CategoryLine
from app.web.pages.frame import Frame, Headline
from app.web.pages.rounds import SortColumn
from app.web.round_numbers import interval
from app.web.tail_chart import tail_chart
from app.web.words import NONE, Words, count, marked

PAGE = 100
NAME = "name"
PRECISION = "precision"


def precision(of: Standing) -> Rate | None:
    """Yes of yes and no in the last rounds."""
    judged = of.yes + of.no
    return wilson(of.yes, judged) if judged else None


@dataclass(frozen=True)
class _Column:
    """A column of the table: a key of None sorts last in both directions."""

    label: str
    key: Callable[[Standing], float | None]


# By their names in the address. Names are sorted by the database.
COLUMNS: Mapping[str, _Column] = {
    NAME: _Column(marked("Category"), lambda _: 0),
    "seeds": _Column(marked("Seeds"), lambda each: each.seeds),
    "train": _Column(marked("Train split"), lambda each: each.held.train),
    "test": _Column(marked("Test split"), lambda each: each.held.test),
    "hard-negatives": _Column(marked("Hard negatives"), lambda each: each.held.hard_negatives),
    "open": _Column(marked("Open proposals"), lambda each: each.open),
    PRECISION: _Column(
        marked("Precision"), lambda each: rate.share if (rate := precision(each)) else None
    ),
}


@dataclass(frozen=True)
class Wanted:
    """What of the categories is shown: a part of their names, their order, and the page."""

    name: str = ""
    by: str = "train"
    descending: bool = True
    page: int = 1

    @classmethod
    def of(cls, name: str, sort: str, order: str, page: int) -> "Wanted":
        """What an address asks for; unknown orders fall back to the largest first."""
        words = " ".join(name.split())
        if sort not in COLUMNS:
            return cls(words, page=page)
        return cls(words, sort, order == "desc", page)

    def path(self, **other: object) -> str:
        """The address of the same but for this."""
        order = "desc" if self.descending else "asc"
        return f"?{urlencode({'name': self.name, 'sort': self.by, 'order': order, **other})}"


def categories_page(
    session: Session, project: Project, frame: Frame, words: Words, wanted: Wanted
) -> CategoriesPage:
    """A page of the categories, and how the pictures are spread over all of them."""
    rounds = last_rounds(session, project.id)
    every = standings(session, project.id, rounds)
    seeds, now = [each.seeds for each in every], [each.held.train for each in every]
    told = (long_tail(seeds), long_tail(now))
    found = _sorted([each for each in every if _named(each, wanted.name)], wanted)
    first = (wanted.page - 1) * PAGE
    shown = found[first : first + PAGE]
    tail = None
    if told[0] is not None and told[1] is not None:
        tail = tail_chart(seeds, now, (told[0], told[1]), words)
    return CategoriesPage(
        frame=frame,
        nav=lead_nav(project.slug, CATEGORIES, words),
        slug=project.slug,
        name=project.name,
        headlines=_headlines(every, told, words),
        tail=tail,
        meaning=words.t(
            "The Gini coefficient says how unequal the shares of the categories are: 0 if all have "
            "the same number of pictures, near 1 if one has nearly all of them."
        ),
        wanted=wanted.name,
        sort=wanted.by,
        order="desc" if wanted.descending else "asc",
        basis=_basis(project, rounds, words),
        columns=tuple(_heads(wanted, words)),
        categories=tuple(_line(project, each, words) for each in shown),
        shown=_told(first, len(shown), len(found), words)
        if every
        else words.t("There is no category yet."),
        previous=wanted.path(page=wanted.page - 1) if wanted.page > 1 else None,
        following=wanted.path(page=wanted.page + 1) if first + PAGE < len(found) else None,
    )


def _told(first: int, shown: int, found: int, words: Words) -> str:
    if not shown:
        return words.t("No category has this in its name.")
    return words.t(
        "{first} to {last} of {total}",
        first=count(first + 1),
        last=count(first + shown),
        total=count(found),
    )


def _named(of: Standing, part: str) -> bool:
    return part.casefold() in f"{of.name}\n{of.scientific_name}".casefold()


def _sorted(found: Sequence[Standing], wanted: Wanted) -> list[Standing]:
    """In this order; of equal ones, those judged more often come first, then by name."""
    if wanted.by == NAME:
        return list(reversed(found)) if wanted.descending else list(found)
    key = COLUMNS[wanted.by].key
    sign = -1 if wanted.descending else 1
    known = [(value, each) for each in found if (value := key(each)) is not None]
    known.sort(key=lambda one: (sign * one[0], -one[1].yes - one[1].no))
    return [each for _, each in known] + [each for each in found if key(each) is None]


def _heads(wanted: Wanted, words: Words) -> list[SortColumn]:
    heads = []
    for name, column in COLUMNS.items():
        here = name == wanted.by
        # A second click turns the order around. Of numbers most want the largest first.
        falls = not wanted.descending if here else name not in {NAME, PRECISION}
        heads.append(
            SortColumn(
                label=words.t(column.label),
                href=wanted.path(sort=name, order="desc" if falls else "asc"),
                sorted=("descending" if wanted.descending else "ascending") if here else None,
                number=name != NAME,
            )
        )
    return heads


def _line(project: Project, of: Standing, words: Words) -> CategoryLine:
    rate = precision(of)
    return CategoryLine(
        path=f"/projects/{project.slug}/categories/{of.id}",
        name=of.name,
        scientific_name=of.scientific_name,
        seeds=count(of.seeds),
        train=count(of.held.train),
        test=count(of.held.test),
        hard_negatives=count(of.held.hard_negatives),
        open=count(of.open),
        precision=words.percent(rate.share) if rate else NONE,
        interval=interval(rate, words) if rate else words.t("no yes or no"),
    )


def _basis(project: Project, rounds: Sequence[Round], words: Words) -> str:
    """What the numbers of the table are counted over."""
    threshold = words.t(
        "The next round proposes above a confidence of {threshold}.",
        threshold=f"{project.threshold:g}",
    )
    if not rounds:
        return threshold
    first, last = rounds[-1].number, rounds[0].number
    precise = (
        words.t("Precision is yes of yes and no in round {number}.", number=first)
        if first == last
        else words.t(
            "Precision is yes of yes and no in rounds {first} to {last}.", first=first, last=last
        )
    )
    return f"{precise} {threshold}"


def _headlines(
    every: Sequence[Standing], told: tuple[LongTail | None, LongTail | None], words: Words
) -> tuple[Headline, ...]:
    t, (before, now) = words.t, told
    if before is None or now is None:
        return ()
    share = now.few / len(every)
    return (
        Headline(
            t("Categories"),
            count(len(every)),
            t(
                "{seeds} seeds, {now} pictures to train on now",
                seeds=count(sum(each.seeds for each in every)),
                now=count(sum(each.held.train for each in every)),
            ),
        ),
        Headline(
            t("Largest to smallest"),
            _times(now, words),
            t(
                "{most} pictures and {least}; {before} before growth",
                most=count(now.largest),
                least=count(now.smallest),
                before=_times(before, words),
            ),
        ),
        Headline(
            t("Below {few} pictures", few=FEW),
            words.percent(share),
            words.tn(
                "{n} category; {before} before growth",
                "{n} categories; {before} before growth",
                now.few,
                before=words.percent(before.few / len(every)),
            ),
        ),
        Headline(
            t("Gini coefficient"),
            words.decimal(now.gini, 2),
            t("{before} before growth", before=words.decimal(before.gini, 2)),
        ),
    )


def _times(of: LongTail, words: Words) -> str:
    return NONE if of.ratio is None else words.t("{n} times", n=words.decimal(of.ratio))
