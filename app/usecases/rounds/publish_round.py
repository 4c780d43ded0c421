"""Workers publish what they computed: each step of a round, in the transaction that ends its job."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from itertools import islice
from typing import Any

from sqlalchemy import ARRAY, Float, Integer, Text, bindparam, insert, select, text
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Session

from app.db.tables import Confusion, Exemplar, ModelVersion, Proposal, Round, RoundCategory
from app.domain.contrast import Beside
from app.domain.grid import expected_precision
from app.domain.proposing import Score
from app.domain.redundancy import RISKY_CONFIDENCE, RISKY_PRECISION, RedundancyFor
from app.domain.round import RoundEvent, RoundState, next_state
from app.usecases.rounds.tell_round import tell_round
from app.usecases.takedowns.find import taken_down


@dataclass(frozen=True)
class Trained:
    """What training made.

    `confusions` are (category, the one it was taken for, test pictures), right ones with both equal.
    """

    blob_key: str
    sha256: str
    fingerprint: str
    config: dict[str, Any]
    metrics: dict[str, Any]
    parent_id: int | None
    exemplars: Mapping[int, Sequence[int]]
    confusions: Sequence[tuple[int, int, int]] = ()


@dataclass(frozen=True)
class Scored:
    """What scoring made: the candidates seen, and the proposals in labeling order.

    `beside` has what stands beside each of these, in the same order. The candidates are also in a
    blob, with a hash over what they are: the round can be replayed from them.
    """

    image_ids: Sequence[int]
    proposals: Sequence[Score]
    withheld: int
    beside: Iterable[Beside] = ()
    candidates_key: str | None = None
    candidates_hash: str | None = None


def publish_embedded(session: Session, running: Round) -> None:
    """Features are stored shard by shard already; only the round moves on."""
    running.state = next_state(RoundState(running.state), RoundEvent.EMBEDDED)
    tell_round(session, running)


# What a lead has chosen must not be asked about; a replay finds what that was.
_KEEP_CHOSEN = text(
    """
    INSERT INTO exemplar (round_id, category_id, by_hand, position, image_id)
    SELECT :round_id, chosen.category_id, true, chosen.position, chosen.image_id
    FROM chosen_exemplar AS chosen JOIN category ON category.id = chosen.category_id
    WHERE category.project_id = :project_id
    """
)


def publish_trained(session: Session, running: Round, trained: Trained) -> None:
    """Store the model version and the exemplars, and move the round on."""
    model = ModelVersion(
        project_id=running.project_id,
        round_id=running.id,
        parent_id=trained.parent_id,
        blob_key=trained.blob_key,
        sha256=trained.sha256,
        fingerprint=trained.fingerprint,
        config=trained.config,
        metrics=trained.metrics,
    )
    session.add(model)
    session.flush()
    if trained.confusions:
        session.execute(
            insert(Confusion),
            [
                {"model_id": model.id, "category_id": of, "taken_for_id": other, "pictures": number}
                for of, other, number in trained.confusions
            ],
        )
    gone = taken_down(session, running.project_id)
    rows = [
        {"round_id": running.id, "category_id": category, "position": position, "image_id": image}
        for category, images in trained.exemplars.items()
        for position, image in enumerate(images)
        if image not in gone
    ]
    if rows:
        session.execute(insert(Exemplar), rows)
    session.execute(_KEEP_CHOSEN, {"round_id": running.id, "project_id": running.project_id})
    running.state = next_state(RoundState(running.state), RoundEvent.TRAINED)
    tell_round(session, running)


# Joined with the pool: a candidate that was seeded as an example or taken down meanwhile is asked
# about no more. A question with a known answer shows an example, unless that was taken down.
_INSERT_PROPOSALS = text(
    """
    INSERT INTO proposal (round_id, image_id, category_id, confidence, position, gold, audits)
    SELECT :round_id, made.image_id, made.category_id, made.confidence, made.position, made.gold,
           made.audits
    FROM unnest(:images, :categories, :confidences, :positions, :gold, :audits)
         AS made (image_id, category_id, confidence, position, gold, audits)
    LEFT JOIN candidate ON candidate.image_id = made.image_id
    WHERE candidate.image_id IS NOT NULL OR (made.gold IS NOT NULL AND made.image_id NOT IN (
        SELECT image.id FROM image
        WHERE image.project_id = :project_id AND image.taken_down_at IS NOT NULL
    ))
    """
).bindparams(
    bindparam("images", type_=ARRAY(Integer)),
    bindparam("categories", type_=ARRAY(Integer)),
    bindparam("confidences", type_=ARRAY(Float)),
    bindparam("positions", type_=ARRAY(Integer)),
    bindparam("gold", type_=ARRAY(Text)),
    bindparam("audits", type_=ARRAY(Integer)),
)

_INSERT_CONTRASTS = text(
    """
    INSERT INTO contrast
        (proposal_id, exemplars, confusable_id, confusable_exemplars, rejected, likely)
    SELECT proposal.id, made.exemplars, made.confusable_id, made.confusable_exemplars,
           made.rejected, made.likely
    FROM jsonb_to_recordset(:rows) AS made
        (image_id int, category_id int, exemplars int[], confusable_id int,
         confusable_exemplars int[], rejected int[], likely int[])
    JOIN proposal ON proposal.round_id = :round_id AND proposal.image_id = made.image_id
        AND proposal.category_id = made.category_id
    """
).bindparams(bindparam("rows", type_=JSONB))
_CONTRASTS_AT_ONCE = 5000

_MARK_VISITED = text(
    """
    UPDATE candidate SET last_round = :number
    FROM unnest(:images) AS seen (image_id) WHERE candidate.image_id = seen.image_id
    """
).bindparams(bindparam("images", type_=ARRAY(Integer)))


_ANSWERED_BEFORE = text(
    """
    SELECT category_id, count(*) FILTER (WHERE answer = 'yes'), count(*) FILTER (WHERE answer = 'no')
    FROM proposal JOIN round ON round.id = proposal.round_id
    WHERE round.project_id = :project_id AND round.state = 'closed' AND proposal.gold IS NULL
      AND proposal.answer IN ('yes', 'no')
    GROUP BY category_id
    """
)
_ASKED_NOW = text(
    """
    SELECT category_id, count(*), avg(confidence) FROM proposal
    WHERE round_id = :round_id AND gold IS NULL GROUP BY category_id
    """
)


def _expect(session: Session, running: Round) -> None:
    """Keep what share of right proposals to expect of each category of the round."""
    before = {
        category_id: (yes, no)
        for category_id, yes, no in session.execute(
            _ANSWERED_BEFORE, {"project_id": running.project_id}
        )
    }
    session.add_all(
        RoundCategory(
            round_id=running.id,
            category_id=category_id,
            proposals=number,
            expected_precision=expected_precision(*before.get(category_id, (0, 0)), confidence),
        )
        for category_id, number, confidence in session.execute(_ASKED_NOW, {"round_id": running.id})
    )


_WANT_SEVERAL = text(
    """
    UPDATE proposal SET wanted = :redundancy
    FROM round_category AS of
    WHERE proposal.round_id = :round_id
      AND of.round_id = proposal.round_id AND of.category_id = proposal.category_id
      AND (:all OR of.expected_precision BETWEEN :low AND :high OR proposal.confidence < :sure)
    """
)


def _want_several(session: Session, running: Round) -> None:
    """Keep how many labelers each proposal needs; known questions are like the others."""
    if running.redundancy == 1:
        return
    low, high = RISKY_PRECISION
    session.flush()
    session.execute(
        _WANT_SEVERAL,
        {
            "round_id": running.id,
            "redundancy": running.redundancy,
            "all": running.redundancy_for == RedundancyFor.ALL,
            "low": low,
            "high": high,
            "sure": RISKY_CONFIDENCE,
        },
    )


def _insert_contrasts(session: Session, running: Round, scored: Scored) -> None:
    beside = iter(zip(scored.proposals, scored.beside, strict=False))
    while part := list(islice(beside, _CONTRASTS_AT_ONCE)):
        rows = [
            {"image_id": proposal.image_id, "category_id": proposal.category_id, **asdict(each)}
            for proposal, each in part
        ]
        session.execute(_INSERT_CONTRASTS, {"round_id": running.id, "rows": rows})


def _dropped(session: Session, running: Round, proposals: Sequence[Score]) -> list[int]:
    asked = set(
        session.scalars(select(Proposal.image_id).where(Proposal.round_id == running.id)).all()
    )
    return [each.image_id for each in proposals if each.image_id not in asked]


def publish_scored(session: Session, running: Round, scored: Scored, now: datetime) -> None:
    """Insert the proposals, mark the candidates as visited, and hand the round to the labelers."""
    proposals = scored.proposals
    inserted = session.execute(
        _INSERT_PROPOSALS,
        {
            "round_id": running.id,
            "project_id": running.project_id,
            "images": [proposal.image_id for proposal in proposals],
            "categories": [proposal.category_id for proposal in proposals],
            "confidences": [proposal.confidence for proposal in proposals],
            "positions": list(range(len(proposals))),
            "gold": [proposal.gold for proposal in proposals],
            "audits": [proposal.audits for proposal in proposals],
        },
    )
    _insert_contrasts(session, running, scored)
    session.execute(_MARK_VISITED, {"number": running.number, "images": list(scored.image_ids)})
    _expect(session, running)
    _want_several(session, running)
    running.candidates = len(scored.image_ids)
    running.gold = sum(proposal.gold is not None for proposal in proposals)
    running.proposals = inserted.rowcount - running.gold  # type: ignore[attr-defined]
    running.withheld = scored.withheld
    running.candidates_key = scored.candidates_key
    running.candidates_hash = scored.candidates_hash
    if inserted.rowcount < len(proposals):  # type: ignore[attr-defined]
        running.dropped = _dropped(session, running, proposals)
    running.labeling_at = now
    running.state = next_state(RoundState(running.state), RoundEvent.SCORED)
    tell_round(session, running)
