"""Pictures that are taken down while somebody stores, asks about, answers or proposes them."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import pytest
from sqlalchemy import select, text
from sqlalchemy.orm import Session, sessionmaker

from app.blobs import BlobMissing, FolderBlobs, original_key
from app.db.session import database_now, transaction
from app.db.tables import (
    BatchImage,
    Candidate,
    Decision,
    Erasure,
    Example,
    Image,
    Leak,
    Likeness,
    Neighbourhood,
    Project,
    Proposal,
    Round,
    Source,
    SyncedObject,
    Takedown,
    User,
)
from app.db.tables.likenesses import CODE_BITS
from app.derivatives import derivative
from app.domain.decision import Answer
from app.domain.errors import InvalidError, TakenDownError
from app.domain.ingestion import ImageOutcome, SourceFacts
from app.domain.takedown import ERASED, TAKEN_DOWN, named
from app.pictures import Size, inspect
from app.usecases.label.tallies import progress_of
from app.usecases.likeness.likenesses import LikenessRow, Pair, keep_leaks, keep_likenesses
from app.usecases.pool.ingest_images import ingest_images
from app.usecases.pool.store_images import ImageAnswer
from app.usecases.takedowns.erase import erase_later, erase_pending
from app.usecases.takedowns.everywhere import (
    lift_everywhere,
    preview_everywhere,
    take_down_everywhere,
)
from app.usecases.takedowns.take_down import lift_takedown, preview_takedown, take_down
from app.usecases.takedowns.tombstones import Asked
from tests import factories
from tests.db.conftest import Place
from tests.db.racing import Race
from tests.db.test_labeling_races import close, decide, do, lease, undo
from tests.db.test_picture_races import _scoring

Sessions = sessionmaker[Session]
Step = Callable[[Session], Takedown]
NEW, OTHER = factories.paint(5, 900), factories.paint(5, 901)
URL = "https://example.org/a.jpg"


def sha256_of(picture: bytes) -> str:
    return inspect(picture, factories.LIMITS).sha256


def taking_down(blobs: FolderBlobs, project: Project, what: str) -> Step:
    asked = Asked(named(what), "a request", project.created_by)
    return lambda session: take_down(session, blobs, project, asked, database_now(session))


def ingesting(
    blobs: FolderBlobs, project: Project, picture: bytes, url: str | None = None
) -> Callable[[Session], ImageAnswer]:
    files = [replace(each, source=SourceFacts(url=url)) for each in factories.taken(blobs, picture)]

    def step(session: Session) -> ImageAnswer:
        batch_id = factories.batch_of_today(session, project)
        return ingest_images(session, project, batch_id, files)[0]

    return step


def files_of(folder: Path, *hashes: str) -> list[str]:
    """The names of all files that are named by these hashes."""
    names = [each.name for each in folder.rglob("*") if each.is_file()]
    return [name for name in names if any(sha256 in name for sha256 in hashes)]


@pytest.fixture
def birds(sessions: Sessions) -> Project:
    """Another project."""
    with transaction(sessions) as session:
        owner = User(login="bo", name="Bo", password_hash="none", may_create_projects=True)
        session.add(owner)
        session.flush()
        return factories.make_project(session, owner, "birds")


def test_what_is_being_stored_goes_with_the_takedown_that_waits_for_it(
    race: Race, sessions: Sessions, blobs: FolderBlobs, unstarted: Project, tmp_path: Path
) -> None:
    new = sha256_of(NEW)
    end = race.run(ingesting(blobs, unstarted, NEW, URL), taking_down(blobs, unstarted, new))
    assert end.waited
    assert end.first.outcome is ImageOutcome.STORED
    assert (end.second.effect["images"], end.second.effect["candidates"]) == (1, 1)
    derivative(blobs, new, Size.THUMBNAIL)
    assert len(files_of(tmp_path, new)) == 2
    assert erase_pending(sessions, blobs) == 1
    assert files_of(tmp_path, new) == []
    with sessions() as session:
        image = session.scalars(select(Image).where(Image.sha256 == new)).one()
        assert image.taken_down_at is not None
        for table in (Candidate, Source, BatchImage):
            assert not session.scalars(select(table).where(table.image_id == image.id)).all()


def test_what_comes_after_a_takedown_waits_and_is_refused_and_leaves_nothing(
    race: Race, sessions: Sessions, blobs: FolderBlobs, unstarted: Project, tmp_path: Path
) -> None:
    new = sha256_of(NEW)
    end = race.run(taking_down(blobs, unstarted, new), ingesting(blobs, unstarted, NEW))
    assert end.waited
    assert (end.second.outcome, end.second.reason) == (ImageOutcome.REJECTED, TAKEN_DOWN)
    erase_pending(sessions, blobs)
    assert files_of(tmp_path, new) == []
    # Again, and by a seed: the same.
    seeded = do(sessions, ingesting(blobs, unstarted, NEW))
    assert seeded.reason == TAKEN_DOWN  # type: ignore[attr-defined]
    assert len(files_of(tmp_path, new)) == 1
    erase_pending(sessions, blobs)
    assert files_of(tmp_path, new) == []
    with sessions() as session:
        assert session.scalar(select(Image).where(Image.sha256 == new)) is None
        assert all(each.erased_at is not None for each in session.scalars(select(Erasure)))


def test_an_address_is_kept_out_in_whatever_spelling_and_whatever_comes_from_it(
    sessions: Sessions, blobs: FolderBlobs, unstarted: Project
) -> None:
    do(sessions, ingesting(blobs, unstarted, NEW, URL))
    do(sessions, ingesting(blobs, unstarted, OTHER, URL))
    with sessions() as session:
        assert preview_takedown(session, unstarted, named(URL)).images == 2
    taken = do(sessions, taking_down(blobs, unstarted, "HTTPS://Example.org:443/a.jpg#top"))
    assert taken.effect["images"] == 2  # type: ignore[attr-defined]
    third = factories.paint(5, 902)
    for picture, url in ((third, "https://EXAMPLE.org/a.jpg#x"), (NEW, None), (OTHER, None)):
        answer = do(sessions, ingesting(blobs, unstarted, picture, url))
        assert answer.reason == TAKEN_DOWN  # type: ignore[attr-defined]
    elsewhere = do(sessions, ingesting(blobs, unstarted, third, "https://example.org/b.jpg"))
    assert elsewhere.outcome is ImageOutcome.STORED  # type: ignore[attr-defined]
    with pytest.raises(InvalidError, match="taken down already"):
        do(sessions, taking_down(blobs, unstarted, URL))
    with sessions() as session:
        assert not session.scalars(select(Source).where(Source.url == URL)).all()


def test_a_lifted_takedown_lets_the_picture_come_again(
    sessions: Sessions, blobs: FolderBlobs, unstarted: Project, tmp_path: Path
) -> None:
    new = sha256_of(NEW)
    do(sessions, ingesting(blobs, unstarted, NEW))
    taken = do(sessions, taking_down(blobs, unstarted, new))
    erase_pending(sessions, blobs)
    with transaction(sessions) as session:
        batch_id = factories.batch_of_today(session, unstarted)
        for name, sha256 in (("a.jpg", new), ("b.jpg", sha256_of(OTHER))):
            session.add(
                SyncedObject(
                    project_id=unstarted.id, location="crawl", name=name, size=1, stamp="",
                    sha256=sha256, batch_id=batch_id,
                )
            )  # fmt: skip
    with transaction(sessions) as session:
        lift_takedown(
            session,
            unstarted,
            taken.id,
            unstarted.created_by,
            database_now(session),  # type: ignore[attr-defined]
        )
    answer = do(sessions, ingesting(blobs, unstarted, NEW))
    assert answer.outcome is ImageOutcome.STORED  # type: ignore[attr-defined]
    erase_pending(sessions, blobs)
    assert files_of(tmp_path, new) == [new]
    with sessions() as session:
        image = session.scalars(select(Image).where(Image.sha256 == new)).one()
        assert image.taken_down_at is None
        # The next sync reads it again, and no other.
        assert session.scalars(select(SyncedObject.name)).all() == ["b.jpg"]
        assert session.get_one(Candidate, image.id).standing == "new"
    with pytest.raises(InvalidError, match="lifted already"), transaction(sessions) as session:
        lift_takedown(
            session,
            unstarted,
            taken.id,
            unstarted.created_by,
            database_now(session),  # type: ignore[attr-defined]
        )


def test_bytes_stay_for_another_project_that_stores_them_at_this_moment(
    sessions: Sessions, blobs: FolderBlobs, unstarted: Project, birds: Project, tmp_path: Path
) -> None:
    new = sha256_of(NEW)
    do(sessions, ingesting(blobs, unstarted, NEW))
    with ThreadPoolExecutor(1) as pool, sessions() as ahead:
        # It saw no tombstone, and is not committed when the takedown is.
        ingesting(blobs, birds, NEW)(ahead)
        do(sessions, taking_down(blobs, unstarted, new))
        erasing = pool.submit(erase_pending, sessions, blobs)
        factories.until_blocked(ahead)
        ahead.commit()
        assert erasing.result(20) == 0
    assert files_of(tmp_path, new) == [new]
    # The last project that holds it gives it up: now they go.
    do(sessions, taking_down(blobs, birds, new))
    assert erase_pending(sessions, blobs) == 1
    assert files_of(tmp_path, new) == []


def test_who_stores_bytes_that_are_erased_meanwhile_is_told_to_send_them_again(
    sessions: Sessions, blobs: FolderBlobs, unstarted: Project, birds: Project, tmp_path: Path
) -> None:
    new = sha256_of(NEW)
    do(sessions, ingesting(blobs, unstarted, NEW))
    later = ingesting(blobs, birds, NEW)
    do(sessions, taking_down(blobs, unstarted, new))
    assert erase_pending(sessions, blobs) == 1
    assert do(sessions, later).reason == ERASED  # type: ignore[attr-defined]
    erase_pending(sessions, blobs)
    again = do(sessions, ingesting(blobs, birds, NEW))
    assert again.outcome is ImageOutcome.STORED  # type: ignore[attr-defined]
    erase_pending(sessions, blobs)
    assert files_of(tmp_path, new) == [new]


def test_bytes_that_nobody_wanted_any_more_are_asked_for_again(
    sessions: Sessions, blobs: FolderBlobs, birds: Project, tmp_path: Path
) -> None:
    """Without any takedown: a project forgot the picture between the bytes and the rows of another."""
    new = sha256_of(NEW)
    storing = ingesting(blobs, birds, NEW)
    do(sessions, lambda session: erase_later(session, [new]))
    assert erase_pending(sessions, blobs) == 1
    assert do(sessions, storing).reason == ERASED  # type: ignore[attr-defined]
    assert do(sessions, ingesting(blobs, birds, NEW)).outcome is ImageOutcome.STORED  # type: ignore[attr-defined]
    assert erase_pending(sessions, blobs) == 0
    assert files_of(tmp_path, new) == [new]


class ErasedMeanwhile(FolderBlobs):
    """A store in which each copy's original is erased just before the copy is put."""

    def put(self, key: str, data: bytes, media_type: str | None = None) -> None:
        self.delete(original_key(sha256_of(NEW)))
        super().put(key, data, media_type)


def test_a_copy_that_is_made_while_its_original_is_erased_goes_too(
    blobs: FolderBlobs, tmp_path: Path
) -> None:
    blobs.put(original_key(sha256_of(NEW)), NEW)
    with pytest.raises(BlobMissing):
        derivative(ErasedMeanwhile(tmp_path), sha256_of(NEW), Size.THUMBNAIL)
    assert files_of(tmp_path, sha256_of(NEW)) == []


def test_the_operator_takes_down_in_all_projects_at_once(
    sessions: Sessions, blobs: FolderBlobs, unstarted: Project, birds: Project, tmp_path: Path
) -> None:
    new, other = sha256_of(NEW), sha256_of(OTHER)
    do(sessions, ingesting(blobs, unstarted, NEW, URL))
    do(sessions, ingesting(blobs, unstarted, OTHER))
    # The same bytes from somewhere else.
    do(sessions, ingesting(blobs, birds, NEW))
    with sessions() as session:
        found = preview_everywhere(session, named(URL))
    assert [(slug, effect.images) for slug, effect in found] == [("flowers", 1), ("birds", 1)]
    asked = Asked(named(URL), "a court order")
    done = take_down_everywhere(sessions, blobs, asked)
    assert [(slug, effect.images) for slug, effect in done] == [("flowers", 1), ("birds", 1)]
    assert files_of(tmp_path, new, other) == [other]
    # Broken off and called again, it finds nothing left to do.
    assert take_down_everywhere(sessions, blobs, asked) == []
    for project in (unstarted, birds):
        assert do(sessions, ingesting(blobs, project, NEW)).reason == TAKEN_DOWN  # type: ignore[attr-defined]
    with pytest.raises(InvalidError, match="already"):
        do(sessions, taking_down(blobs, birds, URL))
    with transaction(sessions) as session:
        lift_everywhere(session, named(URL), database_now(session))
    erase_pending(sessions, blobs)
    assert do(sessions, ingesting(blobs, birds, NEW)).outcome is ImageOutcome.STORED  # type: ignore[attr-defined]


# A round that is being labeled


def picture_of(sessions: Sessions, proposal_id: int) -> str:
    with sessions() as session:
        return session.scalars(
            select(Image.sha256)
            .join(Proposal, Proposal.image_id == Image.id)
            .where(Proposal.id == proposal_id)
        ).one()


def numbers(sessions: Sessions, place: Place, user: int) -> tuple[int, int, int]:
    """(decided, total, mine)."""
    with sessions() as session:
        labeling = session.get_one(Round, place.labeling.round_id)
        found = progress_of(session, labeling, user, leads=False)
        return found.decided, found.total, found.mine


def test_who_answers_about_a_picture_that_goes_is_told_so_and_asked_the_next(
    race: Race, sessions: Sessions, place: Place, tmp_path: Path
) -> None:
    blobs = FolderBlobs(tmp_path)
    held = do(sessions, lease(place, place.ben))
    proposal, token = next(iter(held.items()))  # type: ignore[attr-defined]
    going = taking_down(blobs, place.project, picture_of(sessions, proposal))
    end = race.run(going, decide(place, place.ben, proposal, token))
    assert end.waited
    assert isinstance(end.second, TakenDownError)
    assert numbers(sessions, place, place.ben) == (0, 7, 0)
    again = do(sessions, lease(place, place.ben))
    assert proposal not in again  # type: ignore[operator]
    assert len(again) == 3  # type: ignore[arg-type]


def test_an_answer_about_a_picture_that_goes_stays_in_the_log_and_teaches_nothing(
    race: Race, sessions: Sessions, place: Place, tmp_path: Path
) -> None:
    blobs = FolderBlobs(tmp_path)
    held = do(sessions, lease(place, place.ben))
    (proposal, token), (kept, other), *_ = held.items()  # type: ignore[attr-defined]
    do(sessions, decide(place, place.ben, kept, other, key="kept"))
    going = taking_down(blobs, place.project, picture_of(sessions, proposal))
    end = race.run(decide(place, place.ben, proposal, token), going)
    assert end.waited
    decision = end.first.decision.id
    assert numbers(sessions, place, place.ben) == (1, 7, 1)
    with pytest.raises(TakenDownError):
        do(sessions, undo(place, place.ben, decision))
    do(sessions, close(place))
    with sessions() as session:
        assert session.get_one(Decision, decision).answer == Answer.YES
        grown = session.scalars(select(Example).where(Example.round_id.is_not(None))).all()
        assert [each.decision_id for each in grown] != [decision]
        assert len(grown) == 1


def test_what_goes_while_a_round_is_scored_is_not_proposed(
    race: Race, sessions: Sessions, blobs: FolderBlobs, unstarted: Project
) -> None:
    with sessions() as session:
        first = session.scalars(select(Candidate.image_id).order_by(Candidate.image_id)).first()
        picture = session.get_one(Image, first).sha256
    end = race.run(taking_down(blobs, unstarted, picture), _scoring(sessions, unstarted))
    assert end.waited
    with sessions() as session:
        asked = session.scalars(select(Proposal.image_id)).all()
        assert len(asked) == 3
        assert first not in asked


def test_what_goes_just_after_a_round_was_scored_is_withdrawn(
    race: Race, sessions: Sessions, blobs: FolderBlobs, unstarted: Project
) -> None:
    with sessions() as session:
        first = session.scalars(select(Candidate.image_id).order_by(Candidate.image_id)).first()
        picture = session.get_one(Image, first).sha256
    end = race.run(_scoring(sessions, unstarted), taking_down(blobs, unstarted, picture))
    assert end.waited
    assert end.second.effect["questions"] == 1
    with sessions() as session:
        found = session.scalars(select(Proposal).where(Proposal.image_id == first)).one()
        assert found.answer == "withdrawn"
        assert session.scalars(select(Round.proposals)).one() == 3


def test_what_screening_found_of_a_picture_goes_with_it(
    sessions: Sessions, blobs: FolderBlobs, unstarted: Project
) -> None:
    """What it had quarantined is screened again; and what is published late is not kept."""
    with transaction(sessions) as session:
        leaking = session.scalars(select(Candidate).order_by(Candidate.image_id)).first()
        assert leaking is not None
        test = session.scalars(select(Image).join(Example, Example.image_id == Image.id)).first()
        assert test is not None
        leaking.standing = "quarantined"
        factories.make_leak(session, session.get_one(Image, leaking.image_id), test)
        neighbourhood = Neighbourhood(
            project_id=unstarted.id, fingerprint="test", landmarks=1, blob_key="none"
        )
        session.add(neighbourhood)
        session.flush()
        found = LikenessRow(test.id, 1, bytes(256), 0, "0" * CODE_BITS)
        keep_likenesses(session, unstarted.id, neighbourhood.id, [found])
    do(sessions, taking_down(blobs, unstarted, test.sha256))
    with transaction(sessions) as session:
        assert session.get_one(Candidate, leaking.image_id).standing == "new"
        keep_likenesses(session, unstarted.id, neighbourhood.id, [found])
        keep_leaks(session, unstarted.id, [Pair(leaking.image_id, test.id, 2, 0.99)])
    with sessions() as session:
        for table in (Likeness, Leak):
            assert session.scalars(select(table)).all() == []


def test_tombstones_are_found_by_an_index(
    sessions: Sessions, blobs: FolderBlobs, unstarted: Project
) -> None:
    do(sessions, taking_down(blobs, unstarted, sha256_of(NEW)))
    with sessions() as session:
        session.execute(text("SET LOCAL enable_seqscan = off"))
        plan = session.scalars(
            text("EXPLAIN SELECT key FROM tombstone WHERE key IN ('a', 'b', 'c')")
        ).all()
    assert any("ix_tombstone_key" in line for line in plan)
