"""Keep the counts of a round by user, in the transaction that changes its proposals."""

from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager

from sqlalchemy import select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from app.db.tables import Proposal, Round, Tally
from app.domain.progress import Count, Progress, Shares, Standing, progress, shares


def standing(proposal: Proposal) -> Standing:
    """How a proposal stands."""
    return Standing(
        answer=proposal.answer,
        answered_by=proposal.answered_by,
        gold=proposal.gold is not None,
        stage=proposal.stage,
        picked_by=proposal.picked_by,
        barred=tuple(proposal.barred),
    )


class Changes:
    """What a transaction changes in the counts of a round, to be written once, at its end."""

    def __init__(self) -> None:
        self.shares: Shares = Counter()

    @contextmanager
    def of(self, proposal: Proposal) -> Iterator[None]:
        """Whatever happens to the locked proposal inside is counted."""
        before = shares(standing(proposal))
        yield
        self.shares.update(shares(standing(proposal)))
        self.shares.subtract(before)

    def add(self, proposal: Proposal) -> None:
        """A new proposal is counted."""
        self.shares.update(shares(standing(proposal)))

    def take(self, others: "Changes") -> None:
        """The changes of a part of the transaction."""
        self.shares.update(others.shares)

    def write(self, session: Session, round_id: int) -> None:
        """Add the changes to the counts.

        Each transaction does this once and last, in order of user: two that change the counts of
        the same users then wait for each other at most, and never in a circle.
        """
        by_user: dict[int, dict[str, int]] = {}
        for (user_id, count), number in self.shares.items():
            if number:
                by_user.setdefault(user_id, {})[count.value] = number
        self.shares = Counter()
        if not by_user:
            return
        rows = [
            {"round_id": round_id, "user_id": user_id}
            | {count.value: by_user[user_id].get(count.value, 0) for count in Count}
            for user_id in sorted(by_user)
        ]
        query = insert(Tally).values(rows)
        columns = Tally.__table__.columns
        session.execute(
            query.on_conflict_do_update(
                index_elements=["round_id", "user_id"],
                set_={
                    count.value: columns[count.value] + query.excluded[count.value]
                    for count in Count
                },
            )
        )


def progress_of(session: Session, labeling: Round, user_id: int, *, leads: bool) -> Progress:
    """How far a round is, for one of its labelers; reads one row for each user of the round."""
    columns = Tally.__table__.columns
    rows = session.execute(
        select(Tally.user_id, *(columns[count.value] for count in Count)).where(
            Tally.round_id == labeling.id
        )
    )
    counts = [(row[0], dict(zip(Count, row[1:], strict=True))) for row in rows]
    asked = (labeling.proposals or 0) + labeling.gold
    return progress(asked, counts, user_id, leads=leads)
