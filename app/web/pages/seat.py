"""The labeler's pages."""

from dataclasses import dataclass
from typing import ClassVar

from .frame import Frame


@dataclass(frozen=True)
class LabelPage:
    """The labeler's seat. Its script fetches the proposals."""

    template: ClassVar[str] = "label.html"
    frame: Frame
    slug: str
    project: str
    user_id: int
    leads: bool


@dataclass(frozen=True)
class GridPage:
    """The labeler's seat for a page of proposals at a time. Its script fetches them."""

    template: ClassVar[str] = "grid.html"
    frame: Frame
    slug: str
    project: str
    user_id: int
    leads: bool
