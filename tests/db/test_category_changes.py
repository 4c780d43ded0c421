"""Categories are merged, split, retired and brought back: S and H against the rules written plainly."""

from collections import Counter
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, replace
from random import Random
from typing import Any

import pytest
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from app.blobs import FolderBlobs
from app.db.session import Sessions, database_now, transaction
from app.db.tables import (
    Candidate,
    Category,
    CategoryChange,
    DatasetVersion,
    Decision,
    Example,
    HardNegative,
    Image,
    Project,
    Proposal,
    Round,
)
from app.domain.category_change import Effect, Part, Rest
from app.domain.dataset import Split
from app.domain.decision import Answer, Verdict
from app.domain.errors import (
    CategoryRetiredError,
    ChangeStandsError,
    DomainError,
    InvalidError,
    RoundAtWorkError,
    RoundInProgressError,
    TakenError,
)
from app.domain.round import bucket_of
from app.usecases.categories.merge import effect_of_merging, merge_categories
from app.usecases.categories.rename import rename_category
from app.usecases.categories.retire import effect_of_retiring, retire_category
from app.usecases.categories.split import effect_of_splitting, split_category
from app.usecases.categories.undo import undo_change
from app.usecases.dataset.freeze_dataset import freeze_dataset, hash_of_rows, next_version
from app.usecases.imports.seed_examples import seed_examples
from app.usecases.label.decide import Said, record_decision
from app.usecases.label.holder import Holder, Labeler
from app.usecases.label.lease import lease_proposals
from app.usecases.projects import CategoryFacts, add_category
from app.usecases.rounds.end_round import close_round
from app.usecases.rounds.roll_back import roll_back
from app.usecases.rounds.start_round import start_round
from tests import factories
from tests.db.conftest import Place
from tests.db.racing import Race

Change = Callable[[Session, Project], CategoryChange]
Examples = dict[int, tuple[int, str]]
Refusals = set[tuple[int, int]]


@dataclass(frozen=True)
class Garden:
    """A project between rounds, with examples in both splits and hard negatives."""

    project: Project
    ada: int
    categories: tuple[int, ...]

    @property
    def a(self) -> int:
        return self.categories[0]

    @property
    def b(self) -> int:
        return self.categories[1]


def plant(session: Session, chance: Random, *, pictures: int = 30) -> Garden:
    """Random members: what is no example is a candidate, and either may be refused for others."""
    ada = factories.make_user(session, "ada", lead=True)
    project = factories.make_project(session, ada)
    categories = [
        add_category(session, project, CategoryFacts(f"Species {number}")) for number in range(3)
    ]
    images = []
    for number in range(pictures):
        sha256 = f"{chance.getrandbits(256):064x}"
        images.append(
            Image(
                project_id=project.id, sha256=sha256, format="jpeg", width=9, height=9, size=number
            )
        )
    session.add_all(images)
    session.flush()
    for number, image in enumerate(images):
        # At least one to train on for each category.
        if number < 3 or chance.random() < 0.5:
            category = categories[number if number < 3 else chance.randrange(3)]
            split = Split.TRAIN if number < 3 else chance.choice(list(Split))
            factories.make_example(session, image, category, split)
        else:
            session.add(
                Candidate(image_id=image.id, project_id=project.id, bucket=bucket_of(image.sha256))
            )
    session.flush()
    before = factories.make_round(session, project, 1)
    before.state = "closed"
    before.made_version = before.trained_on
    _refuse(session, before.id, project, images, categories, ada.id, chance)
    freeze_dataset(session, project)
    return Garden(project, ada.id, tuple(each.id for each in categories))


def _refuse(
    session: Session,
    round_id: int,
    project: Project,
    images: list[Image],
    categories: list[Category],
    user_id: int,
    chance: Random,
) -> None:
    own = dict(session.execute(select(Example.image_id, Example.category_id)).all())
    version = next_version(session, project)
    for image in images:
        for category in categories:
            if own.get(image.id) == category.id or chance.random() < 0.5:
                continue
            proposal = Proposal(
                round_id=round_id, image_id=image.id, category_id=category.id, position=0
            )
            session.add(proposal)
            session.flush()
            decision = factories.answer(session, proposal, user_id, "no")
            session.add(
                HardNegative(
                    project_id=project.id,
                    image_id=image.id,
                    category_id=category.id,
                    round_id=round_id,
                    decision_id=decision.id,
                    from_version=version,
                )
            )


def members(session: Session) -> tuple[Examples, Refusals]:
    examples = session.execute(
        select(Example.image_id, Example.category_id, Example.split).where(
            Example.to_version.is_(None)
        )
    )
    refusals = session.execute(
        select(HardNegative.image_id, HardNegative.category_id).where(
            HardNegative.to_version.is_(None)
        )
    )
    return {image: (category, split) for image, category, split in examples}, {
        (image, category) for image, category in refusals
    }


def pool(session: Session) -> set[int]:
    return set(session.scalars(select(Candidate.image_id)))


def newest(session: Session) -> DatasetVersion:
    return session.scalars(
        select(DatasetVersion).order_by(DatasetVersion.number.desc()).limit(1)
    ).one()


def retired_ids(session: Session) -> set[int]:
    return set(session.scalars(select(Category.id).where(Category.retired_at.is_not(None))))


@pytest.fixture(params=range(4))
def garden(request: pytest.FixtureRequest, sessions: Sessions) -> Garden:
    with transaction(sessions) as session:
        return plant(session, Random(request.param))  # noqa: S311 - gardens that can be grown again


@pytest.fixture
def one_garden(sessions: Sessions) -> Garden:
    with transaction(sessions) as session:
        return plant(session, Random(7))  # noqa: S311 - the same each time


def undo(session: Session, garden: Garden, change: CategoryChange) -> CategoryChange:
    return undo_change(session, garden.project, change.id, garden.ada, database_now(session))


def test_merging(garden: Garden, sessions: Sessions) -> None:
    """S: what was A is B. H: what was refused for both, and is of neither."""
    a, b = garden.a, garden.b
    with transaction(sessions) as session:
        examples, refusals = members(session)
        foreseen = effect_of_merging(session, garden.project, a, b)
        change = merge_categories(session, garden.project, a, b, garden.ada)
    union = {image: (b if c == a else c, split) for image, (c, split) in examples.items()}
    both = {image for image, c in refusals if c == a and (image, b) in refusals}
    both -= {image for image, (c, _) in union.items() if c == b}
    kept = {(image, c) for image, c in refusals if c not in (a, b)} | {(i, b) for i in both}
    with sessions() as session:
        assert members(session) == (union, kept)
        assert retired_ids(session) == {a}
        asked_again = {image for image, c in refusals if c in (a, b)} - both
        assert foreseen == Effect(
            examples_move=sum(c == a for c, _ in examples.values()),
            examples_stay=sum(c == b for c, _ in examples.values()),
            hard_negatives_stay=len(both),
            hard_negatives_leave=sum(c in (a, b) for _, c in refusals) - 2 * len(both),
            to_pool=len(asked_again & pool(session)),
        )
        assert change.details["effect"]["examples_move"] == foreseen.examples_move
        assert hash_of_rows(session, newest(session)) == newest(session).content_hash


@pytest.mark.parametrize("rest", Rest)
def test_splitting(garden: Garden, sessions: Sessions, rest: Rest) -> None:
    """S: what the lead put into a part is of it. H: what is not A is none of its parts."""
    a = garden.a
    with transaction(sessions) as session:
        examples, refusals = members(session)
        hashes = dict(session.execute(select(Image.id, Image.sha256)).all())
        of_a = sorted(image for image, (c, _) in examples.items() if c == a)
        tests = [image for image in of_a if examples[image][1] == Split.TEST]
        trains = [image for image in of_a if examples[image][1] == Split.TRAIN]
        # All test pictures have a part; of the others one at least is left over where there are two.
        first, second = trains[:1], [*tests, *trains[2:]]
        left = trains[1:2]
        plan = [("One", first), *([("Other", second)] if second else [])]
        parts = [Part(name, tuple(hashes[i] for i in images)) for name, images in plan]
        foreseen = effect_of_splitting(session, garden.project, a, parts, rest)
        change = split_category(session, garden.project, a, parts, rest, garden.ada)
    made = change.parts
    wanted = {image: at for image, at in examples.items() if at[0] != a}
    for number, (_, images) in zip(made, plan, strict=True):
        wanted |= {image: (number, examples[image][1]) for image in images}
    stays = bool(left) and rest is Rest.STAY
    if stays:
        wanted |= {image: examples[image] for image in left}
    of_parts = {(image, part) for image, c in refusals if c == a for part in made}
    kept = {(image, c) for image, c in refusals if c != a or stays} | of_parts
    with sessions() as session:
        assert members(session) == (wanted, kept)
        assert retired_ids(session) == (set() if stays else {a})
        assert change.stays == stays
        gone = [] if stays else left
        assert set(gone) <= pool(session)
        assert (foreseen.examples_move, foreseen.to_pool) == (len(of_a) - len(left), len(gone))
        assert foreseen.hard_negatives_added == len(of_parts)
        # Nobody was asked whether they are of the part.
        asked = select(func.count()).where(
            Example.category_id.in_(made), Example.decision_id.is_not(None)
        )
        assert session.scalar(asked) == 0


def test_retiring(garden: Garden, sessions: Sessions) -> None:
    a = garden.a
    with transaction(sessions) as session:
        examples, refusals = members(session)
        candidates = pool(session)
        foreseen = effect_of_retiring(session, garden.project, a)
        retire_category(session, garden.project, a, garden.ada)
    with sessions() as session:
        assert members(session) == (
            {image: at for image, at in examples.items() if at[0] != a},
            {(image, c) for image, c in refusals if c != a},
        )
        # They are known to be of it: no round asks about them.
        assert pool(session) == candidates
        assert foreseen.examples_leave == sum(c == a for c, _ in examples.values())
        assert retired_ids(session) == {a}


def merged(garden: Garden) -> Change:
    return lambda session, project: merge_categories(
        session, project, garden.a, garden.b, garden.ada
    )


def retired(garden: Garden) -> Change:
    return lambda session, project: retire_category(session, project, garden.a, garden.ada)


def split(garden: Garden, rest: Rest = Rest.ASK) -> Change:
    def change(session: Session, project: Project) -> CategoryChange:
        rows = session.execute(
            select(Image.sha256, Example.split)
            .join(Example, Example.image_id == Image.id)
            .where(Example.category_id == garden.a, Example.to_version.is_(None))
            .order_by(Image.id)
        ).all()
        kept = {sha256 for sha256, split in rows if split == Split.TRAIN}
        # The first to train on; and with it all test pictures, whom nobody may be asked about.
        first = next(sha256 for sha256, split in rows if split == Split.TRAIN)
        pictures = tuple(sha256 for sha256, _ in rows if sha256 not in kept - {first})
        return split_category(
            session, project, garden.a, [Part("Species 0", pictures)], rest, garden.ada
        )

    return change


CHANGES = {"merge": merged, "retire": retired, "split": split}


@pytest.mark.parametrize("kind", CHANGES)
def test_undoing_gives_the_same_hash(garden: Garden, sessions: Sessions, kind: str) -> None:
    with sessions() as session:
        before, candidates = members(session), pool(session)
        digest = newest(session).content_hash
    with transaction(sessions) as session:
        change = CHANGES[kind](garden)(session, garden.project)
        assert newest(session).content_hash != digest
    with transaction(sessions) as session:
        undo(session, garden, change)
    with sessions() as session:
        assert members(session) == before
        assert newest(session).content_hash == digest == hash_of_rows(session, newest(session))
        assert pool(session) == candidates
        assert garden.a not in retired_ids(session)
        for version in session.scalars(select(DatasetVersion)):
            assert hash_of_rows(session, version) == version.content_hash
    with transaction(sessions) as session:
        with pytest.raises(ChangeStandsError, match="undone already"):
            undo(session, garden, change)
        # And once more: the names of its parts are free again.
        CHANGES[kind](garden)(session, garden.project)


def test_no_picture_is_an_example_of_a_category_and_refused_for_it(
    one_garden: Garden, sessions: Sessions
) -> None:
    """Whatever is changed, seeded, refused, undone and gone back from, in whatever order."""
    garden, project, chance = one_garden, one_garden.project, Random(5)  # noqa: S311
    done: Counter[str] = Counter()

    def some(session: Session, *columns: Any) -> Any:
        return chance.choice(session.execute(select(*columns).order_by(*columns)).all())

    def change(session: Session) -> None:
        a, b = (some(session, Category.id)[0] for _ in range(2))
        CHANGES[chance.choice(list(CHANGES))](replace(garden, categories=(a, b)))(session, project)

    def take_back(session: Session) -> None:
        undo(session, garden, session.get_one(CategoryChange, some(session, CategoryChange.id)[0]))

    def go_back(session: Session) -> None:
        roll_back(session, project, some(session, DatasetVersion.number)[0])

    def grow(session: Session) -> None:
        # A candidate, and what was said of it; not twice, and not of a category that is no more.
        image_id, category_id = some(session, Candidate.image_id)[0], some(session, Category.id)[0]
        known = members(session)[1]
        if (image_id, category_id) in known or category_id in retired_ids(session):
            return
        before = some(session, HardNegative.round_id, HardNegative.decision_id)
        row = {
            "project_id": project.id,
            "image_id": image_id,
            "category_id": category_id,
            "from_version": next_version(session, project),
        }
        if chance.random() < 0.5:
            session.add(
                HardNegative(**row, round_id=before.round_id, decision_id=before.decision_id)
            )
        else:
            session.add(Example(**row, split="train"))
            session.delete(session.get_one(Candidate, image_id))

    for _ in range(80):
        step = chance.choice((change, change, take_back, take_back, take_back, go_back, grow))
        # What is refused changes nothing.
        with suppress(DomainError, IndexError, StopIteration), transaction(sessions) as session:
            step(session)
            done[step.__name__] += 1
        with sessions() as session:
            examples, refusals = members(session)
            own = {(image_id, category_id) for image_id, (category_id, _) in examples.items()}
            assert own.isdisjoint(refusals)
            assert retired_ids(session).isdisjoint(each for _, each in own | refusals)
            assert hash_of_rows(session, newest(session)) == newest(session).content_hash
    assert min(done[each] for each in ("change", "take_back", "go_back", "grow")) > 2, done


@pytest.mark.parametrize("kind", CHANGES)
def test_going_back_and_forward_over_a_change(
    one_garden: Garden, sessions: Sessions, kind: str
) -> None:
    garden, project = one_garden, one_garden.project
    with transaction(sessions) as session:
        before, first = members(session), newest(session).number
        change = CHANGES[kind](garden)(session, project)
        after, gone = members(session), retired_ids(session)
    with transaction(sessions) as session:
        roll_back(session, project, first)
        assert members(session) == before
        assert garden.a not in retired_ids(session)
    with transaction(sessions) as session:
        with pytest.raises(ChangeStandsError, match="gone back"):
            undo(session, garden, change)
        roll_back(session, project, change.version)
        assert (members(session), retired_ids(session)) == (after, gone)
        # It holds again, so it can be undone; and going to where it holds undoes the undoing.
        undo(session, garden, change)
        assert members(session) == before
        roll_back(session, project, change.version)
        assert (members(session), retired_ids(session)) == (after, gone)
        undo(session, garden, change)
        assert members(session) == before


def test_what_builds_on_a_change_keeps_it(one_garden: Garden, sessions: Sessions) -> None:
    garden, project = one_garden, one_garden.project
    third = garden.categories[2]
    with transaction(sessions) as session:
        one = merge_categories(session, project, garden.a, garden.b, garden.ada)
        other = merge_categories(session, project, garden.b, third, garden.ada)
        with pytest.raises(ChangeStandsError, match=r"Undo that of 'Species 1' first"):
            undo(session, garden, one)
        undo(session, garden, other)
        undo(session, garden, one)
        change = retire_category(session, project, garden.a, garden.ada)
        image = session.scalars(
            select(Example).where(
                Example.category_id == garden.a, Example.to_version == change.version
            )
        ).first()
        assert image is not None
        moved = session.get_one(Image, image.image_id)
        session.add(
            Example(
                project_id=project.id,
                image_id=moved.id,
                category_id=third,
                split="train",
                from_version=next_version(session, project),
            )
        )
        session.flush()
        with pytest.raises(ChangeStandsError, match="examples of other categories"):
            undo(session, garden, change)


def test_members_that_came_since_keep_a_change(one_garden: Garden, sessions: Sessions) -> None:
    garden, project = one_garden, one_garden.project
    with transaction(sessions) as session:
        change = merge_categories(session, project, garden.a, garden.b, garden.ada)
        image = session.scalars(select(Candidate.image_id).limit(1)).one()
        session.add(
            Example(
                project_id=project.id,
                image_id=image,
                category_id=garden.b,
                split="train",
                from_version=next_version(session, project),
            )
        )
        session.flush()
        with pytest.raises(ChangeStandsError, match="come or gone since") as refused:
            undo(session, garden, change)
        assert "examples: 1, hard negatives: 0" in str(refused.value)


def test_a_free_name_may_be_taken_and_then_nothing_comes_back(
    one_garden: Garden, sessions: Sessions
) -> None:
    garden, project = one_garden, one_garden.project
    with transaction(sessions) as session:
        before = newest(session).number
        change = merge_categories(session, project, garden.a, garden.b, garden.ada)
        with pytest.raises(CategoryRetiredError):
            rename_category(session, project, garden.a, "Anything", "", garden.ada)
        rename = rename_category(session, project, garden.b, "species 0", "", garden.ada)
    for act in (
        lambda session: undo(session, garden, change),
        lambda session: roll_back(session, project, before),
    ):
        with sessions() as session, pytest.raises(InvalidError, match="Rename that one first"):
            act(session)
    with transaction(sessions) as session:
        undo(session, garden, rename)
        undo(session, garden, change)
        assert retired_ids(session) == set()
    with sessions() as session, pytest.raises(TakenError):
        rename_category(session, project, garden.a, "SPECIES 1", "", garden.ada)


def test_a_split_is_refused_where_it_would_ask_or_lose_pictures(
    one_garden: Garden, sessions: Sessions
) -> None:
    garden, project = one_garden, one_garden.project
    with sessions() as session:
        rows = dict(
            session.execute(
                select(Example.split, func.min(Image.sha256))
                .join(Image, Image.id == Example.image_id)
                .where(Example.category_id == garden.a)
                .group_by(Example.split)
            ).all()
        )
        foreign = session.scalars(
            select(Image.sha256)
            .join(Example, Example.image_id == Image.id)
            .where(Example.category_id == garden.b)
        ).first()
        assert foreign is not None

        def refused(parts: list[Part], rest: Rest = Rest.STAY) -> str:
            with pytest.raises(InvalidError) as error:
                split_category(session, project, garden.a, parts, rest, garden.ada)
            return str(error.value)

        train = rows[Split.TRAIN]
        assert "Test pictures are in no part" in refused([Part("New", (train,))], Rest.ASK)
        assert "no examples of the category" in refused([Part("New", (foreign,))])
        whole = tuple(
            session.scalars(
                select(Image.sha256)
                .join(Example, Example.image_id == Image.id)
                .where(Example.category_id == garden.a)
            )
        )
        assert "under its own name" in refused([Part("Species 0", whole)])
        assert "two parts" in refused([Part("New", (train,)), Part("Newer", (train,))])
        assert "called 'new'" in refused([Part("New", (train,)), Part("new", (foreign,))])
        assert "no picture" in refused([Part("New", ())])
        assert "1 to 20 parts" in refused([])
        with pytest.raises(TakenError):
            split_category(
                session, project, garden.a, [Part("species 1", (train,))], Rest.STAY, garden.ada
            )


def test_of_two_leads_who_merge_at_once_one_is_refused(one_garden: Garden, race: Race) -> None:
    garden, project = one_garden, one_garden.project

    def other_way(session: Session) -> Any:
        return merge_categories(session, project, garden.b, garden.a, garden.ada)

    finish = race.run(lambda session: merged(garden)(session, project), other_way)
    assert finish.waited
    assert isinstance(finish.second, CategoryRetiredError)


def test_a_round_and_a_change_never_begin_together(one_garden: Garden, race: Race) -> None:
    garden, project = one_garden, one_garden.project
    finish = race.run(
        lambda session: start_round(session, project, garden.ada),
        lambda session: retired(garden)(session, project),
    )
    assert finish.waited
    assert isinstance(finish.second, RoundAtWorkError)


def test_a_round_that_starts_after_a_change_knows_of_it(
    one_garden: Garden, race: Race, sessions: Sessions
) -> None:
    garden, project = one_garden, one_garden.project
    finish = race.run(
        lambda session: retired(garden)(session, project),
        lambda session: start_round(session, project, garden.ada),
    )
    assert finish.waited
    assert not isinstance(finish.second, (Exception, RoundInProgressError))
    with sessions() as session:
        assert finish.second[0].trained_on == newest(session).number == finish.first.version


def test_nobody_seeds_a_category_that_is_being_retired(
    one_garden: Garden, race: Race, blobs: FolderBlobs
) -> None:
    garden, project = one_garden, one_garden.project
    pictures = factories.taken(blobs, factories.paint(9, 9))

    def seed(session: Session) -> Any:
        category = session.get_one(Category, garden.a)
        return seed_examples(session, project, category, Split.TRAIN, pictures)

    finish = race.run(lambda session: retired(garden)(session, project), seed)
    assert finish.waited
    assert isinstance(finish.second, CategoryRetiredError)


def test_an_undo_and_a_change_take_turns(
    one_garden: Garden, race: Race, sessions: Sessions
) -> None:
    garden, project = one_garden, one_garden.project
    with transaction(sessions) as session:
        change = merged(garden)(session, project)
    finish = race.run(
        lambda session: merge_categories(
            session, project, garden.b, garden.categories[2], garden.ada
        ),
        lambda session: undo(session, garden, change),
    )
    assert finish.waited
    assert isinstance(finish.second, ChangeStandsError)


def test_a_labeler_who_decides_meanwhile_keeps_the_decision(
    place: Place, sessions: Sessions, race: Race
) -> None:
    """Neither waits for the other, and the change is told why it has to."""
    with transaction(sessions) as session:
        labeling = session.get_one(Round, place.labeling.round_id)
        holder = Holder(Labeler(place.ben), "tab")
        held = lease_proposals(session, labeling, holder, 1, database_now(session))[0]
        said = Said(held.id, str(held.lease_token), Verdict(Answer.YES), "key")
        asked_about = held.category_id

    def decide(session: Session) -> Any:
        return record_decision(session, place.project, Labeler(place.ben), said)

    def retire(session: Session) -> Any:
        return retire_category(session, place.project, asked_about, place.ada)

    finish = race.run(decide, retire)
    assert isinstance(finish.second, RoundAtWorkError)
    with transaction(sessions) as session:
        close_round(session, place.project, 1, database_now(session))
        change = retire(session)
        assert change.details["effect"]["examples_leave"] == 3
        # The yes was in the dataset when it was retired: it comes back with the others.
        undo_change(session, place.project, change.id, place.ada, database_now(session))
        assert held.image_id in members(session)[0]


def test_a_round_that_is_being_closed_is_waited_for(
    place: Place, sessions: Sessions, race: Race
) -> None:
    one, other = place.labeling.category_ids
    finish = race.run(
        lambda session: close_round(session, place.project, 1, database_now(session)),
        lambda session: merge_categories(session, place.project, one, other, place.ada),
    )
    assert finish.waited
    assert isinstance(finish.second, CategoryChange)
    with sessions() as session:
        assert retired_ids(session) == {one}


def test_nothing_changes_while_labelers_are_asked(place: Place, sessions: Sessions) -> None:
    one, other = place.labeling.category_ids
    with sessions() as session:
        answered = select(func.count()).select_from(Decision)
        for act in (
            lambda: merge_categories(session, place.project, one, other, place.ada),
            lambda: retire_category(session, place.project, one, place.ada),
        ):
            with pytest.raises(RoundAtWorkError, match="Round 1"):
                act()
        change = rename_category(session, place.project, one, "Gentian", "", place.ada)
        undo_change(session, place.project, change.id, place.ada, database_now(session))
        assert session.scalar(answered) == 0
