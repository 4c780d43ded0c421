"""The numbers of a round, of its categories, and how two rounds differ in them.

What is not known is a dash with its reason; nothing is estimated in its place.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from sqlalchemy.orm import Session

from app.db import round_queries
from app.db.queries import RoundSummary
from app.domain.audit import Rate, wilson
from app.domain.cost import Effort
from app.domain.decision import Tally
from app.domain.job import JobKind
from app.domain.round import UNFINISHED, RoundState
from app.web.pages.rounds import NumberCell, NumberLine, NumberPair
from app.web.words import JOBS, NONE, Words, count, marked


@dataclass(frozen=True)
class RoundNumbers:
    """A round as numbers.

    Attributes:
        number: Its own.
        state: Where it stands.
        model_id: The model version that it trained.
        tested_on: Test pictures; None before training.
        top1, mean_class: Accuracies on these.
        proposals: Questions, with those that picks added; None before scoring.
        tally: The answers in force.
        effort: What people gave; None where nobody measured it.
        seconds: How long each step took, and labeling from its first to its last moment.
    """

    number: int
    state: RoundState
    model_id: int | None
    tested_on: int | None
    top1: Rate | None
    mean_class: Rate | None
    proposals: int | None
    tally: Tally
    effort: Effort | None
    seconds: Mapping[str, float]

    @property
    def precision(self) -> Rate | None:
        """Yes of yes and no."""
        return precision_of(self.tally)

    @property
    def labeled(self) -> bool:
        """Whether its cost is final and its answers count."""
        return self.state is RoundState.CLOSED


LABELING = "labeling"


def precision_of(tally: Tally) -> Rate | None:
    """Yes of yes and no, with Wilson's interval."""
    judged = tally.yes + tally.no
    return wilson(tally.yes, judged) if judged else None


def numbers_of(session: Session, summaries: Sequence[RoundSummary]) -> list[RoundNumbers]:
    """The numbers of rounds, in two questions to the database however many they are."""
    kept = round_queries.efforts(session, [each.round.id for each in summaries])
    for each in summaries:
        if each.round.state == RoundState.LABELING and each.given:
            pace = round_queries.pace(session, each.round)
            kept[each.round.id] = Effort(each.given, pace.timed, pace.seconds, pace.median)
    return [_numbers(each, kept.get(each.round.id)) for each in summaries]


def _numbers(summary: RoundSummary, effort: Effort | None) -> RoundNumbers:
    of, metrics = summary.round, summary.metrics
    tested = metrics.get("tested_on", 0) if summary.model_id is not None else None
    return RoundNumbers(
        number=of.number,
        state=RoundState(of.state),
        model_id=summary.model_id,
        tested_on=tested,
        top1=wilson(round(metrics["top1"] * tested), tested) if tested else None,
        mean_class=_mean_class(metrics) if tested else None,
        proposals=None if of.proposals is None else of.proposals + summary.picked,
        tally=summary.tally,
        effort=effort,
        seconds=dict(_seconds(summary)),
    )


def _mean_class(metrics: Mapping[str, float]) -> Rate:
    """Without an interval where none was kept: rounds before it was."""
    mean = metrics["mean_class"]
    return Rate(mean, metrics.get("mean_class_low", mean), metrics.get("mean_class_high", mean))


def _seconds(summary: RoundSummary) -> Iterator[tuple[str, float]]:
    for job in summary.jobs:
        if job.state == "done" and job.started_at and job.finished_at:
            yield job.kind, (job.finished_at - job.started_at).total_seconds()
    of = summary.round
    if of.labeling_at and of.ended_at:
        yield LABELING, (of.ended_at - of.labeling_at).total_seconds()


# What is shown of a round, in this order.


def _untested(of: RoundNumbers) -> str:
    if of.tested_on is not None:
        return marked("no test split")
    return marked("not trained yet") if of.state in UNFINISHED else marked("never trained")


def _unscored(of: RoundNumbers) -> str:
    return marked("not scored yet") if of.state in UNFINISHED else marked("never scored")


def _unjudged(_: RoundNumbers) -> str:
    return marked("no yes or no")


def _unmeasured(of: RoundNumbers) -> str:
    if of.effort is None:
        cancelled = of.state is RoundState.CANCELLED
        return marked("not measured: the round was cancelled") if cancelled else marked("no answer")
    if not of.tally.yes:
        return marked("no yes")
    return marked("no answer came with its time")


def _unpaced(of: RoundNumbers) -> str:
    return _unmeasured(of) if of.effort is None else marked("no answer came with its time")


def _unfinished(of: RoundNumbers) -> str:
    return marked("not finished") if of.state in UNFINISHED else marked("never finished")


def _untrained(of: RoundNumbers) -> str:
    return marked("not trained yet") if of.state in UNFINISHED else marked("never trained")


def _count(_: Words, value: float) -> str:
    return count(round(value))


def _hundredths(words: Words, value: float) -> str:
    return words.decimal(value, 2)


def _share(of: Callable[[RoundNumbers], Rate | None]) -> Callable[[RoundNumbers], float | None]:
    def share(numbers: RoundNumbers) -> float | None:
        rate = of(numbers)
        return None if rate is None else rate.share

    return share


@dataclass(frozen=True)
class _Quantity:
    """A number that a round has.

    Attributes:
        label: What it is called.
        value: Takes it out of a round.
        shown: As text.
        missing: Why it is not there.
        rate: Its interval, for shares.
        compares: Whether a difference of two means something.
    """

    label: str
    value: Callable[[RoundNumbers], float | None]
    shown: Callable[[Words, float], str]
    missing: Callable[[RoundNumbers], str]
    rate: Callable[[RoundNumbers], Rate | None] | None = None
    compares: bool = True


def _rated(
    label: str,
    rate: Callable[[RoundNumbers], Rate | None],
    missing: Callable[[RoundNumbers], str],
) -> _Quantity:
    return _Quantity(label, _share(rate), Words.percent, missing, rate)


def _of_effort(take: Callable[[Effort], float | None]) -> Callable[[RoundNumbers], float | None]:
    return lambda of: None if of.effort is None else take(of.effort)


def _step(label: str, kind: str) -> _Quantity:
    return _Quantity(label, lambda of: of.seconds.get(kind), Words.seconds, _unfinished)


def _nothing(_: RoundNumbers) -> str:
    return ""


def decisions_per_yes(of: RoundNumbers) -> float | None:
    """Decisions for each accepted image."""
    return of.effort.decisions_per(of.tally.yes) if of.effort else None


def seconds_per_yes(of: RoundNumbers) -> float | None:
    """Seconds of labelers for each accepted image."""
    return of.effort.seconds_per(of.tally.yes) if of.effort else None


QUANTITIES = (
    _Quantity(
        marked("Labeler time per accepted image"), seconds_per_yes, Words.seconds, _unmeasured
    ),
    _Quantity(marked("Decisions per accepted image"), decisions_per_yes, _hundredths, _unmeasured),
    _rated(marked("Precision of proposals"), lambda of: of.precision, _unjudged),
    _Quantity(marked("Proposals"), lambda of: of.proposals, _count, _unscored),
    _Quantity(marked("Yes"), lambda of: of.tally.yes, _count, _nothing),
    _Quantity(marked("No"), lambda of: of.tally.no, _count, _nothing),
    _Quantity(marked("Unsure"), lambda of: of.tally.unsure, _count, _nothing),
    _Quantity(
        marked("Decisions, with those taken back"),
        _of_effort(lambda effort: effort.decisions),
        _count,
        _unmeasured,
    ),
    _Quantity(
        marked("Time per decision, median"),
        _of_effort(lambda effort: effort.median),
        Words.seconds,
        _unpaced,
    ),
    _Quantity(
        marked("Decisions in an hour of one labeler"),
        _of_effort(lambda effort: effort.per_hour),
        _count,
        _unpaced,
    ),
    _rated(marked("Test accuracy"), lambda of: of.top1, _untested),
    _rated(marked("Test accuracy, mean per category"), lambda of: of.mean_class, _untested),
    _Quantity(marked("Test pictures"), lambda of: of.tested_on, _count, _untrained),
    _Quantity(marked("Model version"), lambda of: of.model_id, _count, _untrained, compares=False),
    _step(JOBS[JobKind.EMBED_POOL], JobKind.EMBED_POOL),
    _step(JOBS[JobKind.TRAIN_ROUND], JobKind.TRAIN_ROUND),
    _step(JOBS[JobKind.SCORE_POOL], JobKind.SCORE_POOL),
    _step(marked("Label, from first to last"), LABELING),
)


def number_lines(of: RoundNumbers, words: Words) -> tuple[NumberLine, ...]:
    """Every number of a round with its interval, or why it is not there."""
    return tuple(
        NumberLine(words.t(each.label), _shown(each, of, words), _note(each, of, words))
        for each in QUANTITIES
    )


def number_pairs(first: RoundNumbers, second: RoundNumbers, words: Words) -> tuple[NumberPair, ...]:
    """Every number of two rounds side by side."""
    return tuple(
        NumberPair(
            label=words.t(each.label),
            first=NumberCell(_shown(each, first, words), _note(each, first, words)),
            second=NumberCell(_shown(each, second, words), _note(each, second, words)),
            difference=_difference(each, first, second, words),
        )
        for each in QUANTITIES
    )


def _shown(quantity: _Quantity, of: RoundNumbers, words: Words) -> str:
    value = quantity.value(of)
    return NONE if value is None else quantity.shown(words, value)


def _note(quantity: _Quantity, of: RoundNumbers, words: Words) -> str:
    if quantity.value(of) is None:
        reason = quantity.missing(of)
        return words.t(reason) if reason else ""
    rate = quantity.rate(of) if quantity.rate else None
    return interval(rate, words) if rate else ""


def interval(rate: Rate, words: Words) -> str:
    """From where to where; says so where none was kept."""
    if rate.low == rate.high:  # an interval that was measured has a width
        return words.t("no interval was kept")
    return words.t("{low} to {high}", low=words.percent(rate.low), high=words.percent(rate.high))


def _difference(
    quantity: _Quantity, first: RoundNumbers, second: RoundNumbers, words: Words
) -> str:
    before, after = quantity.value(first), quantity.value(second)
    if before is None or after is None or not quantity.compares:
        return NONE
    if quantity.rate:
        return points(after - before, words)
    return words.signed(quantity.shown(words, abs(after - before)), after - before)


def points(difference: float, words: Words) -> str:
    """The difference of two shares, in percentage points."""
    size = words.decimal(abs(difference) * 100)
    return words.signed(words.t("{n} points", n=size), difference)
