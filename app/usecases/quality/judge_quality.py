"""How well a project is labeled: each labeler, their agreement, and what the audits say."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy.orm import Session

from app.db import quality_queries as queries
from app.db.quality_queries import Audited
from app.db.tables import Project, Round, RoundQuality
from app.domain.audit import Rate, Stratum, audit_rate, wilson
from app.domain.decision import Answer


@dataclass(frozen=True)
class LabelerQuality:
    """One labeler in a round; what was taken back does not count.

    Attributes:
        login: Names them in addresses.
        name: Names them on pages.
        yes: How often they said so.
        no: How often they said so.
        unsure: How often they were.
        median_seconds: For an answer; None when none came with its time.
        gold: Known questions that they answered with yes or no.
        gold_right: How many of these were right.
        gold_rate: The share of them; None without any.
        agreed: The share of others' answers to the same questions that theirs equal.
        compared: How many of those.
        modelled: How many of their answers Dawid and Skene's model was made from.
        accuracy: The share of their answers that is right, by that model.
        informed: How far their answers depend on the truth, by that model; 0 is chance.
        suspect: Whether that is so little that their answers should be looked at.
    """

    login: str
    name: str
    yes: int
    no: int
    unsure: int
    median_seconds: float | None
    gold: int
    gold_right: int
    gold_rate: Rate | None
    agreed: float | None
    compared: int
    modelled: int
    accuracy: float | None
    informed: float | None
    suspect: bool


@dataclass(frozen=True)
class PairQuality:
    """Two labelers, by name, who answered the same questions. `kappa` is Cohen's."""

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
    """The whole, as a worker counted it last.

    Attributes:
        round: The round; None before one is labeled.
        counted_at: When; None before the first count.
        labelers: Who answered, by login.
        questions: Questions that several people answered: agreement is over these.
        alpha: Krippendorff's.
        fleiss: Fleiss' kappa.
        pairs: Those who met most often first.
        misses: Refused pictures that are of the category after all, of all rounds.
        errors: Accepted pictures that are not of the category, of all rounds.
    """

    round: Round | None
    counted_at: datetime | None
    labelers: tuple[LabelerQuality, ...]
    questions: int
    alpha: float | None
    fleiss: float | None
    pairs: tuple[PairQuality, ...]
    misses: AuditResult
    errors: AuditResult

    @property
    def answers(self) -> int:
        """How many answers were counted."""
        return sum(each.yes + each.no + each.unsure for each in self.labelers)


def judge_quality(session: Session, project: Project, number: int | None = None) -> Quality:
    """Judge one round, and the audits of all.

    Args:
        session: Its transaction.
        project: The project.
        number: The round; None takes the newest with answers.
    """
    judged = queries.round_to_judge(session, project.id, number)
    counted = {each.round_id: each for each in queries.figures_of(session, project.id)}
    kept = None if judged is None else counted.get(judged.id)
    figures = _figures(kept)
    people = queries.people(session, [each["user_id"] for each in figures.get("labelers", ())])
    audits = [Audited(**each) for of in counted.values() for each in _figures(of)["audits"]]
    sizes = queries.answered_before(session, project.id) if audits else {}
    return Quality(
        round=judged,
        counted_at=None if kept is None else kept.counted_at,
        labelers=_labelers(figures.get("labelers", ()), people),
        questions=figures.get("questions", 0),
        alpha=figures.get("alpha"),
        fleiss=figures.get("fleiss"),
        pairs=tuple(
            PairQuality(
                people[of["first"]][1], people[of["second"]][1], of["questions"], of["kappa"]
            )
            for of in figures.get("pairs", ())
        ),
        misses=_audit(audits, sizes, Answer.NO),
        errors=_audit(audits, sizes, Answer.YES),
    )


def _figures(kept: RoundQuality | None) -> Mapping[str, Any]:
    return {} if kept is None or kept.figures is None else kept.figures


def _labelers(
    figures: Sequence[Mapping[str, Any]], people: Mapping[int, tuple[str, str]]
) -> tuple[LabelerQuality, ...]:
    found = [_labeler(dict(of), *people[of["user_id"]]) for of in figures]
    return tuple(sorted(found, key=lambda of: of.login))


def _labeler(of: dict[str, Any], login: str, name: str) -> LabelerQuality:
    del of["user_id"]
    agreed, gold = of.pop("agreed"), of["gold"]
    return LabelerQuality(
        login=login,
        name=name,
        gold_rate=wilson(of["gold_right"], gold) if gold else None,
        agreed=agreed / of["compared"] if of["compared"] else None,
        **of,
    )


def _audit(
    audits: Sequence[Audited], sizes: Mapping[int, Mapping[str, int]], earlier: Answer
) -> AuditResult:
    """The strata are the rounds of the earlier answers, whichever rounds asked again."""
    asked: Counter[int] = Counter()
    wrong: Counter[int] = Counter()
    pending: Counter[int] = Counter()
    for each in audits:
        if each.answer == earlier:
            asked[each.round_id] += each.asked
            wrong[each.round_id] += each.wrong
            pending[each.round_id] += each.pending
    strata = [
        Stratum(
            max(sizes.get(round_id, {}).get(earlier.value, 0), number),
            number,
            wrong[round_id],
            pending[round_id],
        )
        for round_id, number in asked.items()
    ]
    return AuditResult(
        earlier=sum(each.size for each in strata),
        asked=asked.total(),
        wrong=wrong.total(),
        pending=pending.total(),
        rate=audit_rate(strata),
    )
