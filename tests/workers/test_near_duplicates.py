"""Screening finds who shows the same photograph, and keeps what the test split shows from everybody."""

import io
from collections.abc import Callable, Sequence
from functools import cache

import numpy as np
import pytest
from PIL import Image as Pillow
from PIL import ImageOps
from sqlalchemy import select

from app.blobs import FolderBlobs
from app.db.session import database_now
from app.db.tables import (
    Candidate,
    Category,
    Image,
    Leak,
    Likeness,
    NearDuplicate,
    Neighbourhood,
    Project,
)
from app.domain.dataset import Split
from app.usecases.likeness.leaks import forget_likenesses
from app.usecases.likeness.likenesses import Pair, keep_leaks, keep_near_duplicates
from app.usecases.rounds.start_round import start_round
from tests import factories
from tests.memory_jobs import MemoryJobs
from tests.workers.factory import Factory
from workers import lookup, screening
from workers.queue_screenings import queue_screenings
from workers.runner import Workbench, run_one

Change = Callable[[Pillow.Image], Pillow.Image]


@cache
def photograph(number: int) -> Pillow.Image:
    """Light and shade at several scales, like no other."""
    chance = np.random.default_rng(number)
    layers = [
        np.asarray(
            Pillow.fromarray(chance.integers(0, 256, (h, w, 3), dtype=np.uint8)).resize(
                (240, 180), Pillow.Resampling.BICUBIC
            ),
            dtype=np.float32,
        )
        for w, h in ((4, 3), (12, 9), (32, 24))
    ]
    mixed = 0.5 * layers[0] + 0.3 * layers[1] + 0.2 * layers[2]
    return Pillow.fromarray(mixed.clip(0, 255).astype(np.uint8))


def as_is(picture: Pillow.Image) -> Pillow.Image:
    return picture


def cropped(picture: Pillow.Image) -> Pillow.Image:
    width, height = picture.size
    return picture.crop((width // 12, height // 9, width - width // 15, height))


def smaller(picture: Pillow.Image) -> Pillow.Image:
    return picture.resize((picture.width // 2, picture.height // 2))


def bordered(picture: Pillow.Image) -> Pillow.Image:
    return ImageOps.expand(picture, 12, "white")


def mirrored(picture: Pillow.Image) -> Pillow.Image:
    return ImageOps.mirror(picture)


def file(number: int, *changes: Change, quality: int = 85) -> bytes:
    picture = photograph(number)
    for change in changes:
        picture = change(picture)
    data = io.BytesIO()
    picture.save(data, "JPEG", quality=quality)
    return data.getvalue()


@pytest.fixture
def bench(alone: Factory) -> Workbench:
    blobs = FolderBlobs(alone.settings.data_dir / "blobs")
    return Workbench(alone.settings, alone.sessions, blobs, MemoryJobs())


def screen(bench: Workbench) -> None:
    """Until nothing is left."""
    while queue_screenings(bench):
        while bench.jobs.sent:  # type: ignore[attr-defined]
            run_one(bench, bench.jobs.sent.pop()[0])  # type: ignore[attr-defined]


class Pool:
    """A project of the test, whose images are told by the order in which they came."""

    def __init__(
        self,
        factory: Factory,
        pool: Sequence[bytes],
        *,
        seed: bytes | None = None,
        test: bytes | None = None,
        slug: str = "flowers",
    ) -> None:
        self.factory = factory
        self.id = factory.project(
            slug,
            seeds=[[file(900) if seed is None else seed], [file(901)]],
            test=[[file(902) if test is None else test], [file(903)]],
            pool=pool,
            backbone="filterbank",
            threshold=0.0,
        )

    def images(self) -> dict[int, int]:
        """Image id -> its number among the candidates; examples are below 0."""
        with self.factory.sessions() as session:
            ids = session.scalars(
                select(Image.id).where(Image.project_id == self.id).order_by(Image.id)
            ).all()
        return {image_id: number - 4 for number, image_id in enumerate(ids)}

    def image(self, number: int) -> int:
        return next(image_id for image_id, each in self.images().items() if each == number)

    def standings(self) -> list[str]:
        with self.factory.sessions() as session:
            return list(
                session.scalars(
                    select(Candidate.standing)
                    .where(Candidate.project_id == self.id)
                    .order_by(Candidate.image_id)
                )
            )

    def groups(self) -> dict[int, int]:
        """Each near-duplicate and its representative, by number."""
        numbers = self.images()
        with self.factory.sessions() as session:
            rows = session.scalars(
                select(NearDuplicate).where(NearDuplicate.project_id == self.id)
            ).all()
        return {numbers[row.image_id]: numbers[row.representative_id] for row in rows}

    def leaks(self) -> dict[int, int]:
        """Each quarantined candidate and its test picture, by number."""
        numbers = self.images()
        with self.factory.sessions() as session:
            rows = session.scalars(select(Leak).where(Leak.project_id == self.id)).all()
        return {numbers[row.image_id]: numbers[row.test_image_id] for row in rows}

    def seed(self, data: bytes, split: Split) -> int:
        """Another example; gives its image id."""
        blobs = FolderBlobs(self.factory.settings.data_dir / "blobs")
        with self.factory.transaction() as session:
            project = session.get_one(Project, self.id)
            category = session.scalars(
                select(Category).where(Category.project_id == self.id).order_by(Category.id)
            ).first()
            assert category is not None
            image = factories.make_image(session, blobs, project, data)
            factories.make_example(session, image, category, split)
            return image.id


SAME_FOUR = [file(1), file(1, cropped), file(1, mirrored, quality=40), file(1, cropped, smaller)]


def test_one_image_speaks_for_each_photograph(alone: Factory, bench: Workbench) -> None:
    pool = Pool(
        alone,
        [*SAME_FOUR, file(2), file(3), file(2, bordered), file(900, cropped), file(4)],
        seed=file(900),
    )
    screen(bench)
    # A crop of a crop, too, has the first that came as its representative: groups are stars.
    assert pool.groups() == {1: 0, 2: 0, 3: 0, 6: 4, 7: -4}
    near, single = "near_duplicate", "open"
    assert pool.standings() == [single, near, near, near, single, single, near, near, single]
    with alone.sessions() as session:
        rows = session.scalars(select(NearDuplicate)).all()
        assert all(0 <= row.hash_distance <= 40 for row in rows)
        assert all(row.similarity > 0.3 for row in rows)
        likenesses = set(session.scalars(select(Likeness.image_id)))
    # Examples are found, too.
    assert likenesses == set(pool.images())


@pytest.mark.parametrize("block", [1, 2, 5])
def test_groups_do_not_depend_on_blocks_and_interruptions(
    alone: Factory, bench: Workbench, monkeypatch: pytest.MonkeyPatch, block: int
) -> None:
    monkeypatch.setattr(screening, "BLOCK", block)
    # From the third image on each is looked for among its neighbours.
    monkeypatch.setattr(screening, "MANY", 3)
    monkeypatch.setattr(lookup, "MANY", 3)
    monkeypatch.setattr(screening, "LANDMARKS", 2)
    pool = Pool(alone, [file(5), *SAME_FOUR, file(5, bordered), file(902, mirrored)])
    screen(bench)
    assert pool.groups() == {2: 1, 3: 1, 4: 1, 5: 0}
    assert pool.leaks() == {6: -3}
    with alone.sessions() as session:
        assert session.scalars(select(Neighbourhood.landmarks)).one() == 2


def test_what_the_test_split_shows_is_quarantined(alone: Factory, bench: Workbench) -> None:
    pool = Pool(
        alone,
        [file(902, cropped), file(7), file(902, cropped, mirrored), file(7, smaller), file(8)],
        test=file(902),
    )
    screen(bench)
    assert pool.leaks() == {0: -3, 2: -3}
    assert pool.standings() == ["quarantined", "open", "quarantined", "near_duplicate", "open"]
    # A test picture that comes later leaks out of the pool, with all that shows the same.
    pool.seed(file(7, bordered), Split.TEST)
    screen(bench)
    quarantined = "quarantined"
    assert pool.standings() == [quarantined, quarantined, quarantined, quarantined, "open"]
    assert pool.leaks() == {0: -3, 1: 5, 2: -3, 3: 5}


def test_what_a_lead_has_said_of_a_pair_holds(alone: Factory, bench: Workbench) -> None:
    pool = Pool(alone, [file(1), file(1, cropped), file(902, cropped)], test=file(902))
    screen(bench)
    with alone.transaction() as session:
        now = database_now(session)
        (near,) = session.scalars(select(NearDuplicate))
        near.detached_at = now
        (leak,) = session.scalars(select(Leak))
        leak.released_at = now
        for candidate in session.scalars(select(Candidate)):
            candidate.standing = "new"
    screen(bench)
    assert pool.standings() == ["open"] * 3


def test_who_was_looked_at_speaks(alone: Factory, bench: Workbench) -> None:
    """An example that comes later speaks for candidates; one that was asked about stays as it is."""
    pool = Pool(alone, [file(1), file(1, cropped), file(2)])
    screen(bench)
    assert pool.groups() == {1: 0}
    seeded = pool.seed(file(1, bordered), Split.TRAIN)
    screen(bench)
    assert pool.images()[seeded] == 3
    assert pool.groups() == {0: 3, 1: 3}
    assert pool.standings() == ["near_duplicate", "near_duplicate", "open"]
    with alone.transaction() as session:
        made, _ = start_round(session, session.get_one(Project, pool.id), alone.lead)
        category = session.scalars(
            select(Category.id).where(Category.project_id == pool.id).limit(1)
        ).one()
        session.add(
            factories.Proposal(
                round_id=made.id,
                image_id=pool.image(2),
                category_id=category,
                confidence=0.9,
                position=0,
            )
        )
    pool.seed(file(2, cropped), Split.TRAIN)
    with alone.transaction() as session:
        made = session.get_one(factories.Round, made.id)
        made.state = "labeling"
    screen(bench)
    assert pool.standings() == ["open"]


def test_who_left_meanwhile_is_left_alone(alone: Factory) -> None:
    """Between looking and publishing a candidate was seeded, and an image taken down."""
    pool = Pool(alone, [file(1), file(2), file(3)])
    first, second, third = (pool.image(number) for number in range(3))
    with alone.transaction() as session:
        session.delete(session.get_one(Candidate, first))
        keep_near_duplicates(
            session, pool.id, [Pair(first, second, 1, 0.9), Pair(second, 10_000, 1, 0.9)]
        )
        keep_leaks(session, pool.id, [Pair(third, 10_000, 1, 0.9)])
    assert (pool.groups(), pool.leaks()) == ({}, {})
    assert pool.standings() == ["new", "new"]


def test_a_test_picture_that_leaves_sets_free_what_it_kept_back(
    alone: Factory, bench: Workbench
) -> None:
    pool = Pool(alone, [file(902, cropped), file(1)], test=file(902))
    screen(bench)
    assert pool.standings() == ["quarantined", "open"]
    with alone.transaction() as session:
        forget_likenesses(session, [pool.image(-3)])
        found_by = select(Likeness).where(Likeness.image_id == pool.image(-3))
        assert session.scalars(found_by).all() == []
    assert (pool.leaks(), pool.standings()) == ({}, ["new", "open"])
