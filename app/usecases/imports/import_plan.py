"""What an import would do to a project: the same rules for the preview and for the import itself."""

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

from sqlalchemy.orm import Session

from app.db import import_queries, queries
from app.db.tables import Project
from app.domain.dataset import Split
from app.domain.errors import InvalidError
from app.domain.importing import ImportFormat, Into, LeftOut, Rest, SplitBy
from app.domain.names import check_name
from app.domain.split_rule import SplitRule, splits_of
from app.imports.archive import shown
from app.imports.draft import WITHOUT_CATEGORY, Draft, Found
from app.usecases.projects import split_rule

_MOST_SHOWN = 100


@dataclass(frozen=True)
class ImportOptions:
    """What a lead chooses.

    Attributes:
        into: Examples of the dataset, or candidates of the pool.
        split: Who decides an example's split.
        rest: What becomes of pictures without a category and of hard negatives.
        create_categories: Whether categories that the project lacks are made.
    """

    into: Into = Into.EXAMPLES
    split: SplitBy = SplitBy.GIVEN
    rest: Rest = Rest.SKIP
    create_categories: bool = True

    @classmethod
    def of(cls, stored: Mapping[str, Any]) -> "ImportOptions":
        """From a row."""
        return cls(
            Into(stored["into"]),
            SplitBy(stored["split"]),
            Rest(stored["rest"]),
            bool(stored["create_categories"]),
        )


class Names:
    """The project's categories by their names, as people write them in other places."""

    def __init__(self, names: Mapping[str, int], *, folders: bool) -> None:
        self._known = {_key(name): (category_id, name) for name, category_id in names.items()}
        # Only folders have underscores for want of spaces.
        self._folders = folders

    @classmethod
    def of(cls, session: Session, project: Project, kind: ImportFormat) -> "Names":
        """The categories of a project now."""
        found = queries.categories(session, project.id)
        names = {category.name: category.id for category in found}
        return cls(names, folders=kind is ImportFormat.IMAGE_FOLDER)

    def find(self, name: str) -> tuple[int, str] | None:
        """(id, name) of the category that is meant; id 0 where it does not exist yet."""
        for each in self._spellings(name):
            if _key(each) in self._known:
                return self._known[_key(each)]
        return None

    def new_name(self, name: str) -> str | None:
        """What the category is called when it is made; None where that is no name."""
        try:
            return check_name("name", self._spellings(name)[-1])
        except InvalidError:
            return None

    def add(self, name: str, category_id: int = 0) -> None:
        """Know a category that is new."""
        self._known[_key(name)] = (category_id, name)

    def _spellings(self, name: str) -> list[str]:
        return [name, name.replace("_", " ")] if self._folders else [name]


def _key(name: str) -> str:
    return " ".join(name.split()).lower()


def new_categories(draft: Draft, names: Names, options: ImportOptions) -> list[str]:
    """The categories that must be made, in order of their names; `names` then knows them."""
    if options.into is Into.POOL or not options.create_categories:
        return []
    made = []
    for wanted in sorted({each.category or "" for each in draft.found if _is_example(each)} - {""}):
        name = names.new_name(wanted)
        if name is not None and names.find(wanted) is None:
            names.add(name)
            made.append(name)
    return made


def _is_example(found: Found) -> bool:
    return found.reason not in WITHOUT_CATEGORY


@dataclass(frozen=True)
class Place:
    """Where a picture goes: an example of a category (by id) in a split, or the pool.

    Without a split the project's rule decides, which looks at the picture.
    """

    category: str | None = None
    category_id: int = 0
    split: Split | None = None

    @property
    def is_pool(self) -> bool:
        """Whether it becomes a candidate."""
        return self.category is None


POOL = Place()


class Placing:
    """Decides where each picture of a draft goes."""

    def __init__(self, draft: Draft, names: Names, options: ImportOptions) -> None:
        self._names = names
        self._options = options
        words = {each.split for each in draft.found}
        # A validation split is measured on; beside a test split it is the part to tune with.
        self._validation = Split.TRAIN if "test" in words else Split.TEST

    def place(self, found: Found) -> Place | LeftOut:
        """Where it goes, or why it is left out."""
        if self._options.into is Into.POOL:
            return POOL
        if not _is_example(found) or found.category is None:
            reason = found.reason or LeftOut.NO_CATEGORY
            return POOL if self._options.rest is Rest.POOL else reason
        known = self._names.find(found.category)
        if known is None:
            named = self._names.new_name(found.category) is not None
            return LeftOut.UNKNOWN_CATEGORY if named else LeftOut.BAD_CATEGORY
        category_id, name = known
        return Place(name, category_id, self._split(found.split))

    def _split(self, word: str | None) -> Split | None:
        by = self._options.split
        if by is SplitBy.TRAIN or by is SplitBy.TEST:
            return Split(by.value)
        if by is SplitBy.RULE or word is None:
            return None
        return self._validation if word == "val" else Split(word)


@dataclass
class CategoryPreview:
    """What a category would get; so many of it `by_rule` have their split from the project's rule.

    How the rule divides them is foretold as if none were an example already.
    """

    name: str
    new: bool
    train: int = 0
    test: int = 0
    by_rule: int = 0


@dataclass
class Preview:
    """What would happen, and what stands in its way. `problems` names the first files of each reason."""

    pictures: int
    examples: int = 0
    pool: int = 0
    unnamed: int = 0
    annotations: Sequence[str] = ()
    categories: list[CategoryPreview] = field(default_factory=list)
    unknown: list[str] = field(default_factory=list)
    reasons: dict[str, int] = field(default_factory=dict)
    problems: list[dict[str, str]] = field(default_factory=list)

    def stored(self) -> dict[str, Any]:
        """Ready for a row."""
        return asdict(self)


def preview(session: Session, project: Project, draft: Draft, options: ImportOptions) -> Preview:
    """Count what an import would do; nothing is written, and no picture is opened."""
    names = Names.of(session, project, draft.format)
    new = set(new_categories(draft, names, options))
    placing = Placing(draft, names, options)
    told = Preview(pictures=len(draft.found), unnamed=draft.unnamed, annotations=draft.annotations)
    rows: dict[str, CategoryPreview] = {}
    ids: dict[str, int] = {}
    unknown: Counter[str] = Counter()
    left_out = [*draft.left_out]
    for found in draft.found:
        place = placing.place(found)
        if isinstance(place, LeftOut):
            left_out.append((found.name, place))
            if place is LeftOut.UNKNOWN_CATEGORY:
                unknown[str(found.category)] += 1
        elif place.category is None:
            told.pool += 1
        else:
            told.examples += 1
            row = rows.setdefault(
                place.category, CategoryPreview(place.category, place.category in new)
            )
            field_name = place.split.value if place.split else "by_rule"
            setattr(row, field_name, getattr(row, field_name) + 1)
            ids[row.name] = place.category_id
    _foretell(session, project, rows, ids)
    told.categories = sorted(rows.values(), key=lambda row: row.name)
    told.unknown = sorted(map(shown, unknown))[:_MOST_SHOWN]
    told.reasons = dict(Counter(reason.value for _, reason in left_out))
    told.problems = [
        {"filename": shown(name), "reason": reason.value} for name, reason in left_out[:_MOST_SHOWN]
    ]
    return told


def _foretell(
    session: Session,
    project: Project,
    rows: Mapping[str, CategoryPreview],
    ids: Mapping[str, int],
) -> None:
    """Divide what the rule divides."""
    if not any(row.by_rule for row in rows.values()):
        return
    rule, given = split_rule(project), import_queries.given(session, project.id)
    for name, row in rows.items():
        train, test = given.get(ids[name], (0, 0))
        # What the hashes are does not matter for how many there are of each.
        made = splits_of(
            map(str, range(row.by_rule)), rule, train=train + row.train, test=test + row.test
        )
        for split in made.values():
            setattr(row, split.value, getattr(row, split.value) + 1)


def divide(
    session: Session,
    project: Project,
    placed: Sequence[tuple[Found, Place]],
    hash_of: Callable[[Found], str | None],
) -> dict[str, Split]:
    """The splits that the project's rule gives, by file name.

    Args:
        session: To read with.
        project: Whose rule.
        placed: All examples of the import, also those that come with a split.
        hash_of: The SHA-256 of a picture; None where it cannot be read.
    """
    hashed = hashes_to_divide(placed, hash_of)
    held = import_queries.examples_among(session, project.id, {sha256 for _, _, sha256 in hashed})
    given = import_queries.given(session, project.id)
    return divide_hashes(hashed, held, given, split_rule(project))


# A file's name, where it goes, and the SHA-256 of its bytes.
Hashed = tuple[str, Place, str]


def hashes_to_divide(
    placed: Sequence[tuple[Found, Place]], hash_of: Callable[[Found], str | None]
) -> list[Hashed]:
    """All pictures of the categories of which the rule divides some."""
    ruled = {place.category_id for _, place in placed if place.split is None}
    return [
        (found.name, place, sha256)
        for found, place in placed
        if place.category_id in ruled and (sha256 := hash_of(found)) is not None
    ]


def divide_hashes(
    hashed: Sequence[Hashed],
    held: Mapping[tuple[int, str], Split],
    given: Mapping[int, tuple[int, int]],
    rule: SplitRule,
) -> dict[str, Split]:
    """The splits by file name of those that come without one.

    Whoever takes an import over finds the same, however much of it is stored: what is stored moves
    from the one side of the rule's sum to the other.

    Args:
        hashed: See `hashes_to_divide`.
        held: Splits of what is an example already, by category id and hash.
        given: How many train and test pictures each category was given, by its id.
        rule: The project's.
    """
    by_hash = dict(held)
    for category_id in {place.category_id for _, place, _ in hashed}:
        new = [
            (place.split, sha256)
            for _, place, sha256 in hashed
            if place.category_id == category_id and (category_id, sha256) not in held
        ]
        train, test = given.get(category_id, (0, 0))
        fixed = Counter(split for split, sha256 in dict.fromkeys(new) if split is not None)
        made = splits_of(
            (sha256 for split, sha256 in new if split is None),
            rule,
            train=train + fixed[Split.TRAIN],
            test=test + fixed[Split.TEST],
        )
        by_hash |= {(category_id, sha256): split for sha256, split in made.items()}
    return {
        name: by_hash[place.category_id, sha256]
        for name, place, sha256 in hashed
        if place.split is None
    }
