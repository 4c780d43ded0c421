"""The tables. Each constraint that guards a race says which."""

from collections.abc import Iterable
from datetime import datetime
from typing import Any, ClassVar

from sqlalchemy import (
    ARRAY,
    CheckConstraint,
    DateTime,
    ForeignKey,
    Identity,
    Index,
    Integer,
    MetaData,
    Text,
    UniqueConstraint,
    func,
    text,
)
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column

from app.domain import round as rounds
from app.domain.access import Role
from app.domain.dataset import Split
from app.domain.decision import Answer, Picked, Reason, Stage
from app.domain.event import Verb
from app.domain.job import JobKind, JobState
from app.domain.redundancy import RedundancyFor

MOMENT = DateTime(timezone=True)


class Table(DeclarativeBase):
    """Base of all tables. Constraint names are fixed, so that migrations can name them."""

    metadata = MetaData(
        naming_convention={
            "ix": "ix_%(table_name)s_%(column_0_N_name)s",
            "uq": "uq_%(table_name)s_%(column_0_N_name)s",
            "ck": "ck_%(table_name)s_%(constraint_name)s",
            "fk": "fk_%(table_name)s_%(column_0_name)s",
            "pk": "pk_%(table_name)s",
        }
    )
    type_annotation_map: ClassVar = {
        datetime: MOMENT,
        str: Text,
        dict[str, Any]: JSONB,
        list[str]: ARRAY(Text),
        list[int]: ARRAY(Integer),
    }


def _one_of(column: str, values: Iterable[str]) -> CheckConstraint:
    allowed = ", ".join(f"'{value}'" for value in values)
    return CheckConstraint(f"{column} IN ({allowed})", name=f"{column}_known")


def _id() -> Mapped[int]:
    return mapped_column(Identity(always=True), primary_key=True)


def _created() -> Mapped[datetime]:
    return mapped_column(server_default=func.now())


# People


class User(Table):
    """A person or a program with a login."""

    __tablename__ = "user"
    id: Mapped[int] = _id()
    login: Mapped[str] = mapped_column(unique=True)
    name: Mapped[str]
    password_hash: Mapped[str]
    may_create_projects: Mapped[bool] = mapped_column(server_default="false")
    disabled_at: Mapped[datetime | None]
    # What they chose for the pages; see domain.preferences.
    preferences: Mapped[dict[str, Any]] = mapped_column(server_default="{}")
    created_at: Mapped[datetime] = _created()


class WebSession(Table):
    """A signed-in browser. Only the hash of its cookie is kept."""

    __tablename__ = "web_session"
    id: Mapped[int] = _id()
    user_id: Mapped[int] = mapped_column(ForeignKey("user.id", ondelete="CASCADE"), index=True)
    token_hash: Mapped[str] = mapped_column(unique=True)
    expires_at: Mapped[datetime]
    created_at: Mapped[datetime] = _created()


class ApiToken(Table):
    """A key for programs. Only its hash is kept; its scopes limit what its user's role allows."""

    __tablename__ = "api_token"
    id: Mapped[int] = _id()
    user_id: Mapped[int] = mapped_column(ForeignKey("user.id", ondelete="CASCADE"), index=True)
    name: Mapped[str]
    token_hash: Mapped[str] = mapped_column(unique=True)
    scopes: Mapped[list[str]]
    revoked_at: Mapped[datetime | None]
    created_at: Mapped[datetime] = _created()


# Projects


class Project(Table):
    """One coarse category with its categories, pool, rounds and people."""

    __tablename__ = "project"
    __table_args__ = (
        _one_of("policy", rounds.Policy),
        CheckConstraint("threshold >= 0 AND threshold < 1", name="threshold_range"),
        CheckConstraint("subsets >= 1", name="subsets_positive"),
        CheckConstraint("grid_above >= 0 AND grid_above <= 1", name="grid_above_range"),
        CheckConstraint("grid_below >= 0 AND grid_below <= 1", name="grid_below_range"),
        CheckConstraint("gold_share >= 0 AND gold_share <= 0.2", name="gold_share_range"),
        CheckConstraint("audit_share >= 0 AND audit_share <= 0.2", name="audit_share_range"),
        CheckConstraint("redundancy >= 1 AND redundancy <= 5", name="redundancy_range"),
        _one_of("redundancy_for", RedundancyFor),
        _one_of("picked", Picked),
    )
    id: Mapped[int] = _id()
    slug: Mapped[str] = mapped_column(unique=True)
    name: Mapped[str]
    description: Mapped[str] = mapped_column(server_default="")
    policy: Mapped[str]
    subsets: Mapped[int]
    threshold: Mapped[float]
    backbone: Mapped[str]
    weights: Mapped[str | None]
    image_size: Mapped[int]
    seed: Mapped[int]
    # A category may be labeled as a grid where its expected precision is at least / at most this.
    grid_above: Mapped[float | None] = mapped_column(server_default="0.9")
    grid_below: Mapped[float | None] = mapped_column(server_default="0.1")
    picked: Mapped[str] = mapped_column(server_default=Picked.ANOTHER.value)
    gold_share: Mapped[float] = mapped_column(server_default="0")
    # Earlier answers that a round asks again, for each question of its own.
    audit_share: Mapped[float] = mapped_column(server_default="0")
    # How many labelers answer a proposal, and whether that is for all or where the risk is high.
    redundancy: Mapped[int] = mapped_column(server_default="1")
    redundancy_for: Mapped[str] = mapped_column(server_default=RedundancyFor.ALL.value)
    show_gold: Mapped[bool] = mapped_column(server_default="false")
    show_confidence: Mapped[bool] = mapped_column(server_default="false")
    show_others: Mapped[bool] = mapped_column(server_default="false")
    created_by: Mapped[int] = mapped_column(ForeignKey("user.id"))
    created_at: Mapped[datetime] = _created()


class ProjectMember(Table):
    """A user's role in a project."""

    __tablename__ = "project_member"
    __table_args__ = (_one_of("role", Role),)
    project_id: Mapped[int] = mapped_column(
        ForeignKey("project.id", ondelete="CASCADE"), primary_key=True
    )
    user_id: Mapped[int] = mapped_column(
        ForeignKey("user.id", ondelete="CASCADE"), primary_key=True, index=True
    )
    role: Mapped[str]


class Category(Table):
    """One fine-grained class."""

    __tablename__ = "category"
    # Two requests that create one name at once: the second fails here.
    __table_args__ = (
        Index("uq_category_project_id_name", "project_id", text("lower(name)"), unique=True),
    )
    id: Mapped[int] = _id()
    project_id: Mapped[int] = mapped_column(ForeignKey("project.id"))
    name: Mapped[str]
    scientific_name: Mapped[str] = mapped_column(server_default="")
    definition: Mapped[str] = mapped_column(server_default="")
    created_at: Mapped[datetime] = _created()


class LookAlike(Table):
    """A category that is easily taken for another."""

    __tablename__ = "look_alike"
    category_id: Mapped[int] = mapped_column(
        ForeignKey("category.id", ondelete="CASCADE"), primary_key=True
    )
    other_id: Mapped[int] = mapped_column(
        ForeignKey("category.id", ondelete="CASCADE"), primary_key=True, index=True
    )


# Pictures


class Image(Table):
    """A picture known by the SHA-256 of its bytes."""

    __tablename__ = "image"
    # Two uploads of the same bytes at once: one inserts, the other finds a duplicate.
    __table_args__ = (UniqueConstraint("project_id", "sha256"),)
    id: Mapped[int] = _id()
    project_id: Mapped[int] = mapped_column(ForeignKey("project.id"))
    sha256: Mapped[str]
    format: Mapped[str]
    width: Mapped[int]
    height: Mapped[int]
    size: Mapped[int]
    created_at: Mapped[datetime] = _created()


class Source(Table):
    """Where an image came from; one image may have several."""

    __tablename__ = "source"
    # A retried upload says the same thing again: it is kept once.
    __table_args__ = (
        UniqueConstraint(
            "image_id", "url", "author", "licence", postgresql_nulls_not_distinct=True
        ),
    )
    id: Mapped[int] = _id()
    image_id: Mapped[int] = mapped_column(ForeignKey("image.id", ondelete="CASCADE"))
    url: Mapped[str | None]
    tags: Mapped[list[str]] = mapped_column(server_default="{}")
    author: Mapped[str | None]
    licence: Mapped[str | None]
    crawled_at: Mapped[datetime | None]
    received_at: Mapped[datetime] = _created()


class Candidate(Table):
    """An image in the pool. The row goes when the image becomes an example."""

    __tablename__ = "candidate"
    __table_args__ = (
        Index(
            "ix_candidate_unscored",
            "project_id",
            "bucket",
            postgresql_where=text("last_round IS NULL"),
        ),
        Index("ix_candidate_project_id_image_id", "project_id", "image_id"),
    )
    image_id: Mapped[int] = mapped_column(
        ForeignKey("image.id", ondelete="CASCADE"), primary_key=True
    )
    project_id: Mapped[int] = mapped_column(ForeignKey("project.id"))
    bucket: Mapped[int]
    last_round: Mapped[int | None]


class Example(Table):
    """An image's membership in the dataset, from one dataset version to another."""

    __tablename__ = "example"
    __table_args__ = (
        _one_of("split", Split),
        # One picture seeded under two categories at once: the second insert fails here.
        Index(
            "uq_example_image_id",
            "image_id",
            unique=True,
            postgresql_where=text("to_version IS NULL"),
        ),
        Index("ix_example_project_id_category_id", "project_id", "category_id", "split"),
    )
    id: Mapped[int] = _id()
    project_id: Mapped[int] = mapped_column(ForeignKey("project.id"))
    image_id: Mapped[int] = mapped_column(ForeignKey("image.id"))
    category_id: Mapped[int] = mapped_column(ForeignKey("category.id"))
    split: Mapped[str]
    round_id: Mapped[int | None] = mapped_column(ForeignKey("round.id"))
    decision_id: Mapped[int | None] = mapped_column(ForeignKey("decision.id"))
    from_version: Mapped[int]
    to_version: Mapped[int | None]
    created_at: Mapped[datetime] = _created()


class HardNegative(Table):
    """An image and the category that it is not."""

    __tablename__ = "hard_negative"
    __table_args__ = (
        Index(
            "uq_hard_negative_image_id_category_id",
            "image_id",
            "category_id",
            unique=True,
            postgresql_where=text("to_version IS NULL"),
        ),
        Index("ix_hard_negative_project_id_category_id", "project_id", "category_id"),
    )
    id: Mapped[int] = _id()
    project_id: Mapped[int] = mapped_column(ForeignKey("project.id"))
    image_id: Mapped[int] = mapped_column(ForeignKey("image.id"))
    category_id: Mapped[int] = mapped_column(ForeignKey("category.id"))
    round_id: Mapped[int] = mapped_column(ForeignKey("round.id"))
    decision_id: Mapped[int] = mapped_column(ForeignKey("decision.id"))
    from_version: Mapped[int]
    to_version: Mapped[int | None]
    created_at: Mapped[datetime] = _created()


class DatasetVersion(Table):
    """A frozen manifest of S and H."""

    __tablename__ = "dataset_version"
    __table_args__ = (UniqueConstraint("project_id", "number"),)
    id: Mapped[int] = _id()
    project_id: Mapped[int] = mapped_column(ForeignKey("project.id"))
    number: Mapped[int]
    round_id: Mapped[int | None] = mapped_column(ForeignKey("round.id"))
    content_hash: Mapped[str]
    # The number of the version that this one brought back.
    restores: Mapped[int | None]
    examples: Mapped[int]
    hard_negatives: Mapped[int]
    created_at: Mapped[datetime] = _created()


class VersionCategory(Table):
    """A category under the name that a dataset version was frozen with: the content hash is over it.

    Renaming the category later must not change what the version is exported as.
    """

    __tablename__ = "version_category"
    version_id: Mapped[int] = mapped_column(
        ForeignKey("dataset_version.id", ondelete="CASCADE"), primary_key=True
    )
    category_id: Mapped[int] = mapped_column(
        ForeignKey("category.id"), primary_key=True, index=True
    )
    name: Mapped[str]
    scientific_name: Mapped[str]


# Features


class FeatureShard(Table):
    """A stored block of pooled backbone features."""

    __tablename__ = "feature_shard"
    id: Mapped[int] = _id()
    fingerprint: Mapped[str]
    blob_key: Mapped[str] = mapped_column(unique=True)
    created_at: Mapped[datetime] = _created()


class Feature(Table):
    """Where the features of one picture under one backbone are."""

    __tablename__ = "feature"
    fingerprint: Mapped[str] = mapped_column(primary_key=True)
    sha256: Mapped[str] = mapped_column(primary_key=True)
    shard_id: Mapped[int] = mapped_column(ForeignKey("feature_shard.id"), index=True)
    row: Mapped[int]


# Rounds


class Round(Table):
    """One iteration of the loop. The project's settings are copied, so that it can be understood later."""

    __tablename__ = "round"
    __table_args__ = (
        _one_of("state", rounds.RoundState),
        UniqueConstraint("project_id", "number"),
        # Two leads press "start" at once: the second insert fails here.
        Index(
            "uq_round_unfinished",
            "project_id",
            unique=True,
            postgresql_where=text("state IN ('embedding', 'training', 'scoring', 'labeling')"),
        ),
    )
    id: Mapped[int] = _id()
    project_id: Mapped[int] = mapped_column(ForeignKey("project.id"))
    number: Mapped[int]
    state: Mapped[str]
    policy: Mapped[str]
    threshold: Mapped[float]
    backbone: Mapped[str]
    weights: Mapped[str | None]
    image_size: Mapped[int]
    seed: Mapped[int]
    buckets: Mapped[int]
    trained_on: Mapped[int]
    gold_share: Mapped[float] = mapped_column(server_default="0")
    audit_share: Mapped[float] = mapped_column(server_default="0")
    redundancy: Mapped[int] = mapped_column(server_default="1")
    redundancy_for: Mapped[str] = mapped_column(server_default=RedundancyFor.ALL.value)
    started_by: Mapped[int] = mapped_column(ForeignKey("user.id"))
    started_at: Mapped[datetime] = _created()
    labeling_at: Mapped[datetime | None]
    ended_at: Mapped[datetime | None]
    candidates: Mapped[int | None]
    # The model's questions; `gold` counts those with a known answer that were mixed in among them.
    proposals: Mapped[int | None]
    gold: Mapped[int] = mapped_column(server_default="0")
    withheld: Mapped[int | None]
    # What was scored, in a blob of image ids; the hash is over the content hashes in that order.
    candidates_key: Mapped[str | None]
    candidates_hash: Mapped[str | None]
    # Images that were seeded between scoring and publishing: nobody was asked about them.
    dropped: Mapped[list[int]] = mapped_column(server_default="{}")
    # The number of the dataset version that held when the round was closed.
    made_version: Mapped[int | None]
    error: Mapped[str | None]


class Job(Table):
    """A piece of background work: the truth about it. The broker only carries its id."""

    __tablename__ = "job"
    __table_args__ = (
        _one_of("kind", JobKind),
        _one_of("state", JobState),
        UniqueConstraint("round_id", "kind"),
        Index(
            "ix_job_unfinished",
            "state",
            postgresql_where=text("state IN ('queued', 'running')"),
        ),
    )
    id: Mapped[int] = _id()
    kind: Mapped[str]
    round_id: Mapped[int] = mapped_column(ForeignKey("round.id"))
    state: Mapped[str]
    attempt: Mapped[int] = mapped_column(server_default="0")
    sent_at: Mapped[datetime | None]
    worker: Mapped[str | None]
    lease_expires_at: Mapped[datetime | None]
    heartbeat_at: Mapped[datetime | None]
    step: Mapped[int] = mapped_column(server_default="0")
    steps: Mapped[int | None]
    started_at: Mapped[datetime | None]
    finished_at: Mapped[datetime | None]
    error: Mapped[str | None]
    created_at: Mapped[datetime] = _created()


class ModelVersion(Table):
    """What a round trained."""

    __tablename__ = "model_version"
    id: Mapped[int] = _id()
    project_id: Mapped[int] = mapped_column(ForeignKey("project.id"), index=True)
    round_id: Mapped[int] = mapped_column(ForeignKey("round.id"), unique=True)
    parent_id: Mapped[int | None] = mapped_column(ForeignKey("model_version.id"))
    blob_key: Mapped[str]
    # Of the stored bytes: equal models have equal bytes.
    sha256: Mapped[str | None]
    fingerprint: Mapped[str]
    config: Mapped[dict[str, Any]]
    metrics: Mapped[dict[str, Any]]
    created_at: Mapped[datetime] = _created()


class Exemplar(Table):
    """An example shown beside the proposals of a round, nearest to an anchor of its category."""

    __tablename__ = "exemplar"
    round_id: Mapped[int] = mapped_column(ForeignKey("round.id"), primary_key=True)
    category_id: Mapped[int] = mapped_column(ForeignKey("category.id"), primary_key=True)
    position: Mapped[int] = mapped_column(primary_key=True)
    image_id: Mapped[int] = mapped_column(ForeignKey("image.id"))


class RoundCategory(Table):
    """What a round asks about one category."""

    __tablename__ = "round_category"
    round_id: Mapped[int] = mapped_column(ForeignKey("round.id"), primary_key=True)
    category_id: Mapped[int] = mapped_column(ForeignKey("category.id"), primary_key=True)
    proposals: Mapped[int]
    expected_precision: Mapped[float]


class RoundEffort(Table):
    """What people gave for a round, measured when it closed; `domain.cost` says what is counted."""

    __tablename__ = "round_effort"
    round_id: Mapped[int] = mapped_column(ForeignKey("round.id"), primary_key=True)
    decisions: Mapped[int]
    timed: Mapped[int]
    seconds: Mapped[float]
    median_seconds: Mapped[float | None]


_OPEN = text("answer IS NULL")


class Proposal(Table):
    """The binary question: is this image a <category>?"""

    __tablename__ = "proposal"
    __table_args__ = (
        # A scoring job that is delivered twice, or two labelers who pick one category for one
        # image at once, cannot ask a question twice.
        UniqueConstraint("round_id", "image_id", "category_id"),
        _one_of("stage", Stage),
        CheckConstraint("gold IN ('yes', 'no')", name="gold_known"),
        Index("ix_proposal_open", "round_id", "position", postgresql_where=_OPEN),
        # What waits for a second labeler or the lead: few rows, leased before the many others.
        Index(
            "ix_proposal_waiting",
            "round_id",
            "stage",
            "position",
            postgresql_where=text("answer IS NULL AND stage <> 'first'"),
        ),
        # A page of a grid: the open proposals of one category.
        Index(
            "ix_proposal_grid",
            "round_id",
            "category_id",
            "position",
            postgresql_where=text("answer IS NULL AND stage = 'first'"),
        ),
        # With what is counted of a category: a lead's page reads no proposal for it.
        Index(
            "ix_proposal_answer",
            "round_id",
            "category_id",
            "answer",
            postgresql_include=["gold"],
        ),
        Index("ix_proposal_image_id", "image_id"),
        Index("ix_proposal_audits", "audits", postgresql_where=text("audits IS NOT NULL")),
        Index(
            "ix_proposal_lease",
            "lease_user_id",
            "lease_client",
            postgresql_where=_OPEN,
        ),
    )
    id: Mapped[int] = _id()
    round_id: Mapped[int] = mapped_column(ForeignKey("round.id"))
    image_id: Mapped[int] = mapped_column(ForeignKey("image.id"))
    category_id: Mapped[int] = mapped_column(ForeignKey("category.id"))
    # None for a category that a labeler picked: the model did not propose it.
    confidence: Mapped[float | None]
    position: Mapped[int]
    # The known answer; None for a question that nobody knows the answer to.
    gold: Mapped[str | None]
    # The decision that this question asks about again, without changing it; `gold` says what it was.
    audits: Mapped[int | None] = mapped_column(ForeignKey("decision.id", use_alter=True))
    # Whether a lead has decided who was right, where the two answers differ.
    adjudicated: Mapped[bool] = mapped_column(server_default="false")
    # How many people are to answer yes or no before the majority is the answer.
    wanted: Mapped[int] = mapped_column(server_default="1")
    # The answer in force, or "withdrawn"; None while the question is open. `decision` holds the
    # history, and `decisions` counts its rows: the newest has that ordinal.
    answer: Mapped[str | None]
    answered_by: Mapped[int | None] = mapped_column(ForeignKey("user.id"))
    decisions: Mapped[int] = mapped_column(server_default="0")
    # The ordinal of the decision that gave the answer, where that is not the newest.
    in_force: Mapped[int | None]
    stage: Mapped[str] = mapped_column(server_default=Stage.FIRST.value)
    # Who picked this category, and who is not to be asked: the picker, then those who answered
    # without settling it.
    picked_by: Mapped[int | None] = mapped_column(ForeignKey("user.id"))
    barred: Mapped[list[int]] = mapped_column(server_default="{}")
    lease_token: Mapped[str | None]
    lease_user_id: Mapped[int | None] = mapped_column(ForeignKey("user.id"))
    lease_client: Mapped[str | None]
    lease_expires_at: Mapped[datetime | None]


class Contrast(Table):
    """What stands beside one proposal, by ids, the nearest first. Computed when it is published."""

    __tablename__ = "contrast"
    proposal_id: Mapped[int] = mapped_column(ForeignKey("proposal.id"), primary_key=True)
    exemplars: Mapped[list[int]]
    confusable_id: Mapped[int | None] = mapped_column(ForeignKey("category.id"))
    confusable_exemplars: Mapped[list[int]]
    rejected: Mapped[list[int]]
    likely: Mapped[list[int]]


class Tally(Table):
    """One user's share of a round's counts, so that progress need not count proposals.

    Each decision changes its user's row, and rarely those of users who wait for it: no row is
    written by all. `domain.tally` says what each column counts.
    """

    __tablename__ = "tally"
    round_id: Mapped[int] = mapped_column(ForeignKey("round.id"), primary_key=True)
    user_id: Mapped[int] = mapped_column(ForeignKey("user.id"), primary_key=True)
    yes: Mapped[int] = mapped_column(server_default="0")
    no: Mapped[int] = mapped_column(server_default="0")
    unsure: Mapped[int] = mapped_column(server_default="0")
    gold: Mapped[int] = mapped_column(server_default="0")
    passed: Mapped[int] = mapped_column(server_default="0")
    picked: Mapped[int] = mapped_column(server_default="0")
    to_lead: Mapped[int] = mapped_column(server_default="0")
    barred: Mapped[int] = mapped_column(server_default="0")
    barred_at_lead: Mapped[int] = mapped_column(server_default="0")


class Decision(Table):
    """One labeler's answer to one proposal. Rows are only ever added; an undo is another row."""

    __tablename__ = "decision"
    __table_args__ = (
        _one_of("answer", Answer),
        _one_of("reason", Reason),
        _one_of("stage", Stage),
        # A request that is sent twice (a retry, a held key): the second finds the first.
        UniqueConstraint("user_id", "idempotency_key"),
        # Two answers to one proposal at once: both would be its n-th row, and one fails here.
        UniqueConstraint("proposal_id", "ordinal"),
        Index("ix_decision_user_id_created_at", "user_id", "created_at"),
    )
    id: Mapped[int] = _id()
    proposal_id: Mapped[int] = mapped_column(ForeignKey("proposal.id"))
    user_id: Mapped[int] = mapped_column(ForeignKey("user.id"))
    answer: Mapped[str]
    ordinal: Mapped[int]
    undoes_id: Mapped[int | None] = mapped_column(ForeignKey("decision.id"), unique=True)
    # Why a no, if the labeler said so, with the category that they picked instead and the
    # proposal that this made (none if that was asked already).
    reason: Mapped[str | None]
    picked_category_id: Mapped[int | None] = mapped_column(ForeignKey("category.id"))
    picked_id: Mapped[int | None] = mapped_column(ForeignKey("proposal.id"))
    # Where the proposal stood when it was answered: an undo puts it back there.
    stage: Mapped[str] = mapped_column(server_default=Stage.FIRST.value)
    idempotency_key: Mapped[str]
    seconds: Mapped[float | None]
    created_at: Mapped[datetime] = _created()


# The log


class Event(Table):
    """Who did what to a project, and when. Written with what was done, in one transaction."""

    __tablename__ = "event"
    __table_args__ = (
        _one_of("verb", Verb),
        Index("ix_event_project_id_id", "project_id", "id"),
        Index("ix_event_project_id_verb", "project_id", "verb", "id"),
        Index("ix_event_project_id_user_id", "project_id", "user_id", "id"),
    )
    id: Mapped[int] = _id()
    project_id: Mapped[int] = mapped_column(ForeignKey("project.id"))
    # None for the operator, who has no account: the command line.
    user_id: Mapped[int | None] = mapped_column(ForeignKey("user.id"))
    verb: Mapped[str]
    # What it was done to: a number of a round or version, a category's name, a login.
    what: Mapped[str]
    details: Mapped[dict[str, Any]] = mapped_column(server_default="{}")
    created_at: Mapped[datetime] = _created()
