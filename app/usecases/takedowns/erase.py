"""Erase bytes after the commit that gave them up: the picture, its copies, and its features.

Blobs are shared by projects. A file goes only when no project holds the picture, and nobody may be
storing a row for it meanwhile: whoever stores these bytes and sees the row that says so locks it,
too, and looks whether the bytes are still there (`admit`). Those who looked before that row was
there are waited for.
"""

import json
from collections.abc import Iterable
from datetime import timedelta

import structlog
from sqlalchemy import delete, func, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session, sessionmaker

from app.blobs import BlobMissing, Blobs, derivative_key, original_key
from app.db.session import database_now, transaction
from app.db.tables import Erasure, Feature, FeatureShard, Image, Project
from app.pictures import Size

log = structlog.get_logger()

ERASING = "erasing"
"""Where a session notes that its commit leaves bytes to erase."""
_MOST = 1000
_KEPT = timedelta(days=1)  # longer than from bytes to rows
_HEADER = 8  # bytes that tell how long the header of a safetensors file is
_BYTES = {"F16": 2, "BF16": 2, "F32": 4}


def erase_later(session: Session, hashes: Iterable[str]) -> None:
    """These bytes go after the commit, unless a project still holds the picture then."""
    rows = [{"sha256": sha256} for sha256 in sorted(set(hashes))]
    if rows:
        statement = insert(Erasure).values(rows)
        again = {"erased_at": None, "created_at": func.now()}
        session.execute(statement.on_conflict_do_update(index_elements=["sha256"], set_=again))
        session.info[ERASING] = True


def erase_pending(sessions: sessionmaker[Session], blobs: Blobs) -> int:
    """Erase what waits; a crash on the way leaves it waiting. Gives how many pictures went."""
    with transaction(sessions) as session:
        waiting = session.scalars(
            select(Erasure.sha256)
            .where(Erasure.erased_at.is_(None))
            .order_by(Erasure.sha256)
            .limit(_MOST)
        ).all()
        session.execute(delete(Erasure).where(Erasure.erased_at < func.now() - _KEPT))
    if not waiting:
        return 0
    _wait_for_uploads(sessions)
    erased = 0
    for sha256 in waiting:
        with transaction(sessions) as session:
            erased += _erase(session, blobs, sha256)
    return erased


def _wait_for_uploads(sessions: sessionmaker[Session]) -> None:
    """Let those end who store pictures now and saw no tombstone: they hold their project's row."""
    with transaction(sessions) as session:
        projects = session.scalars(select(Project.id).order_by(Project.id)).all()
    for project_id in projects:
        with transaction(sessions) as session:
            session.execute(select(Project.id).where(Project.id == project_id).with_for_update())


def _erase(session: Session, blobs: Blobs, sha256: str) -> bool:
    row = session.scalar(
        select(Erasure)
        .where(Erasure.sha256 == sha256, Erasure.erased_at.is_(None))
        .with_for_update(skip_locked=True)
    )
    if row is None:
        return False
    free = not is_held(session, sha256)
    if free:
        # The original first: who makes a copy at this moment looks for it afterwards.
        blobs.delete(original_key(sha256))
        for size in Size:
            blobs.delete(derivative_key(sha256, size.word))
        _forget_features(session, blobs, sha256)
        log.info("picture erased", sha256=sha256)
        row.erased_at = database_now(session)
    else:
        session.delete(row)
    return free


def is_held(session: Session, sha256: str) -> bool:
    """Whether any project has the picture and did not take it down."""
    # By way of the projects: the index on images begins with theirs.
    held = (
        select(Image.id)
        .join(Project, Project.id == Image.project_id)
        .where(Image.sha256 == sha256, Image.taken_down_at.is_(None))
    )
    return bool(session.scalar(select(held.exists())))


def gone(session: Session, hashes: Iterable[str]) -> list[str]:
    """Those of the hashes that were taken down in some project, and that no project holds."""
    found = session.scalars(
        select(Image.sha256)
        .join(Project, Project.id == Image.project_id)
        .where(Image.sha256.in_(list(hashes)), Image.taken_down_at.is_not(None))
        .distinct()
    ).all()
    return [sha256 for sha256 in found if not is_held(session, sha256)]


def _forget_features(session: Session, blobs: Blobs, sha256: str) -> None:
    backbones = select(FeatureShard.fingerprint).distinct()
    places = session.execute(
        select(Feature, FeatureShard)
        .join(FeatureShard, FeatureShard.id == Feature.shard_id)
        .where(Feature.fingerprint.in_(backbones), Feature.sha256 == sha256)
        .order_by(FeatureShard.id)
        # Of two that blank rows of one block at once, the second would bring the first's back.
        .with_for_update()
    ).all()
    for feature, shard in places:
        try:
            block = blobs.get(shard.blob_key)
        except BlobMissing:
            block = None
        if block is not None:
            blobs.put(shard.blob_key, blank_row(block, feature.row))
        session.delete(feature)


def blank_row(block: bytes, row: int) -> bytes:
    """A block of features with zeros in one row; see `workers.feature_store`.

    Args:
        block: A safetensors file with the tensor `features`, [rows, D].
        row: Which row.

    Raises:
        ValueError: when the block has no such row.
    """
    length = int.from_bytes(block[:_HEADER], "little")
    facts = json.loads(block[_HEADER : _HEADER + length])["features"]
    rows, width = facts["shape"]
    if not 0 <= row < rows:
        raise ValueError(f"The block has {rows} rows and no row {row}.")
    size = width * _BYTES[facts["dtype"]]
    start = _HEADER + length + facts["data_offsets"][0] + row * size
    return block[:start] + bytes(size) + block[start + size :]
