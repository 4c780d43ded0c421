"""How a lead gets from one page about the pool to another."""

from app.web.lead_nav import Place
from app.web.pages.frame import NavLink
from app.web.words import Words, marked

BATCHES = Place("/pool", marked("Batches"))
DUPLICATES = Place("/pool/duplicates", marked("Duplicates"))
LEAKS = Place("/pool/leaks", marked("Leak guard"))
FILTER = Place("/pool/filter", marked("Coarse filter"))
TAKEDOWNS = Place("/pool/takedowns", marked("Takedowns"))
# In the order in which they are shown: Batches, Duplicates, Leak guard, Coarse filter, Takedowns. A
# new page adds itself here, and its template includes `pool_nav.html` after `lead_nav.html`.
POOL_PLACES = (BATCHES, DUPLICATES, LEAKS, FILTER, TAKEDOWNS)


def pool_nav(slug: str, here: Place, words: Words) -> tuple[NavLink, ...]:
    """The pages about the pool as its lead is offered them on one of them."""
    return tuple(
        NavLink(f"/projects/{slug}{place.suffix}", words.t(place.name), place == here)
        for place in POOL_PLACES
    )
