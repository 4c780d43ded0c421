"""What is decided about an image holds for its near-duplicates, until a lead says otherwise."""

from collections.abc import Callable
from typing import NamedTuple

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session, aliased

from app.blobs import FolderBlobs
from app.db.session import Sessions, database_now, transaction
from app.db.tables import (
    Candidate,
    Category,
    DatasetVersion,
    Example,
    HardNegative,
    Image,
    Leak,
    NearDuplicate,
    Project,
    Proposal,
    User,
)
from app.domain.dataset import Split
from app.domain.errors import NotFoundError
from app.domain.round import bucket_of
from app.usecases.dataset.export_dataset import Filters, select_rows
from app.usecases.dataset.freeze_dataset import freeze_dataset
from app.usecases.likeness.leaks import release_leak
from app.usecases.likeness.near_duplicates import attach, detach, groups_of, leave_groups
from app.usecases.rounds.end_round import close_round
from app.usecases.rounds.roll_back import roll_back
from app.usecases.rounds.start_round import start_round
from tests import factories
from tests.db.conftest import Place
from tests.db.racing import Race

Key = tuple[str, str]  # an image by its short name, and its state


class Twins(NamedTuple):
    """Images of one photograph each: the first of both is proposed for the first category."""

    accepted: list[Image]
    refused: list[Image]


@pytest.fixture
def twins(sessions: Sessions, blobs: FolderBlobs, place: Place) -> Twins:
    """The first two proposals, each with two near-duplicates; one is yes, one is no."""
    groups = []
    with transaction(sessions) as session:
        for index, word in enumerate(("yes", "no")):
            proposal = session.get_one(Proposal, place.labeling.proposal_ids[index])
            first = session.get_one(Image, proposal.image_id)
            group = [first]
            for copy in range(2):
                data = factories.paint(7, 100 + 10 * index + copy)
                image = factories.make_image(session, blobs, place.project, data)
                bucket = bucket_of(image.sha256)
                session.add(
                    Candidate(image_id=image.id, project_id=place.project.id, bucket=bucket)
                )
                session.flush()
                factories.make_near_duplicate(session, image, first)
                group.append(image)
            groups.append(group)
            factories.answer(session, proposal, place.ben, word)
    return Twins(*groups)


@pytest.fixture
def closed(sessions: Sessions, place: Place, twins: Twins) -> Twins:
    with transaction(sessions) as session:
        close_round(session, place.project, 1, database_now(session))
    return twins


def test_a_round_that_closes_grows_by_near_duplicates_too(
    sessions: Sessions, blobs: FolderBlobs, place: Place, closed: Twins
) -> None:
    first, second = closed
    assert _examples(sessions, first) == ["own", "inherited", "inherited"]
    assert _negatives(sessions, second) == ["own", "inherited", "inherited"]
    assert _standings(sessions, first) == [None, None, None]
    assert _standings(sessions, second) == ["new", "near_duplicate", "near_duplicate"]
    with sessions() as session:
        version = _newest(session)
        assert (version.examples, version.hard_negatives) == (4 + 3, 3)
        row = session.scalars(select(Example).where(Example.image_id == first[1].id)).one()
        decided = session.scalars(select(Example).where(Example.image_id == first[0].id)).one()
        assert (row.decision_id, row.round_id) == (decided.decision_id, decided.round_id)
        rows = select_rows(session, blobs, place.project, version, Filters()).rows()
        told = {row.sha256: row.provenance for row in rows}
        assert [told[each.sha256] for each in first] == ["round 1"] + 2 * ["round 1, inherited"]


def test_one_that_is_found_later_inherits_when_the_next_round_starts(
    sessions: Sessions, blobs: FolderBlobs, place: Place, closed: Twins
) -> None:
    with transaction(sessions) as session:
        late = factories.make_image(session, blobs, place.project, factories.paint(7, 300))
        session.add(Candidate(image_id=late.id, project_id=place.project.id, bucket=0))
        session.flush()
        factories.make_near_duplicate(session, late, closed.accepted[0])
    with transaction(sessions) as session:
        start_round(session, place.project, place.ada)
    assert _examples(sessions, [late]) == ["inherited"]


def test_taking_one_out_of_its_group_ends_what_it_inherited_and_back_begins_it(
    sessions: Sessions, place: Place, closed: Twins
) -> None:
    chosen = [closed.accepted[2], closed.refused[2]]
    with transaction(sessions) as session:
        now = database_now(session)
        for image in chosen:
            assert detach(session, place.project, image.sha256, place.ada, now)
            assert not detach(session, place.project, image.sha256, place.ada, now)
    assert _examples(sessions, closed.accepted) == ["own", "inherited", None]
    assert _negatives(sessions, closed.refused) == ["own", "inherited", None]
    assert _standings(sessions, chosen) == ["open", "open"]
    with transaction(sessions) as session:
        for image in chosen:
            assert attach(session, place.project, image.sha256)
            assert not attach(session, place.project, image.sha256)
    assert _examples(sessions, closed.accepted) == ["own", "inherited", "inherited"]
    assert _negatives(sessions, closed.refused) == ["own", "inherited", "inherited"]
    assert _standings(sessions, chosen) == [None, "near_duplicate"]


def test_going_back_to_a_version_takes_what_was_inherited_along(
    sessions: Sessions, place: Place, closed: Twins
) -> None:
    with transaction(sessions) as session:
        roll_back(session, place.project, 1)
    assert _examples(sessions, closed.accepted) == [None, None, None]
    with sessions() as session:
        first = session.scalars(select(DatasetVersion).where(DatasetVersion.number == 1)).one()
        assert _newest(session).content_hash == first.content_hash
    with transaction(sessions) as session:
        roll_back(session, place.project, 2)
    assert _examples(sessions, closed.accepted) == ["own", "inherited", "inherited"]


def test_the_group_goes_on_without_its_representative(sessions: Sessions, closed: Twins) -> None:
    with transaction(sessions) as session:
        leave_groups(session, [closed.accepted[0].id, closed.refused[0].id])
    for group in closed:
        with sessions() as session:
            near = session.get_one(NearDuplicate, group[2].id)
            assert near.representative_id == group[1].id
            assert session.get(NearDuplicate, group[1].id) is None
    assert _examples(sessions, closed.accepted[1:]) == ["own", "inherited"]
    assert _negatives(sessions, closed.refused[1:]) == ["own", "inherited"]
    assert _standings(sessions, closed.refused[1:]) == ["open", "near_duplicate"]


def test_groups_are_read_in_the_same_few_questions(
    sessions: Sessions, place: Place, closed: Twins
) -> None:
    with sessions() as session:
        found = groups_of(session, place.project, detached=False, before=None, limit=10)
        assert [each.representative.id for each in found] == sorted(
            (group[0].id for group in closed), reverse=True
        )
        shown = {member.image.id: member for group in found for member in group.members}
        (held,) = shown[closed.accepted[1].id].memberships
        assert (held.answer, held.inherited) == ("yes", True)
        assert groups_of(session, place.project, detached=True, before=None, limit=10) == []
        (after,) = groups_of(
            session, place.project, detached=False, before=found[0].representative.id, limit=10
        )
        assert after == found[1]


def test_two_leads_who_take_out_and_put_back_at_once_wait_for_one_another(
    race: Race, sessions: Sessions, place: Place, closed: Twins
) -> None:
    sha256 = closed.accepted[1].sha256
    out: Callable[[Session], bool] = lambda session: detach(  # noqa: E731
        session, place.project, sha256, place.ada, database_now(session)
    )
    back: Callable[[Session], bool] = lambda session: attach(session, place.project, sha256)  # noqa: E731
    end = race.run(out, back)
    assert end.waited
    assert _examples(sessions, closed.accepted) == ["own", "inherited", "inherited"]


def test_images_of_no_group_and_of_other_projects_are_not_there(
    sessions: Sessions, place: Place, closed: Twins
) -> None:
    with transaction(sessions) as session:
        other = factories.make_project(session, session.get_one(User, place.ada), "beetles")
    for project, image in ((place.project, closed.accepted[0]), (other, closed.accepted[1])):
        with sessions() as session, pytest.raises(NotFoundError):
            attach(session, project, image.sha256)


def _examples(sessions: Sessions, group: list[Image]) -> list[str | None]:
    return [_how(sessions, Example, image) for image in group]


def _negatives(sessions: Sessions, group: list[Image]) -> list[str | None]:
    return [_how(sessions, HardNegative, image) for image in group]


def _how(sessions: Sessions, table: type[Example] | type[HardNegative], image: Image) -> str | None:
    with sessions() as session:
        row = session.scalar(
            select(table).where(table.image_id == image.id, table.to_version.is_(None))
        )
    if row is None:
        return None
    return "own" if row.inherited_from is None else "inherited"


def _standings(sessions: Sessions, group: list[Image]) -> list[str | None]:
    with sessions() as session:
        found = [session.get(Candidate, image.id) for image in group]
        return [None if each is None else each.standing for each in found]


def _newest(session: Session) -> DatasetVersion:
    other = aliased(DatasetVersion)
    return session.scalars(
        select(DatasetVersion).where(
            ~select(other.id)
            .where(
                other.project_id == DatasetVersion.project_id, other.number > DatasetVersion.number
            )
            .exists()
        )
    ).one()


def test_a_picture_that_is_tested_no_more_keeps_nothing_back(
    sessions: Sessions, blobs: FolderBlobs, unstarted: Project
) -> None:
    """What another test picture keeps back stays, and so does what a lead has said of a pair."""
    with transaction(sessions) as session:
        category = session.scalars(select(Category).order_by(Category.id)).first()
        assert category is not None
        staying, leaving = (
            factories.make_image(session, blobs, unstarted, factories.paint(7, index))
            for index in range(2)
        )
        factories.make_example(session, staying, category, Split.TEST)
        first = freeze_dataset(session, unstarted).number
        factories.make_example(session, leaving, category, Split.TEST).from_version = first + 1
        freeze_dataset(session, unstarted)
        pool = [each.image_id for each in session.scalars(select(Candidate)).all()]
        freed, kept, released, _ = (session.get_one(Image, each) for each in sorted(pool))
        for image, test in ((freed, leaving), (kept, staying), (released, leaving)):
            factories.make_leak(session, image, test)
        release_leak(
            session, unstarted, released.sha256, unstarted.created_by, database_now(session)
        )
    with transaction(sessions) as session:
        roll_back(session, unstarted, first)
    with sessions() as session:
        assert [session.get_one(Candidate, each).standing for each in sorted(pool)] == [
            "new", "quarantined", "open", "new",
        ]  # fmt: skip
        assert set(session.scalars(select(Leak.image_id))) == {kept.id, released.id}
