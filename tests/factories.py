"""Rows and pictures for tests, written straight into the database: quicker than the whole loop."""

import hashlib
import io
import json
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path

import numpy as np
from PIL import Image as Pillow
from sqlalchemy import select, text, update
from sqlalchemy.orm import Session

from app.blobs import FolderBlobs, original_key
from app.db.session import database_now
from app.db.tables import (
    Batch,
    Candidate,
    Category,
    CoarseFilter,
    Decision,
    Delivery,
    Example,
    Exemplar,
    Image,
    Import,
    Job,
    Leak,
    ModelVersion,
    NearDuplicate,
    Project,
    ProjectMember,
    Proposal,
    Round,
    RoundMap,
    Takedown,
    User,
    Webhook,
)
from app.domain.access import Role
from app.domain.batch import BatchKind, BatchState, Standing
from app.domain.dataset import Split
from app.domain.embedding_map import COLUMNS, NO_CONFIDENCE, PointKind, images_key, points_key
from app.domain.filtering import FilterOrigin, facts_in
from app.domain.importing import ImportFormat, ImportState, Into, Rest, SplitBy
from app.domain.ingestion import SourceFacts
from app.domain.job import JobKind, JobState
from app.domain.round import BUCKETS, Policy, RoundState, bucket_of
from app.pictures import PictureLimits, inspect
from app.usecases.dataset.freeze_dataset import freeze_dataset
from app.usecases.filter.ask import filter_key, store_file
from app.usecases.label.tallies import Changes
from app.usecases.people import Principal, add_user
from app.usecases.pool.batches import batch_of_the_day
from app.usecases.pool.store_images import Taken, Upload, take
from app.usecases.projects import CategoryFacts, add_category
from app.usecases.rounds.start_round import start_round
from app.usecases.run_jobs import Claim, claim_job

PASSWORD = "correct horse battery"
LIMITS = PictureLimits(bytes=50_000_000, pixels=100_000_000)

# (category's index, picture's index) -> the bytes of a picture; equal arguments, equal bytes.
Painter = Callable[[int, int], bytes]


def paint(category: int, index: int) -> bytes:
    """A small JPEG; the hue tells the category, the pattern of light and shade the picture.

    Two patterns have nothing in common: near-duplicates are found among candidates.
    """
    shades = np.random.default_rng((category, index)).integers(110, 250, (9, 12), dtype=np.uint8)
    light = Pillow.fromarray(shades).resize((96, 72), Pillow.Resampling.BICUBIC)
    hue = Pillow.new("L", light.size, (category * 67 + 20) % 256)
    full = Pillow.new("L", light.size, 150)
    data = io.BytesIO()
    Pillow.merge("HSV", (hue, full, light)).convert("RGB").save(data, "JPEG", quality=90)
    return data.getvalue()


def make_user(session: Session, login: str, name: str | None = None, *, lead: bool = False) -> User:
    """A user with the password `PASSWORD`."""
    return add_user(session, login, name or login.title(), PASSWORD, may_create_projects=lead)


def make_import(session: Session, project: Project) -> Import:
    """An import that was looked at and cancelled."""
    made = Import(
        project_id=project.id,
        user_id=project.created_by,
        filename="flowers.zip",
        size=1000,
        blob_key=None,
        format=ImportFormat.IMAGE_FOLDER,
        options={
            "into": Into.POOL,
            "split": SplitBy.RULE,
            "rest": Rest.SKIP,
            "create_categories": True,
        },
        preview={"examples": 0, "pool": 10, "pictures": 10},
        state=ImportState.CANCELLED,
        total=10,
        finished_at=datetime.now(UTC) + timedelta(seconds=1),
    )
    session.add(made)
    session.flush()
    return made


def make_project(
    session: Session,
    owner: User,
    slug: str = "flowers",
    *,
    name: str | None = None,
    labelers: Sequence[User] = (),
) -> Project:
    """A project led by `owner`."""
    project = Project(
        slug=slug,
        name=name or slug.title(),
        description="Wild flowers along the paths",
        policy=Policy.RESCORE,
        subsets=1,
        threshold=0.5,
        backbone="filterbank",
        weights=None,
        image_size=64,
        seed=0,
        created_by=owner.id,
    )
    session.add(project)
    session.flush()
    members = [(owner.id, Role.LEAD), *((user.id, Role.LABELER) for user in labelers)]
    session.add_all(
        ProjectMember(project_id=project.id, user_id=user_id, role=role)
        for user_id, role in members
    )
    session.flush()
    return project


def make_image(session: Session, blobs: FolderBlobs, project: Project, data: bytes) -> Image:
    """A stored picture."""
    facts = inspect(data, LIMITS)
    blobs.put(original_key(facts.sha256), data)
    image = Image(
        project_id=project.id,
        sha256=facts.sha256,
        format=facts.format,
        width=facts.width,
        height=facts.height,
        size=facts.bytes,
    )
    session.add(image)
    session.flush()
    return image


def make_example(
    session: Session, image: Image, category: Category, split: Split = Split.TRAIN
) -> Example:
    """A seed example, in force from the first dataset version on."""
    example = Example(
        project_id=category.project_id,
        image_id=image.id,
        category_id=category.id,
        split=split,
        from_version=1,
    )
    session.add(example)
    session.flush()
    return example


def make_pool(
    session: Session, blobs: FolderBlobs, project: Project, *, categories: int = 2, candidates: int
) -> list[Category]:
    """Categories with one seed each, and candidates: all that a first round needs."""
    rows = []
    for c in range(categories):
        category = add_category(session, project, CategoryFacts(f"Species {c}"))
        make_example(session, make_image(session, blobs, project, paint(c, 0)), category)
        rows.append(category)
    for index in range(candidates):
        image = make_image(session, blobs, project, paint(index % categories, 1 + index))
        session.add(
            Candidate(image_id=image.id, project_id=project.id, bucket=bucket_of(image.sha256))
        )
    session.flush()
    return rows


def make_near_duplicate(session: Session, image: Image, representative: Image) -> NearDuplicate:
    """An image in the pool that shows the same photograph as another."""
    near = NearDuplicate(
        image_id=image.id,
        project_id=image.project_id,
        representative_id=representative.id,
        hash_distance=4,
        similarity=0.97,
    )
    session.add(near)
    session.execute(
        update(Candidate)
        .where(Candidate.image_id == image.id)
        .values(standing=Standing.NEAR_DUPLICATE)
    )
    session.flush()
    return near


def make_leak(session: Session, image: Image, test: Image) -> Leak:
    """A candidate in quarantine because a test picture shows the same."""
    leak = Leak(
        image_id=image.id,
        project_id=image.project_id,
        test_image_id=test.id,
        hash_distance=3,
        similarity=0.98,
    )
    session.add(leak)
    session.execute(
        update(Candidate)
        .where(Candidate.image_id == image.id)
        .values(standing=Standing.QUARANTINED)
    )
    session.flush()
    return leak


def taken(blobs: FolderBlobs, *pictures: bytes) -> list[Taken]:
    """Uploaded pictures, decoded and stored, before they have rows."""
    uploads = [
        Upload(f"{index}.jpg", partial(bytes, data), SourceFacts())
        for index, data in enumerate(pictures)
    ]
    return take(uploads, blobs, LIMITS)


def batch_of_today(session: Session, project: Project) -> int:
    """The batch of what the project's lead uploads in the browser today."""
    lead = Principal(project.created_by, "", "", False, frozenset())
    return batch_of_the_day(session, project, lead, database_now(session))


def make_takedown(
    session: Session, project: Project, *, everywhere: bool = False, **values: object
) -> Takedown:
    """A takedown of one example by the lead, or by the operator in all projects."""
    takedown = Takedown(
        **{
            "project_id": None if everywhere else project.id,
            "kind": "picture",
            "key": hashlib.sha256(b"gone").hexdigest(),
            "reason": "Request of the photographer",
            "effect": {"images": 1, "examples": 1, "versions": 2},
            "made_by": None if everywhere else project.created_by,
            **values,
        }
    )
    session.add(takedown)
    session.flush()
    return takedown


def make_batch(session: Session, project: Project, **values: object) -> Batch:
    """An archive of the lead's that waits for a worker, unless `values` say otherwise."""
    batch = Batch(
        **{
            "project_id": project.id,
            "user_id": project.created_by,
            "kind": BatchKind.ARCHIVE,
            "name": "alps.tar",
            "state": BatchState.QUEUED,
            **values,
        }
    )
    session.add(batch)
    session.flush()
    return batch


@dataclass(frozen=True)
class Labeling:
    """A project whose first round is being labeled, by ids."""

    project_id: int
    slug: str
    round_id: int
    category_ids: tuple[int, ...]
    proposal_ids: tuple[int, ...]


def make_labeling(
    session: Session,
    blobs_dir: Path,
    project: Project,
    *,
    categories: Sequence[CategoryFacts] = (
        CategoryFacts("Spring gentian", "Gentiana verna", "Five **deep blue** petals."),
        CategoryFacts("Alpine aster", "Aster alpinus", "A *yellow* disc.", ("Spring gentian",)),
    ),
    proposals: int = 6,
    exemplars: int = 3,
    painter: Painter = paint,
) -> Labeling:
    """Seeds, a scored pool and a first round in labeling; proposals are `proposals` a category."""
    blobs = FolderBlobs(blobs_dir)
    rows = [add_category(session, project, facts) for facts in categories]
    shown = [
        [make_image(session, blobs, project, painter(c, index)) for index in range(exemplars)]
        for c, _ in enumerate(rows)
    ]
    for images, category in zip(shown, rows, strict=True):
        for image in images:
            make_example(session, image, category)
    labeling = make_round(session, project, proposals * len(rows))
    ids = []
    for c, (images, category) in enumerate(zip(shown, rows, strict=True)):
        session.add_all(
            Exemplar(
                round_id=labeling.id, category_id=category.id, position=place, image_id=image.id
            )
            for place, image in enumerate(images)
        )
        for index in range(proposals):
            image = make_image(session, blobs, project, painter(c, exemplars + index))
            ids.append(_propose(session, labeling, category, image, position=len(ids)))
    return Labeling(
        project.id, project.slug, labeling.id, tuple(row.id for row in rows), tuple(ids)
    )


def make_round(session: Session, project: Project, proposals: int, *, number: int = 1) -> Round:
    """A round in labeling, with its jobs and its model, before its proposals."""
    version = freeze_dataset(session, project)
    now = datetime.now(UTC)
    made = Round(
        project_id=project.id,
        number=number,
        state=RoundState.LABELING,
        policy=project.policy,
        threshold=project.threshold,
        backbone=project.backbone,
        weights=None,
        image_size=project.image_size,
        seed=project.seed,
        buckets=BUCKETS,
        trained_on=version.number,
        started_by=project.created_by,
        labeling_at=now,
        candidates=proposals * 3,
        proposals=proposals,
        withheld=0,
    )
    session.add(made)
    session.flush()
    kinds = (JobKind.EMBED_POOL, JobKind.TRAIN_ROUND, JobKind.SCORE_POOL)
    session.add_all(
        Job(
            kind=kind,
            round_id=made.id,
            state=JobState.DONE,
            attempt=1,
            step=100,
            steps=100,
            started_at=now - timedelta(seconds=12),
            finished_at=now,
        )
        for kind in kinds
    )
    session.add(
        ModelVersion(
            project_id=project.id,
            round_id=made.id,
            blob_key=f"models/{made.id}",
            fingerprint="test",
            config={},
            metrics={"top1": 0.625, "mean_class": 0.61, "tested_on": 40},
        )
    )
    session.flush()
    return made


def _propose(
    session: Session, labeling: Round, category: Category, image: Image, position: int
) -> int:
    session.add(
        Candidate(
            image_id=image.id,
            project_id=labeling.project_id,
            bucket=bucket_of(image.sha256),
            last_round=labeling.number,
        )
    )
    proposal = Proposal(
        round_id=labeling.id,
        image_id=image.id,
        category_id=category.id,
        confidence=0.9 - position / 10_000,
        position=position,
    )
    session.add(proposal)
    session.flush()
    return proposal.id


def make_map(
    session: Session, blobs: FolderBlobs, labeling: Labeling, places: Sequence[tuple[float, float]]
) -> RoundMap:
    """A map of the round: its training pictures, then its proposals, at these places.

    The neighbours' view is the other one turned upside down.
    """
    trained = session.execute(
        select(Example.image_id, Image.sha256, Example.category_id)
        .join(Image, Image.id == Example.image_id)
        .where(Example.project_id == labeling.project_id)
        .order_by(Example.id)
    ).all()
    asked = session.execute(
        select(Proposal.image_id, Image.sha256, Proposal.category_id)
        .join(Image, Image.id == Proposal.image_id)
        .where(Proposal.round_id == labeling.round_id)
        .order_by(Proposal.id)
    ).all()
    rows = [*trained, *asked]
    pca = np.array(places, "<f4")
    number = session.get_one(Round, labeling.round_id).number
    values = {
        "pca": pca,
        "neighbours": -pca,
        "image": [row.image_id for row in rows],
        "round": [0] * len(trained) + [number] * len(asked),
        "category": [labeling.category_ids.index(row.category_id) for row in rows],
        "kind": [PointKind.TRAINING] * len(trained) + [PointKind.OPEN] * len(asked),
        "confidence": [NO_CONFIDENCE] * len(trained) + [90] * len(asked),
    }
    points = b"".join(np.array(values[each.name], each.type).tobytes() for each in COLUMNS)
    images = b"".join(bytes.fromhex(row.sha256) for row in rows)
    digests = [hashlib.sha256(content).hexdigest() for content in (points, images)]
    blobs.put(points_key(digests[0]), points)
    blobs.put(images_key(digests[1]), images)
    made = RoundMap(
        round_id=labeling.round_id,
        points_hash=digests[0],
        images_hash=digests[1],
        points=len(rows),
        training=len(trained),
        rejected=0,
        proposed=len(asked),
        others=0,
        category_ids=list(labeling.category_ids),
        variance_x=0.4,
        variance_y=0.2,
    )
    session.add(made)
    session.flush()
    return made


def answers(session: Session, labeling: Labeling) -> dict[int, tuple[str | None, int]]:
    """(the answer in force, how many decisions were made), by proposal id."""
    rows = session.execute(
        select(Proposal.id, Proposal.answer, Proposal.decisions).where(
            Proposal.round_id == labeling.round_id
        )
    )
    return {proposal_id: (answer, decisions) for proposal_id, answer, decisions in rows}


def answer(
    session: Session, proposal: Proposal, user_id: int, word: str, seconds: float | None = None
) -> Decision:
    """A decision in force, as if it had been leased and answered."""
    changes = Changes()
    with changes.of(proposal):
        proposal.decisions += 1
        proposal.answer, proposal.answered_by = word, user_id
    changes.write(session, proposal.round_id)
    decision = Decision(
        proposal_id=proposal.id,
        user_id=user_id,
        answer=word,
        ordinal=proposal.decisions,
        idempotency_key=f"{proposal.id}-{proposal.decisions}",
        seconds=seconds,
    )
    session.add(decision)
    session.flush()
    return decision


def until_blocked(holder: Session) -> None:
    """Return once some connection waits for a lock that this one holds."""
    # Not just any lock of anybody: workers wait for each other's for a moment all the time.
    waiting = text(
        "SELECT count(*) FROM pg_locks "
        "WHERE NOT granted AND pg_backend_pid() = ANY(pg_blocking_pids(pid))"
    )
    deadline = time.monotonic() + 60
    while not holder.scalars(waiting).one():
        assert time.monotonic() < deadline, "nobody waits for a lock"
        time.sleep(0.005)


def claim_step(session: Session, project: Project, kind: JobKind) -> Claim:
    """A started round of which this step is running."""
    state = {
        JobKind.EMBED_POOL: RoundState.EMBEDDING,
        JobKind.TRAIN_ROUND: RoundState.TRAINING,
        JobKind.SCORE_POOL: RoundState.SCORING,
    }
    started, job = start_round(session, project, project.created_by)
    started.state, job.kind = state[kind], kind
    session.flush()
    claim = claim_job(session, job.id, "worker", database_now(session))
    assert claim is not None
    return claim


def make_webhooks(session: Session, project_id: int, user_id: int) -> list[int]:
    """An active webhook, one that is paused, one that was disabled; and four deliveries."""
    now, ids = datetime.now(UTC), []
    address = "https://hooks.example.org/vetted"
    for place, (state, reason) in enumerate(
        [("active", None), ("paused", None), ("disabled", "failing")]
    ):
        made = Webhook(
            project_id=project_id,
            url=f"{address}/a-rather-long-path-that-has-to-be-broken-somewhere/{place}",
            states=["labeling", "closed", "failed"],
            secret="sealed",
            state=state,
            reason=reason,
            failing_since=now,
            created_by=user_id,
        )
        session.add(made)
        session.flush()
        ids.append(made.id)
    ends = [("delivered", 204, None), ("waiting", 503, None), ("waiting", None, "timeout")]
    for place, (state, status, trouble) in enumerate([*ends, ("failed", None, "refused-address")]):
        session.add(
            Delivery(
                webhook_id=ids[0],
                message_id=f"msg_{ids[0]}_{place}",
                kind="round.closed",
                round=1,
                body={"type": "round.closed", "data": {"state": "closed"}},
                state=state,
                tries=place,
                next_at=now + timedelta(days=1),
                status=status,
                trouble=trouble,
            )
        )
    session.flush()
    return ids


def filter_file(fingerprint: str = "f" * 64) -> bytes:
    """What the web service sees of a coarse filter's file: a safetensors header."""
    about = {
        "format": "coarse-filter-1",
        "fingerprint": fingerprint,
        "positives": 24,
        "negatives": 30,
        "auc": 0.987,
        "l2": 0.1,
        "seed": 0,
        "positive_bins": [0] * 40 + [1] * 4 + [0] * 46 + [2] * 10,
        "negative_bins": [3] * 9 + [0] * 42 + [1] * 3 + [0] * 46,
    }
    header = json.dumps({"__metadata__": {"vetted": json.dumps(about)}}).encode()
    return len(header).to_bytes(8, "little") + header


def make_filter(
    session: Session, blobs: FolderBlobs, project: Project, scores: Sequence[float]
) -> list[str]:
    """A filter in force, and a pool to which it gave these scores; their hashes, in order."""
    content = filter_file()
    facts = facts_in(content)
    digest = store_file(blobs, content)
    made = CoarseFilter(
        project_id=project.id,
        origin=FilterOrigin.TRAINED,
        blob_key=filter_key(digest),
        sha256=digest,
        fingerprint=facts["fingerprint"],
        facts=facts,
        created_by=project.created_by,
        ready_at=database_now(session),
    )
    session.add(made)
    session.flush()
    images = [
        make_image(session, blobs, project, paint(index % 7, 200 + index))
        for index in range(len(scores))
    ]
    session.add_all(
        Candidate(
            image_id=image.id,
            project_id=project.id,
            bucket=0,
            standing=Standing.OPEN,
            domain_score=score,
            filter_id=made.id,
        )
        for image, score in zip(images, scores, strict=True)
    )
    session.flush()
    return [image.sha256 for image in images]
