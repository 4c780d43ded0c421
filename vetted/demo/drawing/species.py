"""What a species is: the traits that its pictures are drawn from."""

import re
from dataclasses import dataclass
from enum import Enum


class Petal(Enum):
    """The outline of a petal."""

    ROUNDED = "rounded"
    POINTED = "pointed"
    NOTCHED = "notched"
    HEART = "heart"
    STRAP = "strap"
    FRINGED = "fringed"
    BROAD = "broad"


class Mark(Enum):
    """The pattern painted on each petal."""

    NONE = "none"
    RING = "ring"
    BLOTCH = "blotch"
    BAND = "band"
    SPOTS = "spots"
    STRIPE = "stripe"
    RIM = "rim"


class Disc(Enum):
    """The texture of the flower's centre."""

    SMOOTH = "smooth"
    SEEDS = "seeds"
    TUFT = "tuft"


class Growth(Enum):
    """How the flowers of one stem stand together."""

    SINGLE = "single"
    CLUSTER = "cluster"
    SPIKE = "spike"


class Leaf(Enum):
    """The shape of the leaves."""

    LANCE = "lance"
    OVAL = "oval"
    HEART = "heart"
    LOBED = "lobed"
    FEATHER = "feather"
    GRASS = "grass"


@dataclass(frozen=True)
class Palette:
    """One colour form: hex colours of a petal at its base, its middle and its tip, and of its mark."""

    base: str
    middle: str
    tip: str
    mark: str = "#5a1240"


@dataclass(frozen=True)
class Species:
    """The traits of one invented species; lengths are fractions of the flower's radius.

    Attributes:
        petals: Petals in a whorl; exact unless ``petal_spread`` allows some more or fewer.
        width: Width of a petal over its length.
        cup: Elevation of an open petal above the flower's plane at its base and tip, in degrees.
        palettes: The colour forms in which the species occurs, the commonest first. Look-alikes share the
            forms, in another order: colour is a hint, never a proof.
        disc_radius: Radius of the centre; 0 leaves it out.
        nodding: Whether the flowers hang and show their outside.
    """

    name: str
    scientific_name: str
    definition: str
    look_alikes: tuple[str, ...]
    palettes: tuple[Palette, ...]
    petals: int
    petal: Petal
    width: float
    petal_spread: int = 0
    whorls: int = 1
    inner_length: float = 0.62
    cup: tuple[float, float] = (22.0, 4.0)
    mark: Mark = Mark.NONE
    veins: float = 0.05
    disc: Disc = Disc.TUFT
    disc_radius: float = 0.16
    disc_colours: tuple[str, str] = ("#e9b92e", "#a8761a")
    stamens: int = 0
    stamen_length: float = 0.36
    anther: str = "#e8b62c"
    growth: Growth = Growth.SINGLE
    florets: tuple[int, int] = (1, 1)
    leaf: Leaf = Leaf.LANCE
    nodding: bool = False

    @property
    def slug(self) -> str:
        """Name of the species' folder: lower case, words joined by hyphens."""
        return re.sub(r"[^a-z0-9]+", "-", self.name.lower()).strip("-")
