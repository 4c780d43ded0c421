"""What a round was computed from, and what was asked and answered: enough to compute it again."""

import json
from collections.abc import Iterator
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Select, and_, func, or_, select
from sqlalchemy.orm import Session, aliased

from app.db.tables import (
    Category,
    DatasetVersion,
    Decision,
    Image,
    ModelVersion,
    Project,
    Proposal,
    Round,
    User,
    VersionCategory,
)
from app.db.version_facts import taken_down_of
from app.domain.errors import NotFoundError, NotReplayableError
from app.usecases.dataset.export_model import model_outputs

FORMAT = "vetted-round-1"
_BATCH = 1000
# The name that the model learned it under. A labeler may have picked one that is newer.
_NAME = func.coalesce(VersionCategory.name, Category.name).label("category")


def round_to_tell(session: Session, project: Project, number: int) -> Round:
    """A round that has asked its questions.

    Raises:
        NotFoundError: when the project has no such round.
        NotReplayableError: when it was not scored (yet), or before candidates were recorded.
    """
    found = session.scalar(
        select(Round).where(Round.project_id == project.id, Round.number == number)
    )
    if found is None:
        raise NotFoundError("round", number)
    if found.candidates_hash is None:
        raise NotReplayableError(number)
    return found


def head_of(session: Session, project: Project, of: Round) -> dict[str, Any]:
    """All but the lists of proposals and decisions, ready for JSON.

    `config` is all that training knows besides the data. `machine` is where that was: elsewhere
    the last digits may differ.
    """
    model = session.scalars(select(ModelVersion).where(ModelVersion.round_id == of.id)).one()
    versions = {
        version.number: version
        for version in session.scalars(
            select(DatasetVersion).where(
                DatasetVersion.project_id == project.id,
                DatasetVersion.number.in_([of.trained_on, of.made_version or of.trained_on]),
            )
        )
    }
    return {
        "format": FORMAT,
        "project": project.slug,
        "round": of.number,
        "state": of.state,
        "started_at": of.started_at.isoformat(),
        "ended_at": _iso(of.ended_at),
        "policy": of.policy,
        "buckets": of.buckets,
        "threshold": of.threshold,
        "seed": of.seed,
        "gold_share": of.gold_share,
        "audit_share": of.audit_share,
        "backbone": {
            "name": of.backbone,
            "weights": of.weights,
            "image_size": of.image_size,
            "fingerprint": model.fingerprint,
        },
        "config": model.config,
        "machine": model.metrics.get("machine", {}),
        "model_sha256": model.sha256,
        "categories": [each.name for each in model_outputs(session, of)],
        "taken_down": _taken_down(session, of, versions[of.trained_on]),
        "trained_on": _version(versions[of.trained_on]),
        "made": None if of.made_version is None else _version(versions[of.made_version]),
        "candidates": {
            "count": of.candidates,
            "hash": of.candidates_hash,
            "withheld": of.withheld,
            "dropped": sorted(
                session.scalars(select(Image.sha256).where(Image.id.in_(of.dropped)))
            ),
        },
    }


def _taken_down(session: Session, of: Round, trained_on: DatasetVersion) -> list[str]:
    """What the round trained on or asked about and is gone now: a replay leaves it out."""
    asked = select(Proposal.image_id).where(Proposal.round_id == of.id)
    members = taken_down_of(session, trained_on)
    return sorted(
        session.scalars(
            select(Image.sha256).where(
                Image.project_id == of.project_id,
                Image.taken_down_at.is_not(None),
                or_(Image.id.in_(members), Image.id.in_(asked)),
            )
        )
    )


def proposals_of(session: Session, of: Round) -> Iterator[dict[str, Any]]:
    """What was asked, in labeling order; without confidence what a labeler picked."""
    for row in session.execute(_proposals(of), execution_options={"yield_per": _BATCH}):
        yield dict(row._mapping)  # noqa: SLF001 - the documented way to the names of columns


def _proposals(of: Round) -> Select[*tuple[Any, ...]]:
    return (
        select(
            Image.sha256,
            _NAME,
            Proposal.confidence,
            Proposal.position,
            Proposal.gold,
            Proposal.answer,
        )
        .join(Image, Image.id == Proposal.image_id)
        .join(Category, Category.id == Proposal.category_id)
        .join(VersionCategory, _named(of), isouter=True)
        .where(Proposal.round_id == of.id)
        .order_by(Proposal.position, Proposal.id)
    )


def _named(of: Round) -> ColumnElement[bool]:
    version = select(DatasetVersion.id).where(
        DatasetVersion.project_id == of.project_id, DatasetVersion.number == of.trained_on
    )
    return and_(
        VersionCategory.category_id == Category.id,
        VersionCategory.version_id == version.scalar_subquery(),
    )


def decisions_of(session: Session, of: Round) -> Iterator[dict[str, Any]]:
    """All that was answered, undone answers and undos too, in the order in which it was."""
    undone = aliased(Decision)
    query = (
        select(
            Image.sha256,
            _NAME,
            User.login,
            Decision.answer,
            Decision.ordinal,
            undone.ordinal.label("undoes"),
            Decision.reason,
            Decision.stage,
            Decision.seconds,
            Decision.created_at,
        )
        .join(Proposal, Proposal.id == Decision.proposal_id)
        .join(Image, Image.id == Proposal.image_id)
        .join(Category, Category.id == Proposal.category_id)
        .join(VersionCategory, _named(of), isouter=True)
        .join(User, User.id == Decision.user_id)
        .join(undone, undone.id == Decision.undoes_id, isouter=True)
        .where(Proposal.round_id == of.id)
        .order_by(Decision.id)
    )
    for row in session.execute(query, execution_options={"yield_per": _BATCH}):
        values = dict(row._mapping)  # noqa: SLF001 - the documented way to the names of columns
        yield {**values, "created_at": values["created_at"].isoformat()}


def manifest_chunks(session: Session, project: Project, of: Round) -> Iterator[bytes]:
    """The whole manifest as one JSON object, a line for each proposal and decision."""
    head = json.dumps(head_of(session, project, of), indent=2, ensure_ascii=False)
    yield head.removesuffix("\n}").encode()
    for name, rows in (
        ("proposals", proposals_of(session, of)),
        ("decisions", decisions_of(session, of)),
    ):
        yield f',\n  "{name}": ['.encode()
        between = "\n    "
        for row in rows:
            yield f"{between}{json.dumps(row, ensure_ascii=False)}".encode()
            between = ",\n    "
        yield b"\n  ]"
    yield b"\n}\n"


def _version(version: DatasetVersion) -> dict[str, Any]:
    return {
        "version": version.number,
        "content_hash": version.content_hash,
        "examples": version.examples,
        "hard_negatives": version.hard_negatives,
    }


def _iso(when: datetime | None) -> str | None:
    return None if when is None else when.isoformat()
