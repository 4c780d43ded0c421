"""The methods of Cui et al. (CVPR 2016), table 2.1 and 2.3, as rows of one table."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Final


class Extra(StrEnum):
    """What a softmax classifier makes of human hard negatives."""

    NONE = "none"
    SINGLE = "single"  # one more class that holds them all (HNS)
    MULTIPLE = "multiple"  # one more class for each category (HNM)


@dataclass(frozen=True, kw_only=True)
class Method:
    """What distinguishes a method from the others.

    Attributes:
        name: as in the paper, with "+HN" where human hard negatives are learned from.
        softmax: a linear classifier under softmax loss instead of an embedding.
        extra: the classes that a softmax classifier adds.
        violators: negatives must violate the triplet constraint; else they are any.
        local: positives come from the local region of the reference; else they are any.
        anchors: anchors are learned with the embedding; else they are K-means centres of it.
        rejected: human hard negatives take part.
    """

    name: str
    softmax: bool = False
    extra: Extra = Extra.NONE
    violators: bool = False
    local: bool = False
    anchors: bool = False
    rejected: bool = False


def _triplets(name: str, *, violators: bool, local: bool, anchors: bool) -> list[Method]:
    return [
        Method(
            name=name + ("+HN" if rejected else ""),
            violators=violators,
            local=local,
            anchors=anchors,
            rejected=rejected,
        )
        for rejected in (False, True)
    ]


_ALL: Final = [
    Method(name="Softmax", softmax=True),
    Method(name="Softmax+HNS", softmax=True, extra=Extra.SINGLE, rejected=True),
    Method(name="Softmax+HNM", softmax=True, extra=Extra.MULTIPLE, rejected=True),
    *_triplets("Triplet-Naive", violators=False, local=False, anchors=False),
    *_triplets("Triplet-HN", violators=True, local=False, anchors=False),
    *_triplets("Triplet-M", violators=True, local=True, anchors=False),
    *_triplets("Triplet-A", violators=True, local=True, anchors=True),
]
METHODS: Final = {method.name: method for method in _ALL}
DEFAULT: Final = "Triplet-A+HN"


def method_of(name: str) -> Method:
    """The method of that name.

    Raises:
        ValueError: there is none; the message lists those there are.
    """
    if name not in METHODS:
        raise ValueError(f"There is no method {name!r}. Known are: {', '.join(METHODS)}.")
    return METHODS[name]
