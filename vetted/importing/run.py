"""The import itself: look, tell, make categories, fetch, divide, push."""

import hashlib
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any

from app.domain.dataset import Split
from app.domain.importing import ImportFormat, LeftOut
from app.domain.ingestion import SourceFacts
from app.domain.split_rule import SplitRule
from app.imports.archive import DamagedMemberError, shown
from app.imports.draft import Draft, Found
from app.imports.rows import Labeled, facts
from app.usecases.imports.import_plan import (
    ImportOptions,
    Names,
    Place,
    Placing,
    divide_hashes,
    hashes_to_divide,
    new_categories,
)
from vetted.client import Client, Patience, Picture, RefusedError
from vetted.importing.fetch import Fetcher, FetchError
from vetted.importing.source import Opened

MOST_BYTES = 50_000_000  # of a picture
_BATCH, _BATCH_BYTES = 32, 32_000_000
_GIVE_UP = 60.0  # seconds; whoever runs it again sends only what is missing
_MOST_TOLD = 1000
Progress = Callable[[str, int, int | None], None]


@dataclass
class Outcome:
    """What came of it, by outcome, and the files that were left out, with their reasons."""

    counts: Counter[str] = field(default_factory=Counter)
    reasons: Counter[str] = field(default_factory=Counter)
    told: list[tuple[str, str]] = field(default_factory=list)

    def leave_out(self, name: str, reason: str, says: str = "") -> None:
        """Note a file that is left out."""
        self.reasons[reason] += 1
        if len(self.told) < _MOST_TOLD:
            self.told.append((shown(name), f"{reason}: {says}" if says else reason))


@dataclass(frozen=True)
class Look:
    """What would happen: how many pictures go to each place, and the categories that are missing."""

    places: Counter[tuple[str, str]]
    new: list[str]
    outcome: Outcome


class Import:
    """One run.

    Args:
        client: Who pushes.
        project: Its slug.
        source: What is imported.
        options: What shall become of it.
        fetcher: For rows that have an address.
        progress: Told how far it is.
    """

    def __init__(
        self,
        client: Client,
        project: str,
        source: Opened,
        options: ImportOptions,
        fetcher: Fetcher,
        progress: Progress,
    ) -> None:
        self._client = client
        self._project = project
        self._source = source
        self._options = options
        self._fetcher = fetcher
        self._progress = progress
        self._patience = Patience(_GIVE_UP)
        self._addresses = {address for address, _ in source.draft.addresses}
        self._draft = _with_addresses(source.draft)
        self._ids = {each["name"]: each["id"] for each in self._categories()}

    def look(self) -> Look:
        """Nothing is fetched and nothing written."""
        names = self._names()
        new = new_categories(self._draft, names, self._options)
        placing = Placing(self._draft, names, self._options)
        places: Counter[tuple[str, str]] = Counter()
        outcome = Outcome()
        for name, reason in self._draft.left_out:
            outcome.leave_out(name, reason)
        for found in self._draft.found:
            place = placing.place(found)
            if isinstance(place, LeftOut):
                outcome.leave_out(found.name, place)
            else:
                split = "pool" if place.is_pool else (place.split or "by the rule")
                places[place.category or "", split] += 1
        return Look(places, new, outcome)

    def run(self) -> Outcome:
        """Push everything; what the service has already is not sent again.

        Raises:
            RefusedError: when the service refuses the whole.
            BrokenOffError: when it cannot be reached any more.
        """
        looked = self.look()
        outcome = looked.outcome
        for name in looked.new:
            self._create(name)
        placing = Placing(self._draft, self._names(), self._options)
        placed = [
            (found, place)
            for found in self._draft.found
            if not isinstance(place := placing.place(found), LeftOut)
        ]
        held, given = self._held()
        examples = [(found, place) for found, place in placed if not place.is_pool]
        hashed = hashes_to_divide(examples, self._hash)
        splits = divide_hashes(hashed, held, given, self._rule())
        work = [
            (found, replace(place, split=splits.get(found.name, Split.TRAIN)))
            if not place.is_pool and place.split is None
            else (found, place)
            for found, place in placed
        ]
        # Grouped, so that a request has one category and split.
        work.sort(key=lambda each: (each[1].category or "", each[1].split or ""))
        self._push(work, held, outcome)
        return outcome

    def _names(self) -> Names:
        folders = self._draft.format is ImportFormat.IMAGE_FOLDER
        return Names(self._ids, folders=folders)

    def _categories(self) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = self._client.get(f"/projects/{self._project}/categories")
        return found

    def _create(self, name: str) -> None:
        try:
            made = self._client.post(f"/projects/{self._project}/categories", {"name": name})
            self._ids[made["name"]] = made["id"]
        except RefusedError as refused:
            if refused.name != "taken":
                raise
            self._ids = {each["name"]: each["id"] for each in self._categories()}

    def _rule(self) -> SplitRule:
        project = self._client.get(f"/projects/{self._project}")
        return SplitRule(project["test_percent"], project["most_tests"], project["least_train"])

    def _held(self) -> tuple[dict[tuple[int, str], Split], dict[int, tuple[int, int]]]:
        """What is an example already, and how many of each category were given."""
        held: dict[tuple[int, str], Split] = {}
        given: dict[int, tuple[int, int]] = {}
        for example in self._client.examples(self._project):
            category_id = self._ids.get(example["category"], 0)
            split = Split(example["split"])
            held[category_id, example["image"]["sha256"]] = split
            if example["provenance"] == "seed":
                train, test = given.get(category_id, (0, 0))
                is_test = split is Split.TEST
                given[category_id] = (train + (not is_test), test + is_test)
        return held, given

    def _bytes(self, found: Found) -> bytes:
        if found.name in self._addresses:
            return self._fetcher.fetch(found.name)
        return self._source.picture(found.name, MOST_BYTES + 1)

    def _hash(self, found: Found) -> str | None:
        try:
            return hashlib.sha256(self._bytes(found)).hexdigest()
        except (DamagedMemberError, FetchError):
            return None  # it is told when it is to be pushed

    def _push(
        self,
        work: Sequence[tuple[Found, Place]],
        held: dict[tuple[int, str], Split],
        outcome: Outcome,
    ) -> None:
        done = 0
        for place, batch in self._batches(work, held, outcome):
            if batch:
                answer = self._patience(partial(self._pushed, place, batch))
                for each in answer["images"]:
                    outcome.counts[each["outcome"]] += 1
                    if each["outcome"] in {"conflict", "rejected"}:
                        says = each["detail"] or ""
                        outcome.leave_out(each["filename"], each["reason"] or "", says)
            done = sum(outcome.counts.values())
            self._progress("Importing", min(done, len(work)), len(work))
        self._progress("Importing", len(work), len(work))

    def _batches(
        self,
        work: Sequence[tuple[Found, Place]],
        held: dict[tuple[int, str], Split],
        outcome: Outcome,
    ) -> Iterator[tuple[Place, list[Picture]]]:
        batch: list[Picture] = []
        size, place = 0, None
        for found, where in work:
            if place is not None and (
                where != place or len(batch) >= _BATCH or size >= _BATCH_BYTES
            ):
                yield place, batch
                batch, size = [], 0
            place = where
            try:
                data = self._bytes(found)
            except DamagedMemberError:
                outcome.leave_out(found.name, LeftOut.DAMAGED_MEMBER)
                continue
            except FetchError as error:
                outcome.leave_out(found.name, LeftOut.FETCH_FAILED, str(error))
                continue
            key = (where.category_id, hashlib.sha256(data).hexdigest())
            if not where.is_pool and held.get(key) == where.split:
                outcome.counts["duplicate"] += 1
                continue
            batch.append((shown(found.name), data, _source(found.source)))
            size += len(data)
        if place is not None:
            yield place, batch

    def _pushed(self, place: Place, batch: Sequence[Picture]) -> Any:
        if place.category is None or place.split is None:
            return self._client.ingest_pictures(self._project, batch)
        return self._client.seed_pictures(self._project, place.category, place.split, batch)


def _with_addresses(draft: Draft) -> Draft:
    """The draft with the rows that can be fetched in place of their refusals."""
    fetched = {row.reference for _, row in draft.addresses}
    rows = {
        address: Found(address, row.category, row.split, _fetched_from(address, row), row.reason)
        for address, row in draft.addresses
    }
    left_out = [
        (name, reason)
        for name, reason in draft.left_out
        if reason is not LeftOut.NOT_IN_ARCHIVE or name not in fetched
    ]
    return replace(draft, found=[*draft.found, *rows.values()], left_out=left_out)


def _fetched_from(address: str, row: Labeled) -> SourceFacts:
    return replace(row.source, url=row.source.url or facts(url=address).url)


def _source(told: SourceFacts) -> dict[str, Any]:
    moment = told.crawled_at
    return {
        "url": told.url,
        "tags": list(told.tags),
        "author": told.author,
        "licence": told.licence,
        "crawled_at": moment.isoformat() if moment else None,
    }
