"""Why a picture is refused."""

from enum import StrEnum


class RefusalReason(StrEnum):
    """The kinds of refusal: stable words for clients, counters and tests."""

    EMPTY = "empty"
    NOT_AN_IMAGE = "not_an_image"
    UNSUPPORTED_FORMAT = "unsupported_format"
    TRUNCATED = "truncated"
    DAMAGED = "damaged"
    TOO_LARGE = "too_large"
    TOO_MANY_PIXELS = "too_many_pixels"
    TOO_SMALL = "too_small"


class PictureRefused(Exception):  # noqa: N818 (a refusal is an answer, not a fault of ours)
    """These bytes are not taken as a picture.

    Attributes:
        reason: the kind of refusal.
        detail: sentences for a person: what is wrong and what to do.
    """

    def __init__(self, reason: RefusalReason, detail: str) -> None:
        super().__init__(reason, detail)
        self.reason = reason
        self.detail = detail

    def __str__(self) -> str:
        return self.detail


def truncated(name: str) -> PictureRefused:
    """The refusal of a picture whose end is missing."""
    return PictureRefused(
        RefusalReason.TRUNCATED,
        f"This {name} picture ends too early: a part of it is missing. "
        "Fetch it again from its source.",
    )


def damaged(name: str) -> PictureRefused:
    """The refusal of a picture that no viewer could be trusted to show."""
    return PictureRefused(
        RefusalReason.DAMAGED,
        f"This {name} picture is damaged and cannot be decoded. Fetch it again from its source, "
        "or open it in an image editor and save it anew.",
    )


def unsupported(name: str) -> PictureRefused:
    """The refusal of bytes that are something, but nothing a browser shows as a picture."""
    return PictureRefused(
        RefusalReason.UNSUPPORTED_FORMAT,
        f"This is {name}, which is not accepted. Save it as JPEG, PNG or WebP and send that.",
    )


def too_many_pixels(limit: int, size: tuple[int, int] | None = None) -> PictureRefused:
    """The refusal of a picture that would take too much memory to decode."""
    extent = f"{size[0]} x {size[1]} pixels" if size else "too many pixels to decode"
    return PictureRefused(
        RefusalReason.TOO_MANY_PIXELS,
        f"This picture has {extent}; the limit is {limit:,} in all. Send a smaller version of it.",
    )
