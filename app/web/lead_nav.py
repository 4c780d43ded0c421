"""How a lead gets from one page of a project to another."""

from dataclasses import dataclass

from app.web.pages.frame import NavLink
from app.web.words import Words, marked


@dataclass(frozen=True)
class Place:
    """A page for leads: what follows the project in its address, and what it is called."""

    suffix: str
    name: str


ROUNDS = Place("", marked("Rounds"))
CATEGORIES = Place("/categories", marked("Categories"))
POOL = Place("/pool", marked("Pool"))
MAP = Place("/map", marked("Map"))
QUALITY = Place("/quality", marked("Quality"))
VERSIONS = Place("/versions", marked("Versions"))
IMPORT = Place("/import", marked("Import"))
WEBHOOKS = Place("/webhooks", marked("Webhooks"))
EVENTS = Place("/events", marked("Events"))
# In the order in which they are shown. A new page adds itself here, and its template includes
# `lead_nav.html`.
PLACES = (ROUNDS, CATEGORIES, POOL, MAP, QUALITY, VERSIONS, IMPORT, WEBHOOKS, EVENTS)


def lead_nav(slug: str, here: Place, words: Words) -> tuple[NavLink, ...]:
    """The pages of a project as its lead is offered them on one of them."""
    return tuple(
        NavLink(f"/projects/{slug}{place.suffix}", words.t(place.name), place == here)
        for place in PLACES
    )
