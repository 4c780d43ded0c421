"""All answers of one labeler in the open round are taken back by a lead and asked again of others."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from sqlalchemy import select
from sqlalchemy.orm import Session, aliased

from app.db.tables import Decision, Project, ProjectMember, Proposal, Round, User
from app.domain.decision import WITHDRAWN, Answer, Stage
from app.domain.errors import NotFoundError
from app.domain.round import RoundState
from app.usecases.label.lease import end_lease
from app.usecases.label.log import Entry, append
from app.usecases.label.pick import untouched
from app.usecases.label.tallies import Changes
from app.usecases.label.votes import Vote, apply_votes
from app.usecases.quality.count_quality import outdate


@dataclass(frozen=True)
class Aside:
    """What setting a labeler's answers aside does.

    Attributes:
        decisions: Answers that are taken back.
        reopened: Proposals that are open again.
        changed: Proposals that keep an answer, but another one: the others' majority.
        kept: Proposals whose answer stands, because it is somebody else's.
        withdrawn: Proposals that their picks made and that go.
        examples: Answers yes that count no more: examples less when the round closes.
        hard_negatives: Answers no that count no more: hard negatives less.
    """

    decisions: int = 0
    reopened: int = 0
    changed: int = 0
    kept: int = 0
    withdrawn: int = 0
    examples: int = 0
    hard_negatives: int = 0


def effect_of_setting_aside(session: Session, project: Project, user_id: int) -> Aside:
    """What `set_aside` would do now; nothing is written.

    Raises:
        NotFoundError: when no round is being labeled.
    """
    with session.begin_nested() as trial:
        effect = set_aside(session, project, user_id, by=user_id)
        trial.rollback()
    return effect


def set_aside(session: Session, project: Project, user_id: int, *, by: int) -> Aside:
    """Take back all that a labeler answered in the open round. They are not asked again.

    The log keeps their rows; each gets an undo by the lead. What several answered becomes the
    majority of the others, or waits for one more. An answer by somebody else stands, also where it
    came after an unsure of theirs. Doing it again finds nothing to take back.

    Raises:
        NotFoundError: when no round is being labeled.
    """
    labeling = _lock_labeling(session, project)
    decisions = _in_force(session, labeling, Decision.user_id == user_id)
    made = [each.picked_id for each in decisions if each.picked_id is not None]
    ids = {each.proposal_id for each in decisions}
    proposals = session.scalars(
        select(Proposal)
        .where(Proposal.id.in_(ids.union(made)))
        # Where labelers lock several, they do so in this order.
        .order_by(Proposal.position, Proposal.id)
        .with_for_update()
        .execution_options(populate_existing=True)
    ).all()
    theirs = _by_proposal(decisions)
    others = _by_proposal(
        _in_force(session, labeling, Decision.user_id != user_id, Decision.proposal_id.in_(ids))
    )
    members = _members(session, project)
    changes = Changes()
    outcomes = []
    for proposal in proposals:
        before = proposal.answer
        with changes.of(proposal):
            _take_back(session, proposal, user_id, by, theirs, others, members)
        outcomes.append(_Outcome(before, proposal.answer, teaches=proposal.gold is None))
    session.flush()
    changes.write(session, labeling.id)
    outdate(session, labeling.id)
    return _counted(len(decisions), outcomes)


@dataclass(frozen=True)
class _Outcome:
    """The answer of a proposal before and after; one whose answer was known teaches nothing."""

    before: str | None
    after: str | None
    teaches: bool

    def loses(self, answer: Answer) -> bool:
        return self.teaches and self.before == answer != self.after


def _counted(decisions: int, outcomes: Sequence[_Outcome]) -> Aside:
    return Aside(
        decisions=decisions,
        reopened=sum(of.before is not None and of.after is None for of in outcomes),
        changed=sum(
            None not in (of.before, of.after) and of.after not in (of.before, WITHDRAWN)
            for of in outcomes
        ),
        kept=sum(of.before is not None and of.after == of.before for of in outcomes),
        withdrawn=sum(of.after == WITHDRAWN != of.before for of in outcomes),
        examples=sum(of.loses(Answer.YES) for of in outcomes),
        hard_negatives=sum(of.loses(Answer.NO) for of in outcomes),
    )


def _lock_labeling(session: Session, project: Project) -> Round:
    """The round, locked as for its end: answers that are being written are waited for."""
    session.execute(select(Project.id).where(Project.id == project.id).with_for_update())
    labeling = session.scalar(
        select(Round)
        .where(Round.project_id == project.id, Round.state == RoundState.LABELING)
        .with_for_update()
    )
    if labeling is None:
        raise NotFoundError("round", RoundState.LABELING.value)
    return labeling


def _in_force(session: Session, labeling: Round, *conditions: object) -> Sequence[Decision]:
    undo = aliased(Decision)
    return session.scalars(
        select(Decision)
        .join(Proposal, Proposal.id == Decision.proposal_id)
        .where(
            Proposal.round_id == labeling.id,
            Decision.answer != Answer.UNDO,
            ~select(undo.id).where(undo.undoes_id == Decision.id).exists(),
            *conditions,  # type: ignore[arg-type]
        )
        .order_by(Decision.proposal_id, Decision.ordinal)
    ).all()


def _by_proposal(decisions: Sequence[Decision]) -> dict[int, list[Decision]]:
    found: dict[int, list[Decision]] = {}
    for decision in decisions:
        found.setdefault(decision.proposal_id, []).append(decision)
    return found


def _members(session: Session, project: Project) -> frozenset[int]:
    return frozenset(
        session.scalars(
            select(ProjectMember.user_id)
            .join(User, User.id == ProjectMember.user_id)
            .where(ProjectMember.project_id == project.id, User.disabled_at.is_(None))
        )
    )


def _take_back(
    session: Session,
    proposal: Proposal,
    user_id: int,
    by: int,
    theirs: Mapping[int, Sequence[Decision]],
    others: Mapping[int, Sequence[Decision]],
    members: frozenset[int],
) -> None:
    gave_answer = proposal.in_force or proposal.decisions
    for decision in theirs.get(proposal.id, ()):
        key = f"set aside {decision.id}"
        append(session, proposal, Entry(by, Answer.UNDO, key, undoes=decision.id))
    if proposal.answer == WITHDRAWN:
        return
    if proposal.picked_by == user_id and untouched(proposal):
        proposal.answer, proposal.answered_by = WITHDRAWN, None
        end_lease(proposal)
        return
    if proposal.id not in theirs:
        return
    if user_id not in proposal.barred:
        proposal.barred = [*proposal.barred, user_id]
    settled_by_one = proposal.wanted == 1 or proposal.stage == Stage.LEAD
    if proposal.answered_by not in (None, user_id) and settled_by_one:
        proposal.in_force = gave_answer if gave_answer != proposal.decisions else None
        return
    said = others.get(proposal.id, ())
    unsure = any(each.answer == Answer.UNSURE for each in said)
    proposal.stage = Stage.SECOND if unsure else Stage.FIRST
    votes = [
        Vote(each.ordinal, each.user_id, Answer(each.answer))
        for each in said
        if each.answer != Answer.UNSURE
    ]
    asked = {*proposal.barred, *(vote.user_id for vote in votes)}
    apply_votes(proposal, votes, others=bool(members - asked))
