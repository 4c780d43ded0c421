"""The looks that every page is checked in: colour scheme, width and direction."""

from itertools import product

Look = dict[str, object]

PHONE = {"width": 390, "height": 844}
DESK = {"width": 1280, "height": 800}
LOOKS: list[Look] = [
    {"color_scheme": scheme, "viewport": viewport, "locale": locale}
    for scheme, viewport, locale in product(("light", "dark"), (PHONE, DESK), ("en", "ar"))
]


def name_of(look: Look) -> str:
    width = "phone" if look["viewport"] is PHONE else "desk"
    return f"{look['color_scheme']}-{width}-{look['locale']}"
