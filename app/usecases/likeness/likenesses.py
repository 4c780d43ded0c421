"""Images that may show the same photograph: looked up by hash and by code, and what came of it."""

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, replace

from sqlalchemy import ARRAY, BigInteger, Integer, Text, bindparam, func, select, text, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from app.db.tables import (
    Candidate,
    Example,
    Image,
    Leak,
    Likeness,
    NearDuplicate,
    Neighbourhood,
    Project,
)
from app.domain.batch import Standing
from app.domain.dataset import Split
from app.domain.likeness import Rank

MOST_BITS_APART = 7
"""Hashes that differ in no more are always found: see `models.likeness.band_keys`."""


@dataclass(frozen=True)
class Stored:
    """What is stored of an image that was screened, and where it stands now.

    `released_from` is the test picture of which a lead said that this image does not show it,
    `detached_from` likewise its former representative.
    """

    image_id: int
    sha256: str
    width: int
    height: int
    hash: int
    plane: bytes
    rank: Rank | None
    test: bool
    representative_id: int | None
    detached_from: int | None
    leaks: int | None
    released_from: int | None


# (n, image id) for hashes of which one band has one of these keys: n is the one that asked.
_BY_HASH = " UNION ".join(
    f"""
    SELECT asked.n, likeness.image_id
    FROM unnest(:asking, :keys_{band}, :hashes) AS asked (n, key, hash)
    JOIN likeness ON likeness.project_id = :project
      AND ((likeness.hash >> {16 * band}) & 65535) = asked.key
    WHERE bit_count((likeness.hash # asked.hash)::bit(64)) <= {MOST_BITS_APART}
    """  # noqa: S608 - numbers of our own
    for band in range(4)
)


def alike_by_hash(
    session: Session, project_id: int, asked: Sequence[tuple[int, int, Sequence[Sequence[int]]]]
) -> set[tuple[int, int]]:
    """Pairs (n, image id) whose hashes differ in at most MOST_BITS_APART bits.

    Args:
        session: For reading.
        project_id: Whose images.
        asked: (n, hash, keys of the four bands) of each hash to look for.
    """
    flat = [
        (n, found, [keys[index] for keys in bands])
        for n, found, bands in asked
        for index in range(len(bands[0]))
    ]
    query = text(_BY_HASH).bindparams(
        bindparam("asking", type_=ARRAY(Integer)),
        bindparam("hashes", type_=ARRAY(BigInteger)),
        *(bindparam(f"keys_{band}", type_=ARRAY(BigInteger)) for band in range(4)),
    )
    rows = session.execute(
        query,
        {
            "project": project_id,
            "asking": [n for n, _, _ in flat],
            "hashes": [found for _, found, _ in flat],
            **{f"keys_{band}": [keys[band] for _, _, keys in flat] for band in range(4)},
        },
    )
    return {(n, image_id) for n, image_id in rows}


_BY_CODE = text(
    """
    SELECT asked.n, near.image_id
    FROM unnest(:asking, :codes, :cells) AS asked (n, code, cells)
    CROSS JOIN LATERAL (
        SELECT likeness.image_id FROM likeness
        WHERE likeness.neighbourhood_id = :neighbourhood
          AND likeness.cell = ANY (asked.cells::int[])
          AND bit_count(likeness.code # asked.code::bit(256)) <= :most_apart
        ORDER BY bit_count(likeness.code # asked.code::bit(256)), likeness.image_id
        LIMIT :most
    ) AS near
    """
).bindparams(
    bindparam("asking", type_=ARRAY(Integer)),
    bindparam("codes", type_=ARRAY(Text)),
    bindparam("cells", type_=ARRAY(Text)),
)


def alike_by_code(
    session: Session,
    neighbourhood_id: int,
    asked: Sequence[tuple[int, str, Sequence[int]]],
    *,
    most: int,
    most_apart: int,
) -> set[tuple[int, int]]:
    """Pairs (n, image id): for each of (n, code, cells) the nearest images in these cells.

    At most `most` of them, whose codes differ in at most `most_apart` bits.
    """
    rows = session.execute(
        _BY_CODE,
        {
            "neighbourhood": neighbourhood_id,
            "asking": [n for n, _, _ in asked],
            "codes": [code for _, code, _ in asked],
            "cells": ["{" + ",".join(map(str, cells)) + "}" for _, _, cells in asked],
            "most": most,
            "most_apart": most_apart,
        },
    )
    return {(n, image_id) for n, image_id in rows}


_STORED = text(
    """
    SELECT image.id AS image_id, image.sha256, image.width, image.height,
           likeness.hash, likeness.plane,
           CASE WHEN example.id IS NOT NULL THEN 0
                WHEN candidate.image_id IS NULL THEN NULL
                WHEN EXISTS (SELECT FROM proposal WHERE proposal.image_id = image.id) THEN 1
                ELSE 2 END AS rank,
           coalesce(example.split = 'test', false) AS test,
           CASE WHEN near.detached_at IS NULL THEN near.representative_id END AS representative_id,
           CASE WHEN near.detached_at IS NOT NULL THEN near.representative_id END AS detached_from,
           CASE WHEN leak.released_at IS NULL THEN leak.test_image_id END AS leaks,
           CASE WHEN leak.released_at IS NOT NULL THEN leak.test_image_id END AS released_from
    FROM image
    LEFT JOIN likeness ON likeness.image_id = image.id
    LEFT JOIN example ON example.image_id = image.id AND example.to_version IS NULL
    LEFT JOIN candidate ON candidate.image_id = image.id
    LEFT JOIN near_duplicate AS near ON near.image_id = image.id
    LEFT JOIN leak ON leak.image_id = image.id
    WHERE image.id = ANY (:images)
    """
).bindparams(bindparam("images", type_=ARRAY(Integer)))


def stored(session: Session, image_ids: Collection[int]) -> dict[int, Stored]:
    """What is stored of these images, by id; `hash` and `plane` only where they were screened."""
    rows = session.execute(_STORED, {"images": sorted(image_ids)})
    found = [Stored(**row._asdict()) for row in rows]
    return {
        each.image_id: each if each.rank is None else replace(each, rank=Rank(each.rank))
        for each in found
    }


@dataclass(frozen=True)
class LikenessRow:
    """What an image will be found by; see `db.tables.Likeness`."""

    image_id: int
    hash: int
    plane: bytes
    cell: int
    code: str


@dataclass(frozen=True)
class Pair:
    """Two images of one photograph: the second speaks for the first, or is a test picture."""

    image_id: int
    other_id: int
    hash_distance: int
    similarity: float


def keep_likenesses(
    session: Session, project_id: int, neighbourhood_id: int, rows: Sequence[LikenessRow]
) -> None:
    """Store them; what was stored for the same image is replaced."""
    there = _images(session, [each.image_id for each in rows])
    rows = [each for each in rows if each.image_id in there]
    if not rows:
        return
    added = insert(Likeness).values(
        [
            {
                "image_id": each.image_id,
                "project_id": project_id,
                "neighbourhood_id": neighbourhood_id,
                "cell": each.cell,
                "code": each.code,
                "hash": each.hash,
                "plane": each.plane,
            }
            for each in rows
        ]
    )
    session.execute(
        added.on_conflict_do_update(
            index_elements=["image_id"],
            set_={
                name: getattr(added.excluded, name)
                for name in ("neighbourhood_id", "cell", "code", "hash", "plane")
            },
        )
    )


def keep_near_duplicates(session: Session, project_id: int, pairs: Sequence[Pair]) -> None:
    """Put the first of each pair into the second's group; a group of its own comes along.

    What a lead has detached stays so.
    """
    pairs = _there(session, pairs)
    if not pairs:
        return
    for each in pairs:
        session.execute(
            update(NearDuplicate)
            .where(NearDuplicate.representative_id == each.image_id)
            .where(NearDuplicate.image_id != each.other_id)
            .values(representative_id=each.other_id)
        )
    joined = set(
        session.scalars(
            insert(NearDuplicate)
            .values(
                [
                    {
                        "image_id": each.image_id,
                        "project_id": project_id,
                        "representative_id": each.other_id,
                        "hash_distance": each.hash_distance,
                        "similarity": each.similarity,
                    }
                    for each in pairs
                ]
            )
            .on_conflict_do_nothing()
            .returning(NearDuplicate.image_id)
        )
    )
    _stand(session, joined, Standing.NEAR_DUPLICATE)


def keep_leaks(session: Session, project_id: int, pairs: Sequence[Pair]) -> None:
    """Quarantine the first of each pair, because the second is a test picture.

    Not where a lead has said of this very pair that they differ.
    """
    pairs = _there(session, pairs)
    if not pairs:
        return
    added = insert(Leak).values(
        [
            {
                "image_id": each.image_id,
                "project_id": project_id,
                "test_image_id": each.other_id,
                "hash_distance": each.hash_distance,
                "similarity": each.similarity,
            }
            for each in pairs
        ]
    )
    # A lead has looked at another pair.
    again = added.on_conflict_do_update(
        index_elements=["image_id"],
        set_={
            "test_image_id": added.excluded.test_image_id,
            "hash_distance": added.excluded.hash_distance,
            "similarity": added.excluded.similarity,
            "found_at": func.now(),
            "released_at": None,
            "released_by": None,
        },
        where=Leak.test_image_id != added.excluded.test_image_id,
    ).returning(Leak.image_id)
    _stand(session, session.scalars(again).all(), Standing.QUARANTINED)


def _there(session: Session, pairs: Sequence[Pair]) -> list[Pair]:
    """Without those that were seeded, withdrawn or taken down since somebody looked."""
    if not pairs:
        return []
    candidates = set(
        session.scalars(
            select(Candidate.image_id).where(
                Candidate.image_id.in_([each.image_id for each in pairs])
            )
        )
    )
    others = _images(session, [each.other_id for each in pairs])
    return [each for each in pairs if each.image_id in candidates and each.other_id in others]


def _images(session: Session, image_ids: Collection[int]) -> set[int]:
    return (
        set(
            session.scalars(
                select(Image.id).where(Image.id.in_(image_ids), Image.taken_down_at.is_(None))
            )
        )
        if image_ids
        else set()
    )


def _stand(session: Session, image_ids: Collection[int], standing: Standing) -> None:
    session.execute(
        update(Candidate).where(Candidate.image_id.in_(image_ids)).values(standing=standing)
    )


def members_of(session: Session, image_ids: Iterable[int]) -> dict[int, set[int]]:
    """For each image all that are in its group, itself and the representative among them."""
    ids = sorted(set(image_ids))
    own = dict(
        session.execute(
            select(NearDuplicate.image_id, NearDuplicate.representative_id).where(
                NearDuplicate.image_id.in_(ids), NearDuplicate.detached_at.is_(None)
            )
        ).all()
    )
    speakers = {each: own.get(each, each) for each in ids}
    groups: dict[int, set[int]] = {each: {each} for each in speakers.values()}
    rows = session.execute(
        select(NearDuplicate.representative_id, NearDuplicate.image_id).where(
            NearDuplicate.representative_id.in_(groups), NearDuplicate.detached_at.is_(None)
        )
    )
    for speaker_id, image_id in rows:
        groups[speaker_id].add(image_id)
    return {each: groups[speakers[each]] for each in ids}


@dataclass(frozen=True)
class NewExample:
    """An example that was not compared with the pool yet."""

    example_id: int
    image_id: int
    sha256: str
    test: bool


def next_examples(session: Session, project_id: int, most: int) -> list[NewExample]:
    """The first examples in force that were added after the newest that is compared already."""
    after = select(Project.examples_screened).where(Project.id == project_id).scalar_subquery()
    rows = session.execute(
        select(Example.id, Image.id, Image.sha256, Example.split)
        .join(Image, Image.id == Example.image_id)
        .where(Example.project_id == project_id, Example.id > after, Example.to_version.is_(None))
        .order_by(Example.id)
        .limit(most)
    )
    return [
        NewExample(example_id, image_id, sha256, split == Split.TEST)
        for example_id, image_id, sha256, split in rows
    ]


def mark_examples(session: Session, project_id: int, example_id: int) -> None:
    """Examples up to this one are compared with the pool."""
    session.execute(
        update(Project).where(Project.id == project_id).values(examples_screened=example_id)
    )


def test_images(session: Session, project_id: int) -> list[tuple[int, str]]:
    """(image id, content hash) of the test split now, in order of image id."""
    rows = session.execute(
        select(Image.id, Image.sha256)
        .join(Example, Example.image_id == Image.id)
        .where(
            Example.project_id == project_id,
            Example.split == Split.TEST,
            Example.to_version.is_(None),
        )
        .order_by(Image.id)
    )
    return [(image_id, sha256) for image_id, sha256 in rows]


def neighbourhood_of(session: Session, project_id: int, fingerprint: str) -> Neighbourhood | None:
    """The project's for this backbone, if it has one."""
    return session.scalar(
        select(Neighbourhood).where(
            Neighbourhood.project_id == project_id, Neighbourhood.fingerprint == fingerprint
        )
    )


def coded(session: Session, neighbourhood_id: int, most: int) -> list[tuple[int, str]]:
    """(image id, content hash) of the images that are coded in it, at most so many."""
    rows = session.execute(
        select(Image.id, Image.sha256)
        .join(Likeness, Likeness.image_id == Image.id)
        .where(Likeness.neighbourhood_id == neighbourhood_id)
        .order_by(Image.id)
        .limit(most)
    )
    return [(image_id, sha256) for image_id, sha256 in rows]


_CODE_AGAIN = text(
    """
    UPDATE likeness SET cell = made.cell, code = made.code::bit(256)
    FROM unnest(:images, :cells, :codes) AS made (image_id, cell, code)
    WHERE likeness.image_id = made.image_id AND likeness.neighbourhood_id = :neighbourhood
    """
).bindparams(
    bindparam("images", type_=ARRAY(Integer)),
    bindparam("cells", type_=ARRAY(Integer)),
    bindparam("codes", type_=ARRAY(Text)),
)


def code_again(
    session: Session, neighbourhood_id: int, rows: Sequence[tuple[int, int, str]]
) -> None:
    """Store other cells and codes: (image id, cell, code) of each."""
    session.execute(
        _CODE_AGAIN,
        {
            "neighbourhood": neighbourhood_id,
            "images": [image_id for image_id, _, _ in rows],
            "cells": [cell for _, cell, _ in rows],
            "codes": [code for _, _, code in rows],
        },
    )
