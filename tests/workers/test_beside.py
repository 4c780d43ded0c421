"""What stands beside the questions of a round, computed by the real jobs in this process."""

from collections.abc import Callable

from sqlalchemy import select

from app.db.tables import (
    Candidate,
    ChosenExemplar,
    Contrast,
    Decision,
    Example,
    Exemplar,
    HardNegative,
    Project,
    Proposal,
    Round,
    RoundCategory,
)
from app.domain.dataset import Split
from app.usecases.rounds.end_round import close_round
from tests import factories
from tests.workers.factory import Factory
from tests.workers.test_rounds import flowers


def proposals_of(alone: Factory, round_id: int) -> dict[int, Proposal]:
    with alone.sessions() as session:
        rows = session.scalars(select(Proposal).where(Proposal.round_id == round_id))
        return {row.id: row for row in rows}


def contrasts_of(alone: Factory, round_id: int) -> dict[int, Contrast]:
    with alone.sessions() as session:
        rows = session.scalars(
            select(Contrast)
            .join(Proposal, Proposal.id == Contrast.proposal_id)
            .where(Proposal.round_id == round_id)
        )
        return {row.proposal_id: row for row in rows}


def examples_of(alone: Factory) -> dict[int, Example]:
    with alone.sessions() as session:
        return {row.image_id: row for row in session.scalars(select(Example))}


def test_every_proposal_has_a_contrast_without_test_pictures(
    alone: Factory, play: Callable[[int], int]
) -> None:
    project_id = alone.project(
        "beside",
        seeds=[flowers(species, 0, 4) for species in range(3)],
        test=[flowers(species, 20, 22) for species in range(3)],
        pool=[picture for species in range(3) for picture in flowers(species, 4, 10)],
        threshold=0.0,
    )
    first = play(project_id)
    proposals, beside = proposals_of(alone, first), contrasts_of(alone, first)
    shows = examples_of(alone)
    assert set(beside) == set(proposals)
    for proposal in proposals.values():
        row = beside[proposal.id]
        assert {shows[image].category_id for image in row.exemplars} == {proposal.category_id}
        rivals = {shows[image].category_id for image in row.confusable_exemplars}
        assert rivals == {row.confusable_id}
        assert row.likely[0] == row.confusable_id
        assert len(set(row.likely) | {proposal.category_id}) == 3
        assert row.rejected == []
        seen = (*row.exemplars, *row.confusable_exemplars)
        assert {shows[image].split for image in seen} == {Split.TRAIN}

    # What is refused stands beside what is asked next, unless it became a test picture.
    with alone.transaction() as session:
        for proposal in session.scalars(select(Proposal)):
            factories.answer(session, proposal, alone.lead, "no")
        session.flush()
        project = session.get_one(Project, project_id)
        ended = session.get_one(Round, first)
        assert ended.labeling_at is not None
        close_round(session, project, 1, ended.labeling_at)
    with alone.transaction() as session:
        hidden = session.scalars(select(HardNegative).order_by(HardNegative.image_id)).first()
        assert hidden is not None
        session.add(
            Example(
                project_id=project_id, image_id=hidden.image_id, from_version=1,
                category_id=hidden.category_id, split=Split.TEST,
            )
        )  # fmt: skip
    second = play(project_id)
    beside, proposals = contrasts_of(alone, second), proposals_of(alone, second)
    with alone.sessions() as session:
        refused = {(row.image_id, row.category_id) for row in session.scalars(select(HardNegative))}
        expected = session.scalars(
            select(RoundCategory.expected_precision).where(RoundCategory.round_id == second)
        ).all()
    assert any(row.rejected for row in beside.values())
    for proposal in proposals.values():
        for image in beside[proposal.id].rejected:
            assert (image, proposal.category_id) in refused
            assert image != hidden.image_id
    # Every answer before was no.
    assert expected
    assert all(each < 0.9 for each in expected)


def test_known_questions_are_mixed_in_and_stand_beside_nothing(
    alone: Factory, play: Callable[[int], int]
) -> None:
    # Nine of twelve seeds are exemplars: three are left to ask about.
    project_id = alone.project(
        "gold",
        seeds=[flowers(3, 0, 12), flowers(4, 0, 12)],
        pool=[*flowers(3, 12, 32), *flowers(4, 12, 32)],
        threshold=0.0,
        gold_share=0.2,
    )
    with alone.transaction() as session:
        # What a lead chose to be shown is not asked about either.
        chosen = session.execute(
            select(Example.category_id, Example.image_id).order_by(Example.id).limit(5)
        ).all()
        session.add_all(
            ChosenExemplar(category_id=category_id, image_id=image_id, position=place)
            for place, (category_id, image_id) in enumerate(chosen)
        )
    round_id = play(project_id)
    proposals, beside = proposals_of(alone, round_id), contrasts_of(alone, round_id)
    shows = examples_of(alone)
    gold = [each for each in proposals.values() if each.gold is not None]
    with alone.sessions() as session:
        exemplars = set(session.scalars(select(Exemplar.image_id)))
        by_hand = select(Exemplar.image_id).where(Exemplar.by_hand).order_by(Exemplar.position)
        assert session.scalars(by_hand).all() == [image_id for _, image_id in chosen]
        found = session.get_one(Round, round_id)
    assert (found.proposals, found.gold) == (40, len(gold))
    assert 1 <= len(gold) <= 6
    assert set(beside) == set(proposals)
    for proposal in gold:
        right = shows[proposal.image_id].category_id == proposal.category_id
        assert proposal.gold == ("yes" if right else "no")
        assert proposal.image_id not in exemplars
        assert proposal.confidence
    seen = {
        image for row in beside.values() for image in (*row.exemplars, *row.confusable_exemplars)
    }
    assert not seen & {proposal.image_id for proposal in gold}


def test_earlier_answers_are_asked_again_once_and_stand_beside_nothing(
    alone: Factory, play: Callable[[int], int]
) -> None:
    project_id = alone.project(
        "audits",
        seeds=[flowers(3, 0, 4), flowers(4, 0, 4)],
        pool=[*flowers(3, 4, 44), *flowers(4, 4, 44)],
        threshold=0.0,
        audit_share=0.2,
    )
    first = play(project_id)
    assert all(row.audits is None for row in proposals_of(alone, first).values())
    with alone.transaction() as session:
        asked = session.scalars(select(Proposal).order_by(Proposal.id)).all()
        # Of each four two are accepted, one is refused, and one is asked about again anyway. What
        # is shown as an exemplar, nine of a category, cannot be asked about.
        for place, proposal in enumerate(asked):
            if place % 4 < 3:
                answer = "yes" if place % 4 else "no"
                factories.answer(session, proposal, alone.lead, answer)
        earlier = {row.id: row for row in session.scalars(select(Decision))}
        ended = session.get_one(Round, first)
        assert ended.labeling_at is not None
        close_round(session, session.get_one(Project, project_id), 1, ended.labeling_at)
    second = play(project_id)
    proposals, beside = proposals_of(alone, second), contrasts_of(alone, second)
    audits = [each for each in proposals.values() if each.audits is not None]
    real = [each for each in proposals.values() if each.gold is None]
    assert len(audits) == round(0.2 * len(real)) > 2
    assert {each.gold for each in audits} == {"yes", "no"}
    confidences = {each.confidence for each in real}
    before = {row.id: row for row in asked}
    for each in audits:
        assert each.audits is not None
        decision = earlier[each.audits]
        asked_then = before[decision.proposal_id]
        assert decision.answer == each.gold
        assert (asked_then.image_id, asked_then.category_id) == (each.image_id, each.category_id)
        assert each.confidence in confidences
    seen = {
        image
        for row in beside.values()
        for image in (*row.exemplars, *row.confusable_exemplars, *row.rejected)
    }
    assert not seen & {each.image_id for each in audits}
    with alone.transaction() as session:
        again = session.get_one(Round, second)
        assert (again.gold, again.proposals) == (len(audits), len(real))
        ready = again.labeling_at
        assert ready is not None
        examples = len(session.scalars(select(Example)).all())
        # A labeler contradicts all of them: nothing of the dataset changes by itself.
        for each in session.scalars(select(Proposal).where(Proposal.audits.is_not(None))):
            contrary = "no" if each.gold == "yes" else "yes"
            factories.answer(session, each, alone.lead, contrary)
        close_round(session, session.get_one(Project, project_id), 2, ready)
        assert len(session.scalars(select(Example)).all()) == examples
        unseen = select(Candidate.image_id).where(
            Candidate.image_id.in_([each.image_id for each in audits if each.gold == "no"])
        )
        assert len(session.scalars(unseen).all()) == sum(each.gold == "no" for each in audits)
    third = play(project_id)
    asked_again = {each.audits for each in proposals_of(alone, third).values()} - {None}
    assert not asked_again & {each.audits for each in audits}
