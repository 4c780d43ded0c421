"""The datasheet of a dataset version: what is in it, where it comes from, what it is not good for."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from sqlalchemy.orm import Session

from app.db import version_facts
from app.db.tables import DatasetVersion

FEW = 10
IMBALANCE = 10
MOST_HOSTS = 20


@dataclass(frozen=True)
class Held:
    """What a version holds of one category."""

    name: str
    scientific_name: str
    train: int
    test: int
    hard_negatives: int


@dataclass(frozen=True)
class Origin:
    """How much came by one way: a round, or None for what leads have seeded."""

    round: int | None
    examples: int
    hard_negatives: int


@dataclass(frozen=True)
class Share:
    """How many pictures have this licence, or come from this host; the empty name is unknown."""

    name: str
    pictures: int


@dataclass(frozen=True)
class Limits:
    """What is known to be wanting.

    Attributes:
        untested: Categories without a picture in the test split.
        scarce: Categories with fewer than FEW pictures in the train split.
        imbalance: How many times more the largest category has in the train split than the
            smallest one; None where one has none.
        unlicensed: Pictures of which no licence is known.
        unsourced: Pictures of which no address is known.
    """

    untested: int
    scarce: int
    imbalance: float | None
    unlicensed: int
    unsourced: int


@dataclass(frozen=True)
class Datasheet:
    """All of it. Pictures may have several licences and hosts, and count for each."""

    categories: tuple[Held, ...]
    origins: tuple[Origin, ...]
    licences: tuple[Share, ...]
    hosts: tuple[Share, ...]
    limits: Limits


def datasheet_of(session: Session, version: DatasetVersion) -> Datasheet:
    """What the version held when it was frozen; licences and hosts are those known by then."""
    if version.datasheet is None:
        return count_datasheet(session, version)
    return _kept(version.datasheet)


def count_datasheet(session: Session, version: DatasetVersion) -> Datasheet:
    """Count what the version holds. Reads all of it: for freezing, not for a page."""
    categories = tuple(Held(*row) for row in version_facts.held_by_category(session, version))
    licences = tuple(Share(*row) for row in version_facts.held_by_licence(session, version))
    hosts = tuple(Share(*row) for row in version_facts.held_by_host(session, version))
    return Datasheet(
        categories=categories,
        origins=tuple(Origin(*row) for row in version_facts.held_by_round(session, version)),
        licences=licences,
        hosts=hosts[:MOST_HOSTS],
        limits=_limits(categories, licences, hosts),
    )


def _kept(facts: Mapping[str, Any]) -> Datasheet:
    return Datasheet(
        categories=tuple(Held(**each) for each in facts["categories"]),
        origins=tuple(Origin(**each) for each in facts["origins"]),
        licences=tuple(Share(**each) for each in facts["licences"]),
        hosts=tuple(Share(**each) for each in facts["hosts"]),
        limits=Limits(**facts["limits"]),
    )


def _limits(
    categories: tuple[Held, ...], licences: tuple[Share, ...], hosts: tuple[Share, ...]
) -> Limits:
    sizes = [each.train for each in categories]
    least = min(sizes, default=0)
    return Limits(
        untested=sum(not each.test for each in categories),
        scarce=sum(each.train < FEW for each in categories),
        imbalance=max(sizes) / least if least else None,
        unlicensed=sum(each.pictures for each in licences if not each.name),
        unsourced=sum(each.pictures for each in hosts if not each.name),
    )
