"""What a project has behind it: rounds that were labeled and closed, sources, the log of events.

The answers are written by SQL, and the rounds are closed by the product: what it keeps of a closed
round is what a project of that age would have.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Final

from sqlalchemy import insert, text
from sqlalchemy.orm import Session

from app.db.tables import Job, ModelVersion, Project, Round
from app.domain.event import Verb
from app.domain.job import JobKind, JobState
from app.domain.round import BUCKETS, RoundState
from app.usecases.dataset.freeze_dataset import freeze_dataset
from app.usecases.rounds.end_round import close_round

ROUNDS: Final = 5
"""Closed ones; the open round holds as many decisions as each of them."""
EVENTS: Final = 100_000
STEPS: Final = 4000  # of a training, of which each hundredth is kept
TWICE: Final = 20  # each so-manieth proposal was answered by two people
GOLD: Final = 100  # the answer of each so-manieth was known


@dataclass(frozen=True)
class History:
    """What is written.

    Attributes:
        decisions: Of all rounds together, about: some proposals are answered twice.
        categories: How many there are; their ids are consecutive.
        first: The first of these ids.
        users: Who answers, by ids; the first is the lead, who does not.
    """

    decisions: int
    categories: int
    first: int
    users: Sequence[int]

    @property
    def proposals(self) -> int:
        """Of each round that are answered."""
        return int(self.decisions / (ROUNDS + 1) / (1 + 1 / TWICE))


# Each round asks about other pictures of the pool, category by category, as publishing writes them.
_PROPOSALS = text(
    """
    INSERT INTO proposal (round_id, image_id, category_id, confidence, position)
    SELECT :round, image_id, :first + place * :categories / :proposals, 0.5 + random() / 2, place
    FROM (
        SELECT image_id, row_number() OVER () - 1 AS place FROM (
            SELECT image_id FROM candidate WHERE project_id = :project
            ORDER BY hashint4extended(image_id, :number) LIMIT :proposals
        ) AS best
    ) AS chosen
    """
)
_COUNTS = text(
    """
    INSERT INTO round_category (round_id, category_id, proposals, expected_precision)
    SELECT round_id, category_id, count(*), 0.5 + random() / 2 FROM proposal
    WHERE round_id = :round GROUP BY round_id, category_id
    """
)
_EXEMPLARS = text(
    """
    INSERT INTO exemplar (round_id, category_id, position, image_id)
    SELECT :round, category_id, place - 1, image_id FROM (
        SELECT category_id, image_id,
               row_number() OVER (PARTITION BY category_id ORDER BY image_id) AS place
        FROM example WHERE project_id = :project AND to_version IS NULL
    ) AS chosen WHERE place <= 6
    """
)
# Two in five are right, one in ten nobody is sure of. The two sums are dice.
_ANSWER = text(
    """
    UPDATE proposal SET
        answer = (ARRAY['yes', 'yes', 'yes', 'yes', 'no', 'no', 'no', 'no', 'no', 'unsure'])
            [1 + (hashint4(image_id) & 65535) % 10],
        gold = CASE WHEN position % :gold = 1 THEN
            (ARRAY['yes', 'no'])[1 + (hashint4(image_id) & 255) % 2] END,
        answered_by = (CAST(:users AS int[]))[1 + position % cardinality(CAST(:users AS int[]))],
        decisions = CASE WHEN position % :twice = 0 THEN 2 ELSE 1 END,
        wanted = CASE WHEN position % :twice = 0 THEN 2 ELSE 1 END
    WHERE round_id = :round AND position < :proposals
    """
)
_DECISIONS = text(
    """
    INSERT INTO decision
        (proposal_id, user_id, answer, ordinal, stage, idempotency_key, seconds, created_at)
    SELECT id,
           CASE WHEN place = decisions THEN answered_by ELSE
               (CAST(:users AS int[]))[1 + (position + 1) % cardinality(CAST(:users AS int[]))] END,
           CASE WHEN place < decisions AND position % 3 = 0 THEN 'no' ELSE answer END,
           place, 'first', 'filled-' || id || '-' || place, 0.4 + 4 * random(),
           CAST(:began AS timestamptz) + position * interval '0.5 s'
    FROM proposal, generate_series(1, 2) AS place
    WHERE round_id = :round AND answer IS NOT NULL AND place <= decisions
    """
)
_TALLIES = text(
    """
    INSERT INTO tally (round_id, user_id, yes, no, unsure, gold)
    SELECT round_id, answered_by, count(*) FILTER (WHERE answer = 'yes' AND gold IS NULL),
           count(*) FILTER (WHERE answer = 'no' AND gold IS NULL),
           count(*) FILTER (WHERE answer = 'unsure' AND gold IS NULL),
           count(*) FILTER (WHERE gold IS NOT NULL)
    FROM proposal WHERE round_id = :round AND answer IS NOT NULL GROUP BY round_id, answered_by
    """
)
_SOURCES = text(
    """
    INSERT INTO source (image_id, url, tags, author, licence, crawled_at)
    SELECT id, 'https://host-' || id % 37 || '.example/picture/' || id, '{flower,meadow}',
           'photographer ' || id % 5000,
           (ARRAY['CC0', 'CC BY', 'CC BY-SA', 'CC BY-NC', 'public domain', NULL])[1 + id % 6], now()
    FROM image WHERE project_id = :project
    """
)
_EVENTS = text(
    """
    INSERT INTO event (project_id, user_id, verb, what, details, created_at)
    SELECT :project, (CAST(:users AS int[]))[1 + n % cardinality(CAST(:users AS int[]))],
           (CAST(:verbs AS text[]))[1 + n / 7 % cardinality(CAST(:verbs AS text[]))],
           'number ' || n % 700, '{"why": "filled"}', now() - (:events - n) * interval '1 minute'
    FROM generate_series(1, :events) AS n
    """
)


def write_past(session: Session, project: Project, history: History) -> None:
    """Sources of every picture, closed rounds with what they found, and the log."""
    session.execute(_SOURCES, {"project": project.id})
    for number in range(1, ROUNDS + 1):
        began = datetime.now(UTC) - timedelta(days=7 * (ROUNDS + 1 - number))
        made = new_round(session, project, number, history.proposals, history.proposals, began)
        place = {"project": project.id, "round": made.id, "number": number}
        place |= {"first": history.first, "categories": history.categories}
        session.execute(_PROPOSALS, place | {"proposals": history.proposals})
        session.execute(text("ANALYZE proposal"))
        session.execute(_COUNTS, place)
        session.execute(_EXEMPLARS, place)
        answer_some(session, made, history, began)
        session.execute(text("ANALYZE proposal, decision, candidate, example, hard_negative"))
        close_round(session, project, number, began + timedelta(days=6))
    verbs = {"verbs": list(Verb), "events": EVENTS}
    session.execute(_EVENTS, {"project": project.id, "users": list(history.users), **verbs})


def answer_some(session: Session, asked: Round, history: History, began: datetime) -> None:
    """Answer the first proposals of a round."""
    values = {"round": asked.id, "users": list(history.users[1:]), "began": began}
    values |= {"proposals": history.proposals, "twice": TWICE, "gold": GOLD}
    for statement in (_ANSWER, _DECISIONS, _TALLIES):
        session.execute(statement, values)


def new_round(
    session: Session,
    project: Project,
    number: int,
    candidates: int,
    proposals: int,
    began: datetime,
) -> Round:
    """A round in labeling with its jobs and its model, before its proposals."""
    version = freeze_dataset(session, project)
    made = Round(
        project_id=project.id,
        number=number,
        state=RoundState.LABELING,
        policy=project.policy,
        threshold=project.threshold,
        backbone=project.backbone,
        weights=None,
        image_size=project.image_size,
        seed=0,
        buckets=BUCKETS,
        trained_on=version.number,
        started_by=project.created_by,
        started_at=began,
        labeling_at=began,
        candidates=candidates,
        proposals=proposals,
        withheld=0,
    )
    session.add(made)
    session.flush()
    session.execute(
        insert(Job),
        [
            {
                "kind": kind,
                "round_id": made.id,
                "state": JobState.DONE,
                "step": STEPS,
                "steps": STEPS,
                "started_at": began - timedelta(minutes=9),
                "finished_at": began - timedelta(minutes=1),
            }
            for kind in (JobKind.EMBED_POOL, JobKind.TRAIN_ROUND, JobKind.SCORE_POOL)
        ],
    )
    loss = [[step, 1 / (1 + step / 1000)] for step in range(100, STEPS + 1, 100)]
    session.add(
        ModelVersion(
            project_id=project.id,
            round_id=made.id,
            blob_key=f"models/{made.id}",
            fingerprint="filled",
            config={},
            metrics={
                "top1": 0.6 + number / 50,
                "mean_class": 0.6 + number / 50,
                "tested_on": 4000,
                "curves": {"loss": loss},
            },
        )
    )
    session.flush()
    return made
