"""What an archive or a folder says about its pictures, before any project is asked."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from app.domain.errors import ImportRefusedError
from app.domain.importing import ImportFormat, LeftOut
from app.domain.ingestion import SourceFacts
from app.imports.archive import LIMITS, Archive, DamagedMemberError, Limits, shown
from app.imports.formats import detect, read
from app.imports.rows import PICTURES, Labeled, is_address, path_of, suffix_of

_HASH = 8  # hexadecimal digits that Label Studio puts before the name of an upload
# Why a row says no category, although its picture is there.
WITHOUT_CATEGORY = frozenset({LeftOut.NO_CATEGORY, LeftOut.HARD_NEGATIVE})


@dataclass(frozen=True)
class Found:
    """A picture that is there. `reason` is one of WITHOUT_CATEGORY where it has none of its own."""

    name: str
    category: str | None
    split: str | None
    source: SourceFacts
    reason: LeftOut | None = None


@dataclass
class Draft:
    """The pictures in the order in which they lie, what is left out, and how many nobody speaks of.

    `addresses` are rows whose picture is not there, but has an address.
    """

    format: ImportFormat
    annotations: tuple[str, ...]
    found: list[Found] = field(default_factory=list)
    left_out: list[tuple[str, LeftOut]] = field(default_factory=list)
    addresses: list[tuple[str, Labeled]] = field(default_factory=list)
    unnamed: int = 0


def draft(archive: Archive, wanted: ImportFormat | None = None, limits: Limits = LIMITS) -> Draft:
    """Read all annotations and find the picture of each row.

    Raises:
        ImportRefusedError: when there is nothing to import, or it cannot be read.
    """
    sizes = archive.listing.sizes
    names = list(sizes)

    def content(name: str) -> bytes:
        if sizes[name] > limits.annotation:
            raise ImportRefusedError(
                "annotation_too_large",
                "{name} has {size} MB; an annotation file may have {most} MB. Import it in parts.",
                name=shown(name),
                size=sizes[name] // 1_000_000,
                most=limits.annotation // 1_000_000,
            )
        try:
            return archive.read(name, limits.annotation)
        except DamagedMemberError:
            raise ImportRefusedError(
                "archive_broken",
                "The archive is damaged or ends too early. Pack it again, or send it again.",
            ) from None

    annotated = detect(names, content, wanted)
    made = Draft(annotated.format, annotated.files)
    made.left_out.extend(archive.listing.faults)
    _match(made, read(annotated, names, content), Index(names), limits)
    if not made.found and not made.addresses and not made.left_out:
        raise ImportRefusedError(
            "nothing_found",
            "There are no pictures here, and no annotation file that is known. Send a zip or a tar with "
            "a folder for each category, or with pictures and their CSV or JSON.",
        )
    order = {name: place for place, name in enumerate(names)}
    made.found.sort(key=lambda each: order[each.name])
    pictures = sum(suffix_of(name) in PICTURES for name in names)
    made.unnamed = max(pictures - len(made.found), 0)
    return made


def _match(
    made: Draft, rows: Iterable[tuple[str, Labeled]], index: "Index", limits: Limits
) -> None:
    """Give each picture its one row; rows about one picture must agree."""
    by_name: dict[str, Found | None] = {}
    for number, (annotation, row) in enumerate(rows):
        if number >= 5 * limits.members:
            raise ImportRefusedError(
                "too_many",
                "The archive has more than {most} files. Import it in parts.",
                most=f"{limits.members:,}",
            )
        name = index.find(row, annotation.rpartition("/")[0])
        if isinstance(name, LeftOut):
            address = row.reference if is_address(row.reference) else row.source.url
            if address and name is LeftOut.NOT_IN_ARCHIVE:
                made.addresses.append((address, row))
            made.left_out.append((row.reference, name))
        elif row.reason is LeftOut.SEVERAL_CATEGORIES:
            by_name[name] = None
        else:
            _agree(by_name, Found(name, row.category, row.split, row.source, row.reason))
    for name, found in by_name.items():
        if found is None:
            made.left_out.append((name, LeftOut.SEVERAL_CATEGORIES))
        else:
            made.found.append(found)


def _agree(by_name: dict[str, Found | None], new: Found) -> None:
    known = by_name.setdefault(new.name, new)
    if known is None or known is new or new.reason in WITHOUT_CATEGORY:
        return
    if known.reason in WITHOUT_CATEGORY:
        by_name[new.name] = new
    elif (known.category or "").casefold() != (new.category or "").casefold():
        by_name[new.name] = None


class Index:
    """Finds the file that a reference means: the one that shares the longest end of its path."""

    def __init__(self, names: Sequence[str]) -> None:
        self._names = frozenset(names)
        self._by_base: dict[str, list[str]] = {}
        self._by_stem: dict[str, list[str]] = {}
        for name in names:
            base = name.rpartition("/")[2]
            self._by_base.setdefault(base, []).append(name)
            if suffix_of(name) in PICTURES:
                self._by_stem.setdefault(base.rpartition(".")[0], []).append(name)

    def find(self, row: Labeled, folder: str) -> str | LeftOut:
        """The name of the file, or why there is none; `folder` is that of the annotation file."""
        path = path_of(row.reference)
        beside = f"{folder}/{path}" if folder else path
        if not row.stem:
            for exact in (beside, path):
                if exact in self._names:
                    return exact
        base = path.rpartition("/")[2]
        found = self._candidates(base, self._by_stem if row.stem else self._by_base)
        if not found:
            return LeftOut.NOT_IN_ARCHIVE
        if len(found) > 1:
            best = {each: _shared_end(each, beside, stem=row.stem) for each in found}
            most = max(best.values())
            found = [each for each in found if best[each] == most]
        if len(found) > 1 and folder:  # the same name in train/ and test/: the one nearby
            near = [each for each in found if each.startswith(f"{folder}/")]
            found = near or found
        return found[0] if len(found) == 1 else LeftOut.AMBIGUOUS

    def _candidates(self, base: str, by: Mapping[str, list[str]]) -> list[str]:
        if base in by or not base:
            return by.get(base, [])
        prefix, dash, rest = base.partition("-")
        hashed = len(prefix) == _HASH and all(each in "0123456789abcdef" for each in prefix)
        return by.get(rest, []) if dash and hashed else []


def _shared_end(name: str, path: str, *, stem: bool) -> int:
    """How many parts the ends of two paths have in common."""
    one, other = name.split("/"), path.split("/")
    if stem:
        one, other = one[:-1], other[:-1]
    count = 0
    for ours, theirs in zip(reversed(one), reversed(other), strict=False):
        if ours != theirs:
            break
        count += 1
    return count
