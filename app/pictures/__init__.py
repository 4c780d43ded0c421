"""Pictures: from strangers' bytes to checked facts, upright RGB pixels and small copies.

Everything here takes bytes and gives values; nothing is stored. The only exception that leaves is
`PictureRefused`, whose sentence says what is wrong and what to do.
"""

from app.pictures.formats import PictureFormat, identify
from app.pictures.picture import SHOWN, Picture, Size, decode, derive, extent, inspect
from app.pictures.reading import MOST_PIXELS, PictureLimits
from app.pictures.refusals import PictureRefused, RefusalReason

__all__ = [
    "MOST_PIXELS",
    "SHOWN",
    "Picture",
    "PictureFormat",
    "PictureLimits",
    "PictureRefused",
    "RefusalReason",
    "Size",
    "decode",
    "derive",
    "extent",
    "identify",
    "inspect",
]
