"""How well a project is labeled."""

from dataclasses import dataclass
from typing import ClassVar

from .frame import Frame, NavLink, Option
from .rounds import NumberCell, NumberLine


@dataclass(frozen=True)
class LabelerRow:
    """A labeler in a round. `doubt` says why their answers should be looked at, if they should."""

    login: str
    name: str
    decisions: NumberCell
    pace: str
    known: NumberCell
    accuracy: NumberCell
    agreed: NumberCell
    doubt: str | None


@dataclass(frozen=True)
class PairRow:
    """Two labelers who answered the same questions."""

    first: str
    second: str
    kappa: NumberCell


@dataclass(frozen=True)
class QualityPage:
    """The quality of a round, and what is estimated of all."""

    template: ClassVar[str] = "quality.html"
    frame: Frame
    nav: tuple[NavLink, ...]
    slug: str
    name: str
    waiting: int
    waits: str
    audits: tuple[NumberLine, ...]
    rounds: tuple[Option, ...]
    counted: str
    labelers: tuple[LabelerRow, ...]
    open: bool
    agreement: tuple[NumberLine, ...]
    pairs: tuple[PairRow, ...]


@dataclass(frozen=True)
class AdjudicatePage:
    """A lead's seat for what waits for them. Its script fetches the questions."""

    template: ClassVar[str] = "adjudicate.html"
    frame: Frame
    slug: str
    project: str
    user_id: int
