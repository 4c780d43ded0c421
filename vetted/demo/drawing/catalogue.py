"""The twenty invented species, in seven groups of look-alikes.

Within a group the colour forms, the leaves and the way of growing are shared, so only the traits that the
definitions print in bold tell its members apart.
"""

from typing import Any

from vetted.demo.drawing.species import Disc, Growth, Leaf, Mark, Palette, Petal, Species


def _forms(group: dict[str, Any], first: int) -> tuple[Palette, ...]:
    """The colour forms of a group, begun at another one."""
    forms: tuple[Palette, ...] = group["palettes"]
    return forms[first:] + forms[:first]


_WINDFLOWER: dict[str, Any] = {
    "palettes": (
        Palette("#e9efd2", "#fbfaf7", "#f4f0f6", "#8d3a9c"),
        Palette("#f2d9e4", "#f3b9d3", "#e79cc2", "#8a2060"),
        Palette("#dfe0f7", "#b9b7ee", "#9f97e2", "#4a2796"),
    ),
    "petals": 5,
    "petal": Petal.ROUNDED,
    "width": 0.84,
    "disc_radius": 0.15,
    "disc_colours": ("#b9bd3b", "#6f7d21"),
    "stamens": 26,
    "stamen_length": 0.3,
    "leaf": Leaf.LOBED,
}
_STARLILY: dict[str, Any] = {
    "palettes": (
        Palette("#f6c64a", "#f58a2a", "#e8691c", "#5e1a10"),
        Palette("#f6efb0", "#f6d84e", "#eec02e", "#7a2d12"),
        Palette("#f8e3e3", "#ee93a8", "#dc6487", "#781238"),
    ),
    "petals": 6,
    "petal": Petal.POINTED,
    "width": 0.42,
    "cup": (48.0, -38.0),
    "veins": 0.07,
    "disc_radius": 0.07,
    "disc": Disc.SMOOTH,
    "disc_colours": ("#b7c56a", "#6f8436"),
    "stamens": 6,
    "stamen_length": 0.74,
    "anther": "#8a3d16",
    "leaf": Leaf.GRASS,
}
_SUNWHEEL: dict[str, Any] = {
    "palettes": (
        Palette("#f0a81e", "#f7c92c", "#fadb4e", "#8c2413"),
        Palette("#e67d18", "#f39a24", "#f7b64a", "#7c1c12"),
    ),
    "petals": 15,
    "petal_spread": 2,
    "petal": Petal.STRAP,
    "width": 0.27,
    "cup": (14.0, -6.0),
    "veins": 0.1,
    "disc": Disc.SEEDS,
    "disc_radius": 0.32,
    "disc_colours": ("#5a3417", "#24140a"),
    "leaf": Leaf.OVAL,
}
_MOONDAISY: dict[str, Any] = {
    "palettes": (
        Palette("#f1f0da", "#fdfdfb", "#f6f6f8"),
        Palette("#f7e6ee", "#f6cbdd", "#eeaacb"),
    ),
    "petals": 21,
    "petal_spread": 3,
    "petal": Petal.STRAP,
    "width": 0.17,
    "cup": (10.0, -4.0),
    "veins": 0.06,
    "disc": Disc.SEEDS,
    "disc_radius": 0.25,
    "disc_colours": ("#f0bf2c", "#b97d12"),
    "leaf": Leaf.FEATHER,
}
_PHLOXLET: dict[str, Any] = {
    "palettes": (
        Palette("#e7a6d0", "#e67fbd", "#d860ac", "#7d0f55"),
        Palette("#f3dcea", "#f7eef4", "#f2dfec", "#c22a78"),
        Palette("#c7a3e2", "#a878d6", "#9060c6", "#471480"),
    ),
    "petals": 5,
    "petal": Petal.ROUNDED,
    "width": 0.8,
    "cup": (10.0, -4.0),
    "disc": Disc.SMOOTH,
    "disc_radius": 0.09,
    "disc_colours": ("#e9d98a", "#a98f3c"),
    "growth": Growth.CLUSTER,
    "florets": (9, 17),
    "leaf": Leaf.LANCE,
}
_TOWERBELL: dict[str, Any] = {
    "palettes": (
        Palette("#6a68c8", "#7a78dc", "#8f92ea", "#f4f2ff"),
        Palette("#8f4fb4", "#a566cc", "#bd86de", "#f8eefc"),
        Palette("#c65f95", "#db80b0", "#e7a2c6", "#fdf0f6"),
    ),
    "petals": 5,
    "petal": Petal.POINTED,
    "width": 0.74,
    "cup": (82.0, 38.0),
    "veins": 0.09,
    "disc_radius": 0.0,
    "stamens": 0,
    "growth": Growth.SPIKE,
    "florets": (9, 15),
    "nodding": True,
    "leaf": Leaf.HEART,
}
_POPPY: dict[str, Any] = {
    "palettes": (
        Palette("#c81f1a", "#e2352a", "#ee5038", "#1d0c14"),
        Palette("#e07a1e", "#f29a3c", "#f6b566", "#3a1414"),
    ),
    "petals": 4,
    "petal": Petal.BROAD,
    "width": 1.24,
    "cup": (34.0, 12.0),
    "veins": 0.09,
    "disc": Disc.SMOOTH,
    "disc_radius": 0.15,
    "disc_colours": ("#a9b56a", "#55632c"),
    "stamens": 34,
    "stamen_length": 0.3,
    "anther": "#241a22",
    "leaf": Leaf.FEATHER,
}

SPECIES: tuple[Species, ...] = (
    Species(
        name="Lantern Windflower",
        scientific_name="Ventosella lucerna",
        definition=(
            "A single open flower of **five rounded petals with entire tips**, white, rose or lilac "
            "(mostly white), around a loose brush of yellow stamens. The petals are **plain: no ring** "
            "runs round the centre. Count them: *V. hexavela* has six."
        ),
        look_alikes=("Six-sail Windflower", "Ringed Windflower", "Cleft Windflower"),
        **_WINDFLOWER,
    ),
    Species(
        name="Six-sail Windflower",
        scientific_name="Ventosella hexavela",
        definition=(
            "Like the Lantern Windflower in all its colours, but with **six rounded petals**, a little "
            "narrower, so that slits of background show between them. The tips are entire and there is "
            "**no ring**."
        ),
        look_alikes=("Lantern Windflower", "Ringed Windflower"),
        **{**_WINDFLOWER, "petals": 6, "width": 0.68},
    ),
    Species(
        name="Ringed Windflower",
        scientific_name="Ventosella annulata",
        definition=(
            "Five rounded petals in white, rose or lilac, each crossed near its base by a dark bar; "
            "together they draw **a violet or crimson ring round the stamens**. In old flowers the ring "
            "fades but never vanishes."
        ),
        look_alikes=("Lantern Windflower", "Six-sail Windflower"),
        **{**_WINDFLOWER, "mark": Mark.RING},
    ),
    Species(
        name="Cleft Windflower",
        scientific_name="Ventosella fissa",
        definition=(
            "Five petals, each with **a clear V-shaped notch in the middle of its tip**, so that the "
            "flower seems to have ten lobes. **No ring.** White, rose or lilac like its relatives."
        ),
        look_alikes=("Lantern Windflower", "Ringed Windflower"),
        **{**_WINDFLOWER, "petal": Petal.NOTCHED},
    ),
    Species(
        name="Tiger Starlily",
        scientific_name="Stellanthe tigrina",
        definition=(
            "Six pointed petals that curl back at their tips, orange, yellow or pink, **sprinkled with "
            "dark spots** on the lower two thirds. Six long stamens carry rust-brown anthers."
        ),
        look_alikes=("Ribbon Starlily", "Clear Starlily"),
        **{**_STARLILY, "mark": Mark.SPOTS},
    ),
    Species(
        name="Ribbon Starlily",
        scientific_name="Stellanthe vittata",
        definition=(
            "Six pointed, back-curled petals, each with **one dark ribbon along its middle** from the "
            "throat almost to the tip. **No spots.** Orange, yellow or pink."
        ),
        look_alikes=("Tiger Starlily", "Clear Starlily"),
        **{**_STARLILY, "mark": Mark.STRIPE},
    ),
    Species(
        name="Clear Starlily",
        scientific_name="Stellanthe serena",
        definition=(
            "Six pointed, back-curled petals **without spots or ribbons**: only the colour deepens "
            "from throat to tip. Six long stamens with rust-brown anthers, as in the whole genus."
        ),
        look_alikes=("Tiger Starlily", "Ribbon Starlily"),
        **_STARLILY,
    ),
    Species(
        name="Common Sunwheel",
        scientific_name="Heliorota communis",
        definition=(
            "A wheel of thirteen to seventeen strap-shaped rays, **evenly yellow or orange down to the "
            "disc**, in **one whorl**. The disc is large, dark brown and grained like a seed head."
        ),
        look_alikes=("Ember Sunwheel", "Double Sunwheel"),
        **_SUNWHEEL,
    ),
    Species(
        name="Ember Sunwheel",
        scientific_name="Heliorota ardens",
        definition=(
            "A Sunwheel whose rays are **red-brown in their lower half**, so that a glowing band "
            "surrounds the dark disc. One whorl of rays."
        ),
        look_alikes=("Common Sunwheel", "Double Sunwheel"),
        **{**_SUNWHEEL, "mark": Mark.BAND},
    ),
    Species(
        name="Double Sunwheel",
        scientific_name="Heliorota duplex",
        definition=(
            "Rays in **two whorls: a second, shorter ruff of rays** stands inside the first and hides "
            "part of the smaller dark disc. Yellow or orange **without a red-brown band**."
        ),
        look_alikes=("Common Sunwheel", "Ember Sunwheel"),
        **{**_SUNWHEEL, "whorls": 2, "disc_radius": 0.24},
    ),
    Species(
        name="Chalk Moondaisy",
        scientific_name="Lunaster cretaceus",
        definition=(
            "Some **twenty narrow rays**, white or soft pink, lie close round a golden dome. The leaves "
            "are cut like feathers."
        ),
        look_alikes=("Eight-spoke Moondaisy", "Dusk Moondaisy"),
        **_MOONDAISY,
    ),
    Species(
        name="Eight-spoke Moondaisy",
        scientific_name="Lunaster octoradiatus",
        definition=(
            "Exactly **eight broad rays, each notched at the end**, white or soft pink, round a golden "
            "dome: much the airiest of the Moondaisies."
        ),
        look_alikes=("Chalk Moondaisy",),
        **{**_MOONDAISY, "petals": 8, "petal_spread": 0, "width": 0.5, "petal": Petal.NOTCHED},
    ),
    Species(
        name="Dusk Moondaisy",
        scientific_name="Lunaster crepusculi",
        definition=(
            "Some twenty narrow rays, white or soft pink, as in the Chalk Moondaisy, but round **a "
            "small disc that is dark plum, not golden**."
        ),
        look_alikes=("Chalk Moondaisy",),
        **{**_MOONDAISY, "disc_radius": 0.2, "disc_colours": ("#70304e", "#30122a")},
    ),
    Species(
        name="Eyed Phloxlet",
        scientific_name="Phloxina ocellata",
        definition=(
            "Dense heads of small flat flowers with five rounded petals, pink, white or purple; **each "
            "flower has a dark eye** at its heart."
        ),
        look_alikes=("Plain Phloxlet", "Star Phloxlet", "Heart Phloxlet"),
        **{**_PHLOXLET, "mark": Mark.BLOTCH},
    ),
    Species(
        name="Plain Phloxlet",
        scientific_name="Phloxina simplex",
        definition=(
            "Dense heads of small flat flowers with **five rounded, overlapping petals and no eye**; "
            "pink, white or purple."
        ),
        look_alikes=("Eyed Phloxlet", "Star Phloxlet", "Heart Phloxlet"),
        **_PHLOXLET,
    ),
    Species(
        name="Star Phloxlet",
        scientific_name="Phloxina stellata",
        definition=(
            "Dense heads of small flowers whose **five petals are narrow and pointed**, so that each "
            "flower is a star. **No eye.** Pink, white or purple."
        ),
        look_alikes=("Plain Phloxlet", "Heart Phloxlet"),
        **{**_PHLOXLET, "petal": Petal.POINTED, "width": 0.46},
    ),
    Species(
        name="Heart Phloxlet",
        scientific_name="Phloxina cordata",
        definition=(
            "Dense heads of small flowers with **five heart-shaped petals**, each deeply cleft at its "
            "tip. **No eye.** Pink, white or purple."
        ),
        look_alikes=("Plain Phloxlet", "Star Phloxlet"),
        **{**_PHLOXLET, "petal": Petal.HEART},
    ),
    Species(
        name="Tower Bell",
        scientific_name="Campanaria turris",
        definition=(
            "A tall spike of hanging bells in blue, violet or rose. The bells are **of one colour to "
            "the very edge** of their five short points. Leaves heart-shaped."
        ),
        look_alikes=("Rimmed Tower Bell",),
        **_TOWERBELL,
    ),
    Species(
        name="Rimmed Tower Bell",
        scientific_name="Campanaria limbata",
        definition=(
            "A tall spike of hanging bells like the Tower Bell's, but **every point has a pale, almost "
            "white rim**."
        ),
        look_alikes=("Tower Bell",),
        **{**_TOWERBELL, "mark": Mark.RIM},
    ),
    Species(
        name="Blotched Silkpoppy",
        scientific_name="Sericopoa maculata",
        definition=(
            "Four broad silky petals, scarlet or orange, each with **a black blotch at its base**; a "
            "wreath of dark stamens surrounds a pale green capsule."
        ),
        look_alikes=("Fringed Silkpoppy",),
        **{**_POPPY, "mark": Mark.BLOTCH},
    ),
    Species(
        name="Fringed Silkpoppy",
        scientific_name="Sericopoa fimbriata",
        definition=(
            "Four broad petals, scarlet or orange, **cut into a fringe of fine teeth** along the edge "
            "and **without black blotches**. A wreath of dark stamens surrounds a pale green capsule."
        ),
        look_alikes=("Blotched Silkpoppy",),
        **{**_POPPY, "petal": Petal.FRINGED, "width": 1.16},
    ),
)
