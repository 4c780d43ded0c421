"""A round once more, from its manifest: training and scoring, and nothing is written."""

import hashlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import torch
from sqlalchemy import select
from sqlalchemy.orm import Session, sessionmaker

from app.blobs import BlobMissing, Blobs
from app.db.tables import DatasetVersion, Image, Project, Round
from app.db.version_facts import taken_down_of
from app.domain.manifest import Comparison, Question, compare, list_hash
from app.usecases.dataset.freeze_dataset import hash_of_rows
from app.usecases.rounds.round_manifest import FORMAT
from app.usecases.takedowns.find import taken_down
from models import checkpoint
from models.config import MetricConfig
from workers import candidate_list
from workers.feature_store import FeatureStore
from workers.score_pool import Asked, Asking, Pool, ask, read_pool
from workers.train_round import Data, fit_model, read_data, without_leaks

Progress = Callable[[int, int], None]
_QUERY = 10_000


class ReplayError(ValueError):
    """The round cannot be replayed; the text says what is missing or other than it was."""


@dataclass(frozen=True)
class Replayed:
    """What came of it: how the proposals compare, and whether the trained model has equal bytes.

    `taken_down` pictures were left out, because they are gone: what they taught is missing.
    """

    comparison: Comparison
    same_model: bool
    proposals: int
    taken_down: int


def replay(
    sessions: sessionmaker[Session],
    blobs: Blobs,
    manifest: Mapping[str, Any],
    progress: Progress = lambda _step, _steps: None,
) -> Replayed:
    """Train and score from the manifest of a round, and compare what would be asked.

    Rows and pictures' features come from the database and the blobs, after their hashes were
    compared with the manifest; settings come from the manifest alone. The proposals are identical
    on the machine of the round; on another kind of machine the last digits may differ. Pictures that
    were taken down since are left out on both sides.

    Args:
        sessions: The database; it is only read.
        blobs: Where features and the list of candidates are; only read, too.
        manifest: As `round_manifest` makes it.
        progress: Hears (step, steps) of training, then of scoring.

    Raises:
        ReplayError: when something that the round was computed from is not there any more.
    """
    if manifest.get("format") != FORMAT:
        raise ReplayError(f"This is no manifest of a round: its format is not {FORMAT!r}.")
    with sessions() as session:
        running = _round(session, manifest)
        _check_dataset(session, running, manifest)
        gone = taken_down(session, running.project_id)
        every = _candidates(session, blobs, running, manifest)
        candidates = [each for each in every if each[0] not in gone]
        missed = {image_id for image_id, _ in every if image_id in gone} | _members(
            session, running
        )
        gone_hashes = set(_hashes(session, sorted(gone)).values())
        data = read_data(session, running)
        pool = read_pool(session, running, candidates)
        names = dict(zip(data.categories, manifest["categories"], strict=True))
    store = FeatureStore(sessions, blobs, manifest["backbone"]["fingerprint"])
    _check_features(store, data, pool)
    with _threads(manifest["machine"].get("threads")):
        data, features, _ = without_leaks(data, store)
        config = MetricConfig.from_json(manifest["config"])
        model = fit_model(data, features, store, config, progress)
        settings = Asking(
            manifest["threshold"],
            manifest["gold_share"],
            manifest["audit_share"],
            manifest["seed"],
        )
        asked = ask(model, store, pool, settings, progress)
    digest = hashlib.sha256(checkpoint.to_bytes(model)).hexdigest()
    replayed = _questions(sessions, asked, names, set(manifest["candidates"]["dropped"]))
    return Replayed(
        comparison=compare(
            [each for each in _recorded(manifest) if each.sha256 not in gone_hashes], replayed
        ),
        same_model=digest == manifest["model_sha256"],
        proposals=len(replayed),
        taken_down=len(missed),
    )


def _round(session: Session, manifest: Mapping[str, Any]) -> Round:
    found = session.scalar(
        select(Round)
        .join(Project, Project.id == Round.project_id)
        .where(Project.slug == manifest["project"], Round.number == manifest["round"])
    )
    if found is None:
        raise ReplayError(
            f"There is no round {manifest['round']} of {manifest['project']!r} in this database."
        )
    return found


def _check_dataset(session: Session, running: Round, manifest: Mapping[str, Any]) -> None:
    wanted = manifest["trained_on"]
    version = session.scalar(
        select(DatasetVersion).where(
            DatasetVersion.project_id == running.project_id,
            DatasetVersion.number == wanted["version"],
        )
    )
    if version is None or wanted["version"] != running.trained_on:
        raise ReplayError(f"The round was not trained on dataset version {wanted['version']} here.")
    if hash_of_rows(session, version) != wanted["content_hash"]:
        raise ReplayError(
            f"Dataset version {version.number} is not what the manifest was made of: "
            "its content hash is another one."
        )


def _members(session: Session, running: Round) -> set[int]:
    """Pictures that are gone of the dataset version that the round trained on."""
    version = session.scalars(
        select(DatasetVersion).where(
            DatasetVersion.project_id == running.project_id,
            DatasetVersion.number == running.trained_on,
        )
    ).one()
    return taken_down_of(session, version)


def _candidates(
    session: Session, blobs: Blobs, running: Round, manifest: Mapping[str, Any]
) -> list[tuple[int, str]]:
    try:
        ids = candidate_list.from_bytes(blobs.get(running.candidates_key or ""))
    except BlobMissing:
        raise ReplayError("The list of the round's candidates is not stored any more.") from None
    known = _hashes(session, ids)
    found = [(image_id, known[image_id]) for image_id in ids if image_id in known]
    if list_hash(sha256 for _, sha256 in found) != manifest["candidates"]["hash"]:
        raise ReplayError("The candidates are not those that the manifest was made of.")
    return found


def _hashes(session: Session, ids: Sequence[int]) -> dict[int, str]:
    known: dict[int, str] = {}
    for start in range(0, len(ids), _QUERY):
        part = select(Image.id, Image.sha256).where(Image.id.in_(ids[start : start + _QUERY]))
        known.update(session.execute(part).all())
    return known


def _check_features(store: FeatureStore, data: Data, pool: Pool) -> None:
    rows = (*data.train, *data.test, *data.rejected)
    missing = store.missing(
        [*(row.sha256 for row in rows), *(sha256 for _, sha256 in pool.candidates)]
    )
    if missing:
        raise ReplayError(
            f"The features of {len(missing)} pictures are not stored any more. "
            "A round with this backbone computes them again."
        )


@contextmanager
def _threads(number: int | None) -> Iterator[None]:
    """With as many threads as the round had: sums are then taken in the same order."""
    before = torch.get_num_threads()
    torch.set_num_threads(number or before)
    try:
        yield
    finally:
        torch.set_num_threads(before)


def _questions(
    sessions: sessionmaker[Session], asked: Asked, names: Mapping[int, str], dropped: set[str]
) -> list[Question]:
    with sessions() as session:
        hashes = _hashes(session, [each.image_id for each in asked.questions])
    return [
        Question(hashes[each.image_id], names[each.category_id], each.confidence, each.gold)
        for each in asked.questions
        if hashes[each.image_id] not in dropped
    ]


def _recorded(manifest: Mapping[str, Any]) -> Sequence[Question]:
    """What the model asked: not what labelers picked, which has no confidence."""
    return [
        Question(each["sha256"], each["category"], each["confidence"], each["gold"])
        for each in manifest["proposals"]
        if each["confidence"] is not None
    ]
