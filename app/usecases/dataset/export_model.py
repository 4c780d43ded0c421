"""What a round trained, to be taken away, and what its outputs mean."""

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import or_, select
from sqlalchemy.orm import Session

from app.blobs import BlobMissing, Blobs
from app.db.tables import (
    DatasetVersion,
    Example,
    ModelVersion,
    Project,
    Round,
    VersionCategory,
)
from app.domain.dataset import Split
from app.domain.errors import NotFoundError
from app.export.members import small
from app.export.zip_archive import zip_archive


@dataclass(frozen=True)
class TrainedModel:
    """A model version and where its bytes are. `config` is what `config.json` of an export tells."""

    blob_key: str
    trained_at: datetime
    backbone: str
    weights: str | None
    image_size: int
    fingerprint: str
    config: dict[str, Any]


def model_outputs(session: Session, of: Round) -> Sequence[VersionCategory]:
    """The categories in the order of the outputs of the round's model, as its dataset version names them.

    By name, as labelers meet them: but by the name that the version was frozen with, so that a
    category that is renamed between training and scoring keeps its place.
    """
    # A category that was created after the round began has no example in its dataset version.
    trained = select(Example.category_id).where(
        Example.project_id == of.project_id,
        Example.split == Split.TRAIN,
        Example.from_version <= of.trained_on,
        or_(Example.to_version.is_(None), Example.to_version > of.trained_on),
    )
    return session.scalars(
        select(VersionCategory)
        .join(DatasetVersion, DatasetVersion.id == VersionCategory.version_id)
        .where(
            DatasetVersion.project_id == of.project_id,
            DatasetVersion.number == of.trained_on,
            VersionCategory.category_id.in_(trained),
        )
        .order_by(VersionCategory.name)
    ).all()


def model_to_export(session: Session, project: Project, number: int) -> TrainedModel:
    """The model of a round.

    Raises:
        NotFoundError: when there is no such round, or it has not trained yet.
    """
    found = session.execute(
        select(ModelVersion, Round, DatasetVersion)
        .join(Round, Round.id == ModelVersion.round_id)
        .join(DatasetVersion, DatasetVersion.project_id == Round.project_id)
        .where(
            Round.project_id == project.id,
            Round.number == number,
            DatasetVersion.number == Round.trained_on,
        )
    ).one_or_none()
    if found is None:
        raise NotFoundError("trained model of round", number)
    model, of, version = found
    outputs = model_outputs(session, of)
    return TrainedModel(
        blob_key=model.blob_key,
        trained_at=model.created_at,
        backbone=of.backbone,
        weights=of.weights,
        image_size=of.image_size,
        fingerprint=model.fingerprint,
        config={
            "project": project.slug,
            "round": of.number,
            "dataset_version": version.number,
            "content_hash": version.content_hash,
            "backbone": of.backbone,
            "image_size": of.image_size,
            "fingerprint": model.fingerprint,
            "head": model.config,
            "metrics": model.metrics,
            "categories": [
                {"name": each.name, "scientific_name": each.scientific_name} for each in outputs
            ],
        },
    )


def model_zip(model: TrainedModel, blobs: Blobs) -> Iterator[bytes]:
    """What training stored, as a zip: head.safetensors and config.json.

    The backbone is not in it: it is the one of torchvision that the project names, or the weights
    file of the operator's. `vetted model export` adds it, and ONNX.

    Raises:
        NotFoundError: at once, when the checkpoint is not stored.
    """
    config = json.dumps(model.config, indent=2, ensure_ascii=False).encode() + b"\n"
    members = [small("config.json", config), small("head.safetensors", checkpoint_of(model, blobs))]
    return zip_archive(members, model.trained_at)


def checkpoint_of(model: TrainedModel, blobs: Blobs) -> bytes:
    """The bytes of the trained head; raises NotFoundError when they are not stored."""
    try:
        return blobs.get(model.blob_key)
    except BlobMissing:
        raise NotFoundError("stored checkpoint", model.blob_key) from None
