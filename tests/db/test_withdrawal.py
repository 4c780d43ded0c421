"""A batch is taken back, whatever comes at the same moment, and brought back."""

from collections.abc import Callable

import pytest
from sqlalchemy import func, select
from sqlalchemy.orm import Session, sessionmaker

from app.blobs import FolderBlobs
from app.db.session import database_now, transaction
from app.db.tables import (
    Batch,
    BatchImage,
    Candidate,
    Category,
    DatasetVersion,
    Example,
    HardNegative,
    Image,
    NearDuplicate,
    Project,
    Proposal,
    WithdrawnImage,
)
from app.domain.batch import BatchKind, BatchState, Members
from app.domain.dataset import Split
from app.domain.errors import BatchInRoundError, RoundNotReadyError, TransitionError
from app.usecases.dataset.freeze_dataset import next_version
from app.usecases.imports.seed_examples import seed_examples
from app.usecases.pool.batches import hold_project
from app.usecases.pool.ingest_images import ingest_images
from app.usecases.pool.move_batch import lock_move, move_pictures, next_pictures
from app.usecases.pool.withdraw_batch import (
    Withdrawal,
    preview_withdrawal,
    restore_batch,
    withdraw_batch,
)
from app.usecases.rounds.end_round import close_round
from app.usecases.rounds.roll_back import roll_back
from app.usecases.rounds.start_round import start_round
from app.usecases.run_jobs import claim_job, fail_job
from tests import factories
from tests.db.conftest import Place
from tests.db.racing import Race, Step
from tests.moving import move_batches

Sessions = sessionmaker[Session]
ONE, TWO, THREE = (factories.paint(5, 900 + index) for index in range(3))


def upload(session: Session, project: Project) -> int:
    return factories.make_batch(session, project, kind=BatchKind.UPLOAD, state=BatchState.OPEN).id


def push(
    blobs: FolderBlobs, project: Project, batch_id: int | None, *pictures: bytes
) -> Callable[[Session], tuple[int, list[str]]]:
    """What a request does, to this batch or to that of the day; gives the batch and the outcomes."""
    files = factories.taken(blobs, *pictures)

    def step(session: Session) -> tuple[int, list[str]]:
        hold_project(session, project)
        into = batch_id or factories.batch_of_today(session, project)
        answers = ingest_images(session, project, into, files)
        return into, [answer.outcome.value for answer in answers]

    return step


def withdraw(project: Project, batch_id: int, members: Members = Members.KEEP) -> Step:
    def step(session: Session) -> int:
        now = database_now(session)
        return withdraw_batch(session, project, batch_id, project.created_by, members, now)[1].id

    return step


def restore(project: Project, batch_id: int) -> Step:
    return lambda session: restore_batch(session, project, batch_id, project.created_by)[1].id


def done(sessions: Sessions, step: Step) -> object:
    with transaction(sessions) as session:
        return step(session)


def gone(
    sessions: Sessions, project: Project, batch_id: int, members: Members = Members.KEEP
) -> tuple[int, int, int]:
    """Withdraw a batch; how many candidates, examples and hard negatives have left with it."""
    done(sessions, withdraw(project, batch_id, members))
    move_batches(sessions)
    with sessions() as session:
        batch = session.get_one(Batch, batch_id)
        assert (batch.moving, batch.error) == (None, None)
        told = batch.withdrawal or {}
        return told["candidates"], told["examples"], told["hard_negatives"]


def back(sessions: Sessions, project: Project, batch_id: int) -> int:
    """Bring a batch back; how many candidates there are more."""
    before = candidates(sessions)
    done(sessions, restore(project, batch_id))
    move_batches(sessions)
    with sessions() as session:
        batch = session.get_one(Batch, batch_id)
        assert (batch.moving, batch.error, batch.withdrawal) == (None, None, None)
    return candidates(sessions) - before


def in_pool(sessions: Sessions, blobs: FolderBlobs, project: Project) -> list[bool]:
    """Whether each of the three pictures is a candidate."""
    hashes = [
        each.picture.sha256
        for each in factories.taken(blobs, ONE, TWO, THREE)
        if each.picture is not None
    ]
    with sessions() as session:
        found = set(
            session.scalars(
                select(Image.sha256)
                .join(Candidate, Candidate.image_id == Image.id)
                .where(Image.project_id == project.id)
            )
        )
    return [sha256 in found for sha256 in hashes]


@pytest.fixture
def batches(sessions: Sessions, blobs: FolderBlobs, unstarted: Project) -> tuple[int, int]:
    """One brought all three pictures, another the second one again."""
    with transaction(sessions) as session:
        first, second = (upload(session, unstarted) for _ in range(2))
    done(sessions, push(blobs, unstarted, first, ONE, TWO, THREE))
    done(sessions, push(blobs, unstarted, second, TWO))
    return first, second


def test_what_only_a_batch_brought_leaves_and_comes_back(
    sessions: Sessions, blobs: FolderBlobs, unstarted: Project, batches: tuple[int, int]
) -> None:
    first, second = batches

    def pool() -> list[bool]:
        return in_pool(sessions, blobs, unstarted)

    effect = Withdrawal(pictures=3, stay=1, leave=2, examples=0, hard_negatives=0)
    with sessions() as session:
        told = preview_withdrawal(session, unstarted, session.get_one(Batch, first))
    assert (told.effect, told.round) == (effect, None)
    assert gone(sessions, unstarted, first) == (2, 0, 0)
    assert pool() == [False, True, False]
    with pytest.raises(TransitionError):
        done(sessions, withdraw(unstarted, first))
    gone(sessions, unstarted, second)
    assert pool() == [False, False, False]
    # The first one brought it, too.
    assert back(sessions, unstarted, first) == 3
    assert pool() == [True, True, True]
    assert back(sessions, unstarted, second) == 0
    with pytest.raises(TransitionError):
        done(sessions, restore(unstarted, second))
    with sessions() as session:
        assert session.scalars(select(func.count()).select_from(WithdrawnImage)).one() == 0
        standings = set(session.scalars(select(Candidate.standing)))
    assert standings == {"new"}


def test_pictures_that_are_sent_again_are_new_candidates(
    sessions: Sessions, blobs: FolderBlobs, unstarted: Project, batches: tuple[int, int]
) -> None:
    first, _ = batches
    gone(sessions, unstarted, first)
    with transaction(sessions) as session:
        third = upload(session, unstarted)
    step = push(blobs, unstarted, third, ONE, TWO, ONE)
    assert done(sessions, step) == (third, ["stored", "duplicate", "duplicate"])
    assert in_pool(sessions, blobs, unstarted) == [True, True, False]
    with sessions() as session:
        counted = session.get_one(Batch, third)
        assert (counted.stored, counted.duplicate) == (1, 2)
    # Only what did not come again comes back.
    assert back(sessions, unstarted, first) == 1
    assert in_pool(sessions, blobs, unstarted) == [True, True, True]
    gone(sessions, unstarted, first)
    assert in_pool(sessions, blobs, unstarted) == [True, True, False]


def moving(sessions: Sessions, job_id: object) -> Step:
    """What a worker does to all pictures of a small batch, in one transaction."""
    with transaction(sessions) as session:
        claim = claim_job(session, job_id, "me", database_now(session))  # type: ignore[arg-type]
    assert claim is not None

    def step(session: Session) -> None:
        batch, _ = lock_move(session, claim)
        move_pictures(session, batch, next_pictures(session, batch, 0, 100))

    return step


def test_a_picture_that_comes_while_its_batch_goes_stays_or_is_new(
    race: Race, sessions: Sessions, blobs: FolderBlobs, unstarted: Project, batches: tuple[int, int]
) -> None:
    first, second = batches
    job = done(sessions, withdraw(unstarted, first))
    end = race.run(push(blobs, unstarted, second, ONE), moving(sessions, job))
    assert end.waited
    assert end.first == (second, ["duplicate"])
    assert in_pool(sessions, blobs, unstarted) == [True, True, False]
    job = done(sessions, withdraw(unstarted, second))
    end = race.run(moving(sessions, job), push(blobs, unstarted, None, ONE, TWO))
    assert end.waited
    today, outcomes = end.second
    assert outcomes == ["stored", "stored"]
    assert in_pool(sessions, blobs, unstarted) == [True, True, False]
    # The same while they come back: both bring them, once.
    with transaction(sessions) as session:
        for batch in session.scalars(select(Batch).where(Batch.id.in_(batches))):
            batch.moving = None
    job = done(sessions, restore(unstarted, first))
    end = race.run(moving(sessions, job), push(blobs, unstarted, today, THREE))
    assert (end.waited, end.second[1]) == (True, ["duplicate"])
    assert in_pool(sessions, blobs, unstarted) == [True, True, True]


def test_uploads_of_other_pictures_go_on_while_a_batch_goes(
    race: Race, sessions: Sessions, blobs: FolderBlobs, unstarted: Project, batches: tuple[int, int]
) -> None:
    job = done(sessions, withdraw(unstarted, batches[0]))
    other = factories.paint(5, 950)
    end = race.run(moving(sessions, job), push(blobs, unstarted, batches[1], other))
    assert (end.waited, end.second) == (False, (batches[1], ["stored"]))


def test_no_round_begins_while_pictures_leave_or_come_back(
    race: Race, sessions: Sessions, unstarted: Project, batches: tuple[int, int]
) -> None:
    def start(session: Session) -> None:
        start_round(session, unstarted, unstarted.created_by)

    for step in (withdraw, restore):
        end = race.run(step(unstarted, batches[0]), start)
        assert end.waited
        assert isinstance(end.second, RoundNotReadyError)
        assert "is being withdrawn or brought back" in str(end.second)
        with pytest.raises(TransitionError):
            done(sessions, restore(unstarted, batches[0]))
        with pytest.raises(TransitionError):
            done(sessions, withdraw(unstarted, batches[0]))
        move_batches(sessions)
    end = race.run(start, withdraw(unstarted, batches[0]))
    assert end.waited
    assert isinstance(end.second, BatchInRoundError)


def test_a_move_that_fails_says_so_and_can_be_begun_anew(
    sessions: Sessions, blobs: FolderBlobs, unstarted: Project, batches: tuple[int, int]
) -> None:
    job_id = done(sessions, withdraw(unstarted, batches[0]))
    with transaction(sessions) as session:
        claim = claim_job(session, job_id, "me", database_now(session))  # type: ignore[arg-type]
        assert claim is not None
        fail_job(session, claim, database_now(session), "The disk is full.")
    with sessions() as session:
        batch = session.get_one(Batch, batches[0])
        assert (batch.moving, batch.state, batch.error) == (None, "done", "The disk is full.")
    assert back(sessions, unstarted, batches[0]) == 0
    assert gone(sessions, unstarted, batches[0]) == (2, 0, 0)
    assert in_pool(sessions, blobs, unstarted) == [False, True, False]


def test_what_comes_while_the_batch_of_the_day_goes_is_another_batch(
    race: Race, sessions: Sessions, blobs: FolderBlobs, unstarted: Project
) -> None:
    day, _ = done(sessions, push(blobs, unstarted, None, ONE))  # type: ignore[misc]
    end = race.run(withdraw(unstarted, day), push(blobs, unstarted, None, ONE, TWO))
    assert end.waited
    later, outcomes = end.second
    assert later != day
    # The first has not left yet, and does not now.
    assert outcomes == ["duplicate", "stored"]
    move_batches(sessions)
    assert in_pool(sessions, blobs, unstarted) == [True, True, False]
    with sessions() as session:
        assert session.get_one(Batch, day).state == BatchState.DONE


def test_two_leads_who_withdraw_at_once_do_it_once(
    race: Race, unstarted: Project, batches: tuple[int, int]
) -> None:
    end = race.run(withdraw(unstarted, batches[0]), withdraw(unstarted, batches[0]))
    assert end.waited
    assert isinstance(end.second, TransitionError)


def test_what_a_lead_seeded_and_what_a_worker_brings_is_left_alone(
    sessions: Sessions, blobs: FolderBlobs, unstarted: Project, batches: tuple[int, int]
) -> None:
    with transaction(sessions) as session:
        rose = session.scalars(select(Category).limit(1)).one()
        seed_examples(session, unstarted, rose, Split.TRAIN, factories.taken(blobs, THREE))
        running = factories.make_batch(session, unstarted, state=BatchState.RUNNING)
    assert gone(sessions, unstarted, batches[0], Members.END) == (1, 0, 0)
    with sessions() as session:
        assert session.scalars(select(func.count()).select_from(Example)).one() == 3
        assert session.scalars(select(func.count()).select_from(DatasetVersion)).one() == 0
    with pytest.raises(TransitionError):
        done(sessions, withdraw(unstarted, running.id))


def members(sessions: Sessions) -> tuple[int, int]:
    with sessions() as session:
        return tuple(  # type: ignore[return-value]
            session.scalars(
                select(func.count())
                .select_from(table)
                .where(table.to_version.is_(None), table.round_id.is_not(None))
            ).one()
            for table in (Example, HardNegative)
        )


def candidates(sessions: Sessions) -> int:
    with sessions() as session:
        return session.scalars(select(func.count()).select_from(Candidate)).one()


@pytest.fixture
def labeled(sessions: Sessions, place: Place) -> tuple[Place, int]:
    """A batch brought what a round asked about: one yes, one no, the rest without an answer."""
    with transaction(sessions) as session:
        batch_id = upload(session, place.project)
        session.add_all(
            BatchImage(batch_id=batch_id, image_id=image_id, outcome="stored")
            for image_id in session.scalars(select(Candidate.image_id))
        )
        for proposal_id, word in zip(place.labeling.proposal_ids[:2], ("yes", "no"), strict=True):
            proposal = session.get_one(Proposal, proposal_id)
            factories.answer(session, proposal, place.ben, word)
    return place, batch_id


def test_members_are_kept_or_end_with_a_version_and_begin_again(
    sessions: Sessions, labeled: tuple[Place, int]
) -> None:
    place, batch_id = labeled
    project = place.project
    with pytest.raises(BatchInRoundError):
        done(sessions, withdraw(project, batch_id))
    with sessions() as session:
        told = preview_withdrawal(session, project, session.get_one(Batch, batch_id))
    assert told.round == 1
    assert (told.effect.pictures, told.effect.leave) == (8, 8)
    done(sessions, lambda session: close_round(session, project, 1, database_now(session)))
    assert (members(sessions), candidates(sessions)) == ((1, 1), 7)
    assert gone(sessions, project, batch_id) == (7, 0, 0)
    assert (members(sessions), candidates(sessions)) == ((1, 1), 0)
    assert back(sessions, project, batch_id) == 7
    assert (members(sessions), candidates(sessions)) == ((1, 1), 7)
    with sessions() as session:
        # Visited by a round whose effect holds; those without an answer were not.
        visited = session.scalars(
            select(func.count()).select_from(Candidate).where(Candidate.last_round == 1)
        ).one()
        before = session.scalars(select(func.max(DatasetVersion.number))).one()
    assert visited == 1
    assert gone(sessions, project, batch_id, Members.END) == (7, 1, 1)
    assert (members(sessions), candidates(sessions)) == ((0, 0), 0)
    with sessions() as session:
        assert session.get_one(Batch, batch_id).withdrawn_version == before + 1
    # Going back to before it and forth again: the pictures are members, and no candidates after.
    done(sessions, lambda session: roll_back(session, project, before))
    assert (members(sessions), candidates(sessions)) == ((1, 1), 0)
    done(sessions, lambda session: roll_back(session, project, before + 1))
    assert (members(sessions), candidates(sessions)) == ((0, 0), 0)
    assert back(sessions, project, batch_id) == 7
    assert (members(sessions), candidates(sessions)) == ((1, 1), 7)


def test_what_was_decided_while_a_batch_was_away_holds(
    sessions: Sessions, labeled: tuple[Place, int]
) -> None:
    """A lead seeds what a labeler had refused: it is an example now, and refused no more."""
    place, batch_id = labeled
    project = place.project
    done(sessions, lambda session: close_round(session, project, 1, database_now(session)))
    gone(sessions, project, batch_id, Members.END)
    with transaction(sessions) as session:
        refused = session.scalars(select(HardNegative)).one()
        category = session.get_one(Category, refused.category_id)
        seed = factories.make_example(session, session.get_one(Image, refused.image_id), category)
        seed.from_version = next_version(session, project)
    back(sessions, project, batch_id)
    assert members(sessions) == (1, 0)
    with sessions() as session:
        assert session.get_one(Example, seed.id).to_version is None
        assert session.scalars(
            select(DatasetVersion.cause).order_by(DatasetVersion.number)
        ).all() == ["seeds", "round", "withdrawal", "seeds", "restore"]


def test_a_near_duplicate_of_what_goes_speaks_for_itself(
    sessions: Sessions, unstarted: Project, batches: tuple[int, int]
) -> None:
    first, second = batches
    with transaction(sessions) as session:
        one, two, _ = session.scalars(
            select(BatchImage.image_id).where(BatchImage.batch_id == first).order_by("image_id")
        ).all()
        kept = session.scalars(
            select(BatchImage.image_id).where(BatchImage.batch_id == second)
        ).one()
        leaves = one if one != kept else two
        session.add(
            NearDuplicate(
                image_id=kept,
                project_id=unstarted.id,
                representative_id=leaves,
                hash_distance=3,
                similarity=0.99,
            )
        )
        session.get_one(Candidate, kept).standing = "near_duplicate"
    gone(sessions, unstarted, first)
    with sessions() as session:
        assert session.get_one(Candidate, kept).standing == "open"
        assert session.scalars(select(NearDuplicate)).all() == []
