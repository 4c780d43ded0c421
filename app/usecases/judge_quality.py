"""How well a project is labeled: each labeler, their agreement, and what the audits say."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations

from sqlalchemy.orm import Session

from app.db import quality_queries as queries
from app.db.quality_queries import LabelerCounts, Voted
from app.db.tables import Project, Round
from app.domain.agreement import cohen_kappa, fleiss_kappa, histogram, krippendorff_alpha
from app.domain.audit import Rate, Stratum, audit_rate, wilson
from app.domain.consensus import dawid_skene, uninformed
from app.domain.decision import Answer


@dataclass(frozen=True)
class LabelerQuality:
    """One labeler in a round.

    Attributes:
        counts: What they answered.
        gold: The share of known answers that they got right; None without any.
        agreed: The share of others' answers to the same questions that theirs equal.
        compared: How many of those.
        informed: How far their answers depend on the truth, by Dawid and Skene; 0 is chance.
        suspect: Whether that is so little that their answers should be looked at.
    """

    counts: LabelerCounts
    gold: Rate | None
    agreed: float | None
    compared: int
    informed: float | None
    suspect: bool


@dataclass(frozen=True)
class Pair:
    """Two labelers who answered the same questions. `kappa` is Cohen's."""

    first: str
    second: str
    questions: int
    kappa: float | None


@dataclass(frozen=True)
class AuditResult:
    """What asking again found about earlier answers of one kind.

    Attributes:
        earlier: How many there are in the rounds that were sampled.
        asked: How many were asked again and answered.
        wrong: How many were wrong, by a lead's word.
        pending: Contradictions that wait for the lead.
        rate: The estimated share of wrong ones; None before anything was asked.
    """

    earlier: int
    asked: int
    wrong: int
    pending: int
    rate: Rate | None


@dataclass(frozen=True)
class Quality:
    """The whole. Agreement is over `questions` that several people answered in the round."""

    round: Round | None
    labelers: tuple[LabelerQuality, ...]
    questions: int
    alpha: float | None
    fleiss: float | None
    pairs: tuple[Pair, ...]
    misses: AuditResult
    errors: AuditResult


def judge_quality(session: Session, project: Project, number: int | None = None) -> Quality:
    """Judge one round, and the audits of all.

    Args:
        session: Its transaction.
        project: The project.
        number: The round; None takes the newest that was or is labeled.
    """
    judged = queries.round_to_judge(session, project.id, number)
    counts = [] if judged is None else queries.labeler_counts(session, judged.id)
    votes = [] if judged is None else queries.votes(session, judged.id)
    by_question: dict[int, list[Voted]] = {}
    for vote in votes:
        by_question.setdefault(vote.proposal_id, []).append(vote)
    several = [of for of in by_question.values() if len(of) > 1]
    answers = histogram([vote.answer for vote in of] for of in several)
    return Quality(
        round=judged,
        labelers=_labelers(counts, list(by_question.values()), several),
        questions=len(several),
        alpha=krippendorff_alpha(answers),
        fleiss=_fleiss(several),
        pairs=_pairs(counts, several),
        misses=_audit(session, project, Answer.NO),
        errors=_audit(session, project, Answer.YES),
    )


def _fleiss(several: Sequence[Sequence[Voted]]) -> float | None:
    """Of the questions with the most usual number of answers: kappa is for equal numbers."""
    if not several:
        return None
    size = Counter(map(len, several)).most_common(1)[0][0]
    return fleiss_kappa(
        histogram([vote.answer for vote in of] for of in several if len(of) == size)
    )


def _labelers(
    counts: Sequence[LabelerCounts],
    questions: Sequence[Sequence[Voted]],
    several: Sequence[Sequence[Voted]],
) -> tuple[LabelerQuality, ...]:
    same: Counter[int] = Counter()
    compared: Counter[int] = Counter()
    for of in several:
        for vote in of:
            others = [other for other in of if other is not vote]
            compared[vote.user_id] += len(others)
            same[vote.user_id] += sum(other.answer == vote.answer for other in others)
    informed, suspects = _informed(questions)
    return tuple(
        LabelerQuality(
            counts=of,
            gold=wilson(of.gold_right, of.gold) if of.gold else None,
            agreed=same[of.user_id] / compared[of.user_id] if compared[of.user_id] else None,
            compared=compared[of.user_id],
            informed=informed.get(of.user_id),
            suspect=of.user_id in suspects,
        )
        for of in counts
    )


def _informed(questions: Sequence[Sequence[Voted]]) -> tuple[dict[int, float], set[int]]:
    known = {place: of[0].known for place, of in enumerate(questions) if of[0].known is not None}
    several = [place for place, of in enumerate(questions) if len(of) > 1 or place in known]
    votes = [[(vote.user_id, vote.answer) for vote in questions[place]] for place in several]
    if len({answer for of in votes for _, answer in of}) < 2:  # noqa: PLR2004 - nothing differs
        return {}, set()
    places = {place: index for index, place in enumerate(several)}
    # A person or two who gave some answers are imagined to have given a few more of each kind.
    found = dawid_skene(
        votes, known={places[place]: truth for place, truth in known.items()}, smoothing=1
    )
    given = Counter(who for of in votes for who, _ in of)
    return {who: found.informed(who) for who in given}, set(uninformed(found, given))


def _pairs(counts: Sequence[LabelerCounts], several: Sequence[Sequence[Voted]]) -> tuple[Pair, ...]:
    names = {of.user_id: of.name for of in counts}
    tables: dict[tuple[int, int], Counter[tuple[str, str]]] = {}
    for of in several:
        for one, other in combinations(sorted(of, key=lambda vote: vote.user_id), 2):
            table = tables.setdefault((one.user_id, other.user_id), Counter())
            table[one.answer, other.answer] += 1
    return tuple(
        Pair(names[one], names[other], table.total(), cohen_kappa(table))
        for (one, other), table in sorted(tables.items(), key=lambda item: -item[1].total())
    )


def _audit(session: Session, project: Project, earlier: Answer) -> AuditResult:
    sizes = queries.answered_before(session, project.id)
    strata = [
        Stratum(max(sizes.get(round_id, {}).get(earlier.value, 0), asked), asked, wrong, pending)
        for round_id, answer, asked, wrong, pending in queries.audited(session, project.id)
        if answer == earlier
    ]
    return AuditResult(
        earlier=sum(each.size for each in strata),
        asked=sum(each.asked for each in strata),
        wrong=sum(each.wrong for each in strata),
        pending=sum(each.pending for each in strata),
        rate=audit_rate(strata),
    )
