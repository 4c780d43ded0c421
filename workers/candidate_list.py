"""The candidates of a round as bytes: image ids, small enough to be kept for each round."""

import zlib
from collections.abc import Iterable

import numpy as np


def to_bytes(image_ids: Iterable[int]) -> bytes:
    """The ids in their order: a byte or two for each where they lie close together."""
    return zlib.compress(np.diff(np.fromiter(image_ids, "<i4"), prepend=np.int32(0)).tobytes())


def from_bytes(content: bytes) -> list[int]:
    """The ids of `to_bytes`."""
    ids: list[int] = np.frombuffer(zlib.decompress(content), "<i4").cumsum(dtype="<i8").tolist()
    return ids
