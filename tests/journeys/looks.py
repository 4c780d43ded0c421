"""The looks that every page is checked in: colour scheme, width and direction.

Four of the eight: each two choices meet in one of them (an orthogonal array, L4), and each page
costs half the time.
"""

Look = dict[str, object]

PHONE = {"width": 390, "height": 844}
DESK = {"width": 1280, "height": 800}
LOOKS: list[Look] = [
    {"color_scheme": "light", "viewport": DESK, "locale": "en"},
    {"color_scheme": "light", "viewport": PHONE, "locale": "ar"},
    {"color_scheme": "dark", "viewport": DESK, "locale": "ar"},
    {"color_scheme": "dark", "viewport": PHONE, "locale": "en"},
]


def name_of(look: Look) -> str:
    width = "phone" if look["viewport"] is PHONE else "desk"
    return f"{look['color_scheme']}-{width}-{look['locale']}"
