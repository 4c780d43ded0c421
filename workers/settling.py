"""What becomes of images of which it was found who shows the same photograph."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

from torch import Tensor

from app.domain.likeness import Alike, Rank, leaked, speaker
from app.usecases.likeness.likenesses import LikenessRow, Pair, Stored
from workers.lookup import Lookup, Subject


@dataclass
class Settled:
    """What is to be published.

    Attributes:
        rows: What the images will be found by.
        near: The first of each pair joins the second's group.
        leaks: The first of each pair is quarantined because the second is a test picture.
    """

    rows: list[LikenessRow] = field(default_factory=list)
    near: list[Pair] = field(default_factory=list)
    leaks: list[Pair] = field(default_factory=list)


def settle_candidates(lookup: Lookup, subjects: Sequence[Subject], features: Tensor) -> Settled:
    """Settle new candidates, in order of image id."""
    rows = lookup.rows(subjects, features)
    found = lookup.alike(subjects, features)
    settled = Settled(rows)
    own = lookup.standing([each.image_id for each in subjects]) if found else {}
    waiting = {each.image_id for each in subjects}
    representative: dict[int, int] = {}
    leaks: dict[int, int] = {}
    # Who was asked about comes first: it may speak for the others.
    for image_id in sorted(found, key=lambda each: (own[each].rank or 0, each)):
        waiting.discard(image_id)
        alike = [
            replace(
                each,
                representative_id=representative.get(each.image_id, each.representative_id),
                leaks=leaks.get(each.image_id, each.leaks),
            )
            for each in found[image_id]
            # Those that are settled later will find this one.
            if each.image_id not in waiting or each.image_id not in found or each.test
        ]
        test = _test_of(alike, own[image_id])
        if test is not None:
            leaks[image_id] = test
            settled.leaks.append(lookup.pair(image_id, test))
            continue
        if own[image_id].rank is not Rank.CANDIDATE:
            for pair in _adopted(lookup, image_id, alike):
                representative[pair.image_id] = image_id
                settled.near.append(pair)
            continue
        chosen = speaker(alike)
        if chosen is None:
            continue
        speaks = chosen.representative_id or chosen.image_id
        if speaks not in {image_id, own[image_id].detached_from}:
            representative[image_id] = speaks
            settled.near.append(_pair(lookup, image_id, chosen, speaks))
    return settled


def settle_examples(lookup: Lookup, subjects: Sequence[Subject], features: Tensor) -> Settled:
    """Settle new examples.

    Candidates that show what a test picture shows are quarantined; an example for training speaks
    for the others.
    """
    settled = Settled(lookup.rows(subjects, features))
    found = lookup.alike(subjects, features)
    if not found:
        return settled
    own = lookup.standing(list(found))
    taken: set[int] = set()
    for image_id in sorted(found, key=lambda each: (not own[each].test, each)):
        alike = [each for each in found[image_id] if each.rank is not Rank.EXAMPLE]
        if not own[image_id].test:
            adopted = [
                pair for pair in _adopted(lookup, image_id, alike) if pair.image_id not in taken
            ]
            taken |= {pair.image_id for pair in adopted}
            settled.near += adopted
            continue
        group = lookup.groups([each.image_id for each in alike])
        standing = lookup.standing(group)
        for member in sorted(group - taken):
            of = standing[member]
            if of.rank in {Rank.ASKED, Rank.CANDIDATE} and of.released_from != image_id:
                taken.add(member)
                settled.leaks.append(lookup.pair(member, image_id))
    return settled


def _test_of(alike: Sequence[Alike], own: Stored) -> int | None:
    allowed = [
        each
        for each in alike
        if own.released_from is None
        or own.released_from not in {each.leaks, each.image_id if each.test else None}
    ]
    found = leaked(allowed)
    if found is None:
        return None
    return found.image_id if found.test else found.leaks


def _adopted(lookup: Lookup, image_id: int, alike: Sequence[Alike]) -> list[Pair]:
    """The groups whose representatives nobody was asked about: from now on this image speaks."""
    free = [each for each in alike if not each.test and each.leaks is None]
    speakers = {each.representative_id or each.image_id for each in free} - {image_id}
    standing = lookup.standing(speakers) if speakers else {}
    return [
        lookup.pair(each, image_id)
        for each in sorted(speakers)
        if standing[each].rank is Rank.CANDIDATE
        and standing[each].detached_from != image_id
        and standing[each].leaks is None
    ]


def _pair(lookup: Lookup, image_id: int, chosen: Alike, speaks: int) -> Pair:
    """With the numbers between the image and its representative, found through another or not."""
    if speaks == chosen.image_id:
        return Pair(image_id, speaks, chosen.hash_distance, chosen.similarity)
    return lookup.pair(image_id, speaks)
