"""A lead decides who was right: where labelers disagree, are unsure, or contradict an earlier answer."""

from dataclasses import dataclass

from sqlalchemy import select, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from app.db.tables import (
    Candidate,
    Decision,
    Example,
    HardNegative,
    Image,
    Project,
    Proposal,
    WithdrawnImage,
)
from app.domain.dataset import Split
from app.domain.decision import Answer, Stage
from app.domain.errors import (
    AlreadyDecidedError,
    InvalidError,
    KeyReusedError,
    NotWaitingError,
    RoundClosedError,
)
from app.domain.round import RoundState, bucket_of
from app.usecases.dataset.freeze_dataset import next_version
from app.usecases.label.holder import check_key
from app.usecases.label.lease import end_lease
from app.usecases.label.log import (
    Entry,
    append,
    find_by_key,
    lock_proposal,
    refuse_taken_down,
)
from app.usecases.label.tallies import Changes
from app.usecases.quality.count_quality import outdate


@dataclass(frozen=True)
class Adjudicated:
    """A lead's decision, and whether the dataset was mended by it."""

    decision: Decision
    mended: bool
    replayed: bool


def adjudicate(
    session: Session, project: Project, lead_id: int, proposal_id: int, answer: Answer, key: str
) -> Adjudicated:
    """Settle a proposal that waits for a lead, exactly once for each idempotency key.

    Where an earlier answer was wrong, S and H are mended: what was accepted leaves S and joins H as
    no example of the category, what was refused leaves H and joins S. It counts from the next
    dataset version on; earlier ones stay as they are.

    Raises:
        NotFoundError: when the project has no such proposal.
        TakenDownError: when the picture was taken down.
        NotWaitingError: when it does not wait for a lead.
        AlreadyDecidedError: when somebody was faster.
        RoundClosedError: when its round is over, unless an earlier answer is contradicted.
        KeyReusedError: when the key came with something else before.
        InvalidError: for an undo or an unusable key.
    """
    check_key("idempotency_key", key)
    if answer is Answer.UNDO:
        raise InvalidError("answer", "Answer yes, no or unsure.")
    # Before the round and the proposal, as whoever makes a dataset version locks them.
    session.execute(select(Project.id).where(Project.id == project.id).with_for_update())
    labeling, proposal = lock_proposal(session, project, proposal_id)
    earlier = find_by_key(session, lead_id, key)
    if earlier is not None:
        if (earlier.proposal_id, earlier.answer) != (proposal.id, answer):
            raise KeyReusedError(key)
        return Adjudicated(earlier, proposal.adjudicated and _differs(proposal), replayed=True)
    refuse_taken_down(session, proposal)
    if proposal.adjudicated:
        raise AlreadyDecidedError(proposal.id)
    contradicts = proposal.audits is not None and proposal.answer is not None
    if contradicts:
        if not _differs(proposal):
            raise NotWaitingError(proposal.id)
    else:
        if labeling.state != RoundState.LABELING:
            raise RoundClosedError(labeling.number)
        if proposal.answer is not None:
            raise AlreadyDecidedError(proposal.id)
        if proposal.stage != Stage.LEAD:
            raise NotWaitingError(proposal.id)
    decision = append(session, proposal, Entry(lead_id, answer, key))
    changes = Changes()
    with changes.of(proposal):
        _settle(proposal, lead_id, answer)
        proposal.adjudicated = contradicts
    mended = contradicts and _differs(proposal) and _mend(session, project, proposal, decision)
    session.flush()
    changes.write(session, labeling.id)
    outdate(session, labeling.id)
    return Adjudicated(decision, mended, replayed=False)


def _differs(proposal: Proposal) -> bool:
    """Whether a question that was asked again got the other answer than before."""
    return proposal.answer in (Answer.YES, Answer.NO) and proposal.answer != proposal.gold


def _settle(proposal: Proposal, lead_id: int, answer: Answer) -> None:
    before = proposal.answered_by
    if before is not None and before not in proposal.barred:
        proposal.barred = [*proposal.barred, before]
    proposal.barred = [user_id for user_id in proposal.barred if user_id != lead_id]
    proposal.answer, proposal.answered_by, proposal.in_force = answer, lead_id, None
    end_lease(proposal)


def _mend(session: Session, project: Project, proposal: Proposal, decision: Decision) -> bool:
    """Change S and H for the next version; False when what was wrong is in force no more."""
    version = next_version(session, project)
    was_example = proposal.gold == Answer.YES
    table = Example if was_example else HardNegative
    left = session.execute(
        update(table)
        .where(
            table.image_id == proposal.image_id,
            table.category_id == proposal.category_id,
            table.to_version.is_(None),
        )
        .values(to_version=version)
        .returning(table.id)
    ).all()
    if not left:
        return False
    row: dict[str, object] = {
        "project_id": project.id,
        "image_id": proposal.image_id,
        "category_id": proposal.category_id,
        "round_id": proposal.round_id,
        "decision_id": decision.id,
        "from_version": version,
    }
    if was_example:
        session.execute(insert(HardNegative).values(row).on_conflict_do_nothing())
        if session.get(WithdrawnImage, proposal.image_id) is not None:
            return True
        image = session.get_one(Image, proposal.image_id)
        candidate = {
            "image_id": image.id,
            "project_id": project.id,
            "bucket": bucket_of(image.sha256),
        }
        session.execute(insert(Candidate).values(candidate).on_conflict_do_nothing())
        return True
    row["split"] = Split.TRAIN.value
    # An image that became an example of another category meanwhile stays that.
    session.execute(insert(Example).values(row).on_conflict_do_nothing())
    candidate_row = session.get(Candidate, proposal.image_id)
    if candidate_row is not None:
        session.delete(candidate_row)
    return True
