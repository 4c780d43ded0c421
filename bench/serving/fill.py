"""A project of any size, written straight into a database: a million candidates in seconds."""

import hashlib
import os
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import psycopg
from PIL import Image as Pillow
from sqlalchemy import insert, select, text
from sqlalchemy.orm import Session

from app.blobs import derivative_key, original_key
from app.db.tables import (
    Example,
    Exemplar,
    Image,
    Project,
    ProjectMember,
    Proposal,
    Round,
    User,
    WebSession,
)
from app.domain.access import Role
from app.domain.dataset import Split
from app.domain.round import BUCKETS, Policy
from app.pictures import Size, derive
from app.secrets import hash_token
from app.usecases.projects import CategoryFacts, add_category
from bench.serving.drawn import write_drawn
from bench.serving.history import ROUNDS, History, answer_some, new_round, write_past
from vetted.database import session_at
from vetted.demo.drawing import SPECIES, draw

PROJECT = "meadow"
PICTURES = 12  # different ones; every image is a further name of one of them
PIXELS = 1600  # their longest side: what a screen is sent
EXEMPLARS = 6  # a category


@dataclass(frozen=True)
class Sizes:
    """How large the project is."""

    pool: int
    proposals: int
    categories: int
    labelers: int
    # Of rounds that are closed and of the open one; without any, the open round is the first.
    decisions: int = 0


@dataclass(frozen=True)
class Filled:
    """What the load needs to know: the labelers' ids and the tokens of their sessions.

    The first of them is the lead.
    """

    project: str
    sessions: dict[int, str]


def fill(url: str, blobs_dir: Path, sizes: Sizes) -> Filled:
    """Write a project in labeling: `pool` candidates, of which `proposals` are open questions."""
    with session_at(url) as session:
        users = _people(session, sizes.labelers)
        project = _project(session, users)
        categories = [
            add_category(session, project, CategoryFacts(f"{kind.name} {number}", kind.name, TEXT))
            for number, kind in ((n, SPECIES[n % len(SPECIES)]) for n in range(sizes.categories))
        ]
        seeds = _seeds(session, project, [category.id for category in categories])
        first = categories[0].id
        _pool(session, project, sizes)
        past = History(sizes.decisions, sizes.categories, first, [user.id for user in users])
        if sizes.decisions:
            write_past(session, project, past)
        number = ROUNDS + 1 if sizes.decisions else 1
        now = datetime.now(UTC)
        labeling = new_round(session, project, number, sizes.pool, sizes.proposals, now)
        session.execute(
            insert(Exemplar),
            [
                {"round_id": labeling.id, "category_id": c, "position": n, "image_id": image}
                for (c, n), (image, _) in seeds.items()
            ],
        )
        _ask(session, project, labeling, first, sizes)
        if sizes.decisions:
            answer_some(session, labeling, past, now)
            write_drawn(session, blobs_dir, labeling, first, sizes.categories)
        tokens = {user.id: f"session of {user.login}" for user in users}
        expires = datetime.now(UTC) + timedelta(days=1)
        session.add_all(
            WebSession(user_id=user_id, token_hash=hash_token(token), expires_at=expires)
            for user_id, token in tokens.items()
        )
        asked = session.scalars(
            select(Image.sha256)
            .join(Proposal, Proposal.image_id == Image.id)
            .where(Proposal.round_id == labeling.id)
        )
        _Files(blobs_dir).give([sha for _, sha in seeds.values()], asked)
    _settle(url)
    return Filled(PROJECT, tokens)


TEXT = "Five **deep blue** petals, fused to a tube.\n\nLeaves in a rosette; on limestone, 600 m up."


def _people(session: Session, number: int) -> list[User]:
    # The first is the lead. Nobody signs in with a password here, which would take a second each.
    users = [
        User(login=f"labeler-{n}", name=f"Labeler {n}", password_hash="none")  # noqa: S106
        for n in range(number)
    ]
    session.add_all(users)
    session.flush()
    return users


def _project(session: Session, users: Sequence[User]) -> Project:
    project = Project(
        slug=PROJECT,
        name="Meadow flowers",
        policy=Policy.RESCORE,
        subsets=1,
        threshold=0.5,
        backbone="filterbank",
        weights=None,
        image_size=64,
        seed=0,
        created_by=users[0].id,
    )
    session.add(project)
    session.flush()
    session.add_all(
        ProjectMember(
            project_id=project.id,
            user_id=user.id,
            role=Role.LABELER if number else Role.LEAD,
        )
        for number, user in enumerate(users)
    )
    session.flush()
    return project


def _seeds(
    session: Session, project: Project, categories: Sequence[int]
) -> dict[tuple[int, int], tuple[int, str]]:
    """(id, sha256) of the exemplars, by category and position."""
    made = {}
    for category in categories:
        for number in range(EXEMPLARS):
            image = Image(
                project_id=project.id,
                sha256=_name(f"seed {category} {number}"),
                format="webp",
                width=PIXELS,
                height=PIXELS,
                size=100_000,
            )
            session.add(image)
            made[category, number] = image
    session.flush()
    session.add_all(
        Example(
            project_id=project.id,
            image_id=image.id,
            category_id=category,
            split=Split.TRAIN,
            from_version=1,
        )
        for (category, _), image in made.items()
    )
    session.flush()
    return {place: (image.id, image.sha256) for place, image in made.items()}


# All names begin with "00": the files of a hundred thousand pictures then lie in 256 folders.
_IMAGES = text(
    """
    INSERT INTO image (project_id, sha256, format, width, height, size)
    SELECT :project, '00' || substr(encode(sha256(n::text::bytea), 'hex'), 3), 'webp',
           :pixels, :pixels, 100000
    FROM generate_series(1, :pool) n
    """
)
_CANDIDATES = text(
    """
    INSERT INTO candidate (image_id, project_id, bucket, last_round)
    SELECT id, project_id, id % :buckets, 1 FROM image
    WHERE project_id = :project AND NOT EXISTS (SELECT FROM example WHERE image_id = image.id)
    """
)
# Labeling order: category by category, as publishing writes them. The images are spread over the
# whole pool, as the best of it would be.
_PROPOSALS = text(
    """
    INSERT INTO proposal (round_id, image_id, category_id, confidence, position)
    SELECT :round, image_id, :first + place * :categories / :proposals, 0.9, place
    FROM (
        SELECT image_id, row_number() OVER (ORDER BY hashint4(image_id)) - 1 AS place
        FROM candidate WHERE project_id = :project
        ORDER BY hashint4(image_id) LIMIT :proposals
    ) AS chosen
    """
)
# As `score_pool` writes them: the category's examples, a rival's, and the likeliest others.
_BESIDE = text(
    """
    WITH shown AS (
        SELECT category_id, array_agg(image_id ORDER BY position) AS images
        FROM exemplar WHERE round_id = :round GROUP BY category_id
    )
    INSERT INTO contrast
        (proposal_id, exemplars, confusable_id, confusable_exemplars, rejected, likely)
    SELECT proposal.id, own.images, rival.category_id, rival.images, '{}',
           (SELECT array_agg(:first + (proposal.category_id - :first + n) % :categories)
            FROM generate_series(1, 5) n)
    FROM proposal
    JOIN shown own ON own.category_id = proposal.category_id
    JOIN shown rival
        ON rival.category_id = :first + (proposal.category_id - :first + 1) % :categories
    WHERE proposal.round_id = :round
    """
)
_COUNTS = text(
    """
    INSERT INTO round_category (round_id, category_id, proposals, expected_precision)
    SELECT round_id, category_id, count(*), 0.7 FROM proposal
    WHERE round_id = :round GROUP BY round_id, category_id
    """
)


def _pool(session: Session, project: Project, sizes: Sizes) -> None:
    values = {"project": project.id, "buckets": BUCKETS, "pool": sizes.pool, "pixels": PIXELS}
    for statement in (_IMAGES, _CANDIDATES):
        session.execute(statement, values)


def _ask(session: Session, project: Project, labeling: Round, first: int, sizes: Sizes) -> None:
    """The proposals of the open round; the categories' ids are consecutive from `first`."""
    values = {"project": project.id, "round": labeling.id, "first": first}
    values |= {"proposals": sizes.proposals, "categories": sizes.categories}
    for statement in (_PROPOSALS, _BESIDE, _COUNTS):
        session.execute(statement, values)


def _name(text_: str) -> str:
    return "00" + hashlib.sha256(text_.encode()).hexdigest()[2:]


class _Files:
    """A few drawn pictures under very many names: hard links cost no space."""

    def __init__(self, root: Path) -> None:
        self._root = root
        self._made: set[Path] = set()

    def give(self, seeds: Sequence[str], asked: Iterable[str]) -> None:
        """Files for every picture that a page may load."""
        drawn = [self._draw(number) for number in range(PICTURES)]
        for number, sha in enumerate((*seeds, *asked)):
            original, screen, thumbnail = drawn[number % PICTURES]
            self._link(screen, derivative_key(sha, Size.SCREEN.word))
            self._link(thumbnail, derivative_key(sha, Size.THUMBNAIL.word))
            if number < len(seeds):
                self._link(original, original_key(sha))

    def _draw(self, number: int) -> tuple[Path, Path, Path]:
        picture = draw(SPECIES[number % len(SPECIES)], number)
        scale = PIXELS / max(picture.size)
        large = picture.resize(
            (round(picture.width * scale), round(picture.height * scale)), Pillow.Resampling.LANCZOS
        )
        path = self._root / f"drawn-{number}.webp"
        path.parent.mkdir(parents=True, exist_ok=True)
        large.save(path, "WEBP", quality=90)
        made = [path]
        for size in (Size.SCREEN, Size.THUMBNAIL):
            small = path.with_name(f"drawn-{number}-{size.word}.webp")
            small.write_bytes(derive(path.read_bytes(), size))
            made.append(small)
        return made[0], made[1], made[2]

    def _link(self, file: Path, key: str) -> None:
        target = self._root / key
        if target.parent not in self._made:
            target.parent.mkdir(parents=True, exist_ok=True)
            self._made.add(target.parent)
        os.link(file, target)


def _settle(url: str) -> None:
    """What a database does by itself sooner or later, so that it does not happen while measuring."""
    plain = url.replace("postgresql+psycopg://", "postgresql://")
    with psycopg.connect(plain, autocommit=True) as connection:
        connection.execute("VACUUM (FREEZE, ANALYZE)")
