"""The pool, and the batches that fill it."""

from dataclasses import dataclass
from typing import ClassVar

from .frame import Fact, Frame, Headline, NavLink
from .imports import ReasonLine, RefusedFile


@dataclass(frozen=True)
class BatchLine:
    """A batch in the list."""

    path: str
    name: str
    kind: str
    who: str
    state: str
    mark: str
    progress: str | None
    stored: str
    duplicate: str
    rejected: str
    at: str


@dataclass(frozen=True)
class PoolPage:
    """What is in the pool, and what came when; `busy` while a worker brings more."""

    template: ClassVar[str] = "pool.html"
    frame: Frame
    nav: tuple[NavLink, ...]
    pool_nav: tuple[NavLink, ...]
    slug: str
    name: str
    headlines: tuple[Headline, ...]
    # Names that the operator gave to what may be synced; none without any.
    locations: tuple[str, ...]
    batches: tuple[BatchLine, ...]
    busy: bool
    older: str | None


@dataclass(frozen=True)
class Sample:
    """One picture of a batch: its address in two sizes."""

    label: str
    thumbnail: str
    screen: str


@dataclass(frozen=True)
class BatchReportPage:
    """One batch: how far it is, what became of its pictures, and what may be done with it."""

    template: ClassVar[str] = "batch.html"
    frame: Frame
    nav: tuple[NavLink, ...]
    pool_nav: tuple[NavLink, ...]
    slug: str
    project: str
    number: int
    name: str
    about: str
    state: str
    mark: str
    busy: bool
    done: int
    total: int | None
    progress: str | None
    error: str | None
    notice: str | None
    came: tuple[Fact, ...]
    stands: tuple[Fact, ...]
    samples: tuple[Sample, ...]
    finishable: bool
    cancellable: bool
    withdrawable: bool
    restorable: bool
    fetchable: bool
    reasons: tuple[ReasonLine, ...]
    refused: tuple[RefusedFile, ...]
    untold: str | None
