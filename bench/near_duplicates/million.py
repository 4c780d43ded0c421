"""The search at scale: what the lookup of one image costs among a million, and what PostgreSQL does."""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import numpy as np
import psycopg
import torch
from sqlalchemy import text
from torch import Tensor

from app.usecases.likeness import likenesses
from models import likeness
from models.neighbourhood import CODE_BITS, Neighbourhood
from models.network import unit
from workers.lookup import CELLS, LANDMARKS, MOST_CODE_APART, NEIGHBOURS

if TYPE_CHECKING:
    from app.db.session import Sessions

_PART = 10_000
_ASKED = 256
_NOISE = 1.2  # beside a unit vector: the copies have a cosine of about 0.64 with the original
_FLIPPED = 0.25  # of the bits of a hash


def measure(
    sessions: Sessions, url: str, project_id: int, features: Tensor, hashes: list[int], rows: int
) -> dict[str, Any]:
    """Fill the table with rows that lie as real ones do, then look some real images up.

    Args:
        sessions: Of the database.
        url: Of the same, for COPY.
        project_id: Whose rows they become.
        features: Float [n, D] of real pictures.
        hashes: Their hashes.
        rows: How many to make.
    """
    generator = torch.Generator().manual_seed(0)
    sample = torch.randperm(len(features), generator=generator)
    coding = Neighbourhood.of(features[sample[:4096]], LANDMARKS)
    with sessions() as session:
        row = session.execute(
            text(
                "INSERT INTO neighbourhood (project_id, fingerprint, landmarks, blob_key)"
                " VALUES (:project, 'million', :landmarks, '') RETURNING id"
            ),
            {"project": project_id, "landmarks": LANDMARKS},
        ).scalar_one()
        session.commit()
    began = time.monotonic()
    _fill(url, project_id, row, _made(coding, features, hashes, rows, generator))
    filled = time.monotonic() - began
    asked = sample[-_ASKED:]
    by_hash = [
        (n, found, likeness.band_keys(found))
        for n, index in enumerate(asked.tolist())
        for found in (hashes[index], likeness.mirrored(hashes[index]))
    ]
    cells = coding.cells(features[asked], CELLS).tolist()
    by_code = [(n, code, cells[n]) for n, code in enumerate(coding.codes(features[asked]))]
    times: dict[str, list[float]] = {"hash": [], "code": []}
    with sessions() as session:
        for _ in range(3):
            start = time.monotonic()
            likenesses.alike_by_hash(session, project_id, by_hash)
            middle = time.monotonic()
            likenesses.alike_by_code(
                session, row, by_code, most=NEIGHBOURS, most_apart=MOST_CODE_APART
            )
            times["hash"].append(middle - start)
            times["code"].append(time.monotonic() - middle)
    return {
        "rows": rows,
        "filling_seconds": round(filled, 1),
        "hash_ms_per_image": round(1000 * min(times["hash"]) / _ASKED, 3),
        "code_ms_per_image": round(1000 * min(times["code"]) / _ASKED, 3),
        "plan": _plan(url, project_id, row, by_hash[0], by_code[0]),
    }


def _made(
    coding: Neighbourhood,
    features: Tensor,
    hashes: list[int],
    rows: int,
    generator: torch.Generator,
) -> Iterator[tuple[int, int, str, int]]:
    """(image id, cell, code, hash): real pictures, moved by chance."""
    chance = np.random.default_rng(0)
    real = np.array(hashes, dtype=np.int64).view(np.uint64)
    centred = coding.centred(features)
    bits = np.uint64(1) << np.arange(64, dtype=np.uint64)
    for start in range(0, rows, _PART):
        count = min(_PART, rows - start)
        index = torch.randint(len(features), (count,), generator=generator)
        noise = unit(torch.randn(count, features.shape[1], generator=generator))
        moved = unit(centred[index] + _NOISE * noise)
        cells = (moved @ coding.landmarks.T).argmax(1).tolist()
        signs = ((moved @ coding.axes) > 0).to(torch.uint8).numpy() + ord("0")
        flips = (chance.random((count, 64)) < _FLIPPED) @ bits
        flipped = (real[index.numpy()] ^ flips.astype(np.uint64)).view(np.int64).tolist()
        for at in range(count):
            yield start + at, cells[at], bytes(signs[at]).decode("ascii"), flipped[at]


def _fill(url: str, project_id: int, row: int, made: Iterator[tuple[int, int, str, int]]) -> None:
    plane = bytes(likeness.SMALL**2)
    with psycopg.connect(url) as connection:
        # There are no such images.
        connection.execute("ALTER TABLE likeness DROP CONSTRAINT fk_likeness_image_id")
        with connection.cursor().copy(
            "COPY likeness (image_id, project_id, neighbourhood_id, cell, code, hash, plane)"
            " FROM STDIN (FORMAT text)"
        ) as copy:
            for number, cell, code, found in made:
                copy.write_row((1_000_000_000 + number, project_id, row, cell, code, found, plane))
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute("VACUUM ANALYZE likeness")


def _plan(url: str, project_id: int, row: int, by_hash: Any, by_code: Any) -> list[str]:
    """How PostgreSQL looks one image up."""
    _, found, keys = by_hash
    _, code, cells = by_code
    one_band = (
        "SELECT image_id FROM unnest(%s::bigint[]) AS asked (key) JOIN likeness"
        " ON project_id = %s AND ((hash >> 0) & 65535) = asked.key"
        " WHERE bit_count((hash # %s::bigint)::bit(64)) <= 7"
    )
    near = (
        f"SELECT image_id FROM likeness WHERE neighbourhood_id = %s AND cell = ANY (%s)"  # noqa: S608
        f" AND bit_count(code # %s::bit({CODE_BITS})) <= {MOST_CODE_APART}"
        f" ORDER BY bit_count(code # %s::bit({CODE_BITS})), image_id LIMIT {NEIGHBOURS}"
    )
    lines = []
    with psycopg.connect(url) as connection:
        for query, values in (
            (one_band, (keys[0], project_id, found)),
            (near, (row, cells, code, code)),
        ):
            told = connection.execute(f"EXPLAIN (ANALYZE, BUFFERS) {query}", values).fetchall()
            lines += [line for (line,) in told]
    return lines
