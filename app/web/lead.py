"""What the lead page shows, out of rows."""

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime

from sqlalchemy.orm import Session

from app.api.answers import round_out
from app.api.schemas.rounds import JobOut, RoundOut
from app.db import queries
from app.db.tables import Category, DatasetVersion, Project
from app.domain.access import Role
from app.domain.cost import forecast
from app.domain.dataset import Cause
from app.domain.job import JobKind, JobState
from app.domain.redundancy import MOST_LABELERS
from app.domain.round import UNFINISHED, Policy, RoundState
from app.web.chart import accuracy_chart
from app.web.lead_nav import ROUNDS, lead_nav
from app.web.pages.frame import Fact, Frame, Headline
from app.web.pages.project import (
    CategoryRow,
    CurrentRound,
    LeadPage,
    MemberRow,
    RoundRow,
    SettingsForm,
    StepLine,
    VersionRow,
)
from app.web.round_numbers import (
    RoundNumbers,
    decisions_per_yes,
    numbers_of,
    seconds_per_yes,
)
from app.web.setup import rules_form
from app.web.setup_steps import next_steps
from app.web.words import JOBS, MARKS, NONE, ROLES, STATES, Words, count, marked

POLICIES = {
    Policy.RESCORE: marked("rescore: every undecided candidate is scored again each round"),
    Policy.DISJOINT: marked("disjoint: the pool is cut into {subsets} parts, one for each round"),
}
# This page is asked for at every change: thousands of lines belong to the page of the categories.
MOST_CATEGORIES = 50
# The steps of a round in the order in which they happen, and the state in which each is now.
STEPS = (
    (JobKind.EMBED_POOL, RoundState.EMBEDDING),
    (JobKind.TRAIN_ROUND, RoundState.TRAINING),
    (JobKind.SCORE_POOL, RoundState.SCORING),
)


def lead_page(
    session: Session, project: Project, frame: Frame, words: Words, now: datetime
) -> LeadPage:
    """The whole page."""
    summaries = queries.rounds(session, project.id)
    rounds = [round_out(each, now) for each in summaries]
    numbers = numbers_of(session, summaries)
    newest = rounds[0] if rounds else None
    current = newest if newest and newest.state in UNFINISHED else None
    failed = newest is not None and newest.state is RoundState.FAILED
    held = queries.counts(session, project.id)
    return LeadPage(
        frame=frame,
        nav=lead_nav(project.slug, ROUNDS, words),
        slug=project.slug,
        name=project.name,
        description=project.description,
        facts=_facts(project, words),
        headlines=(_cost(numbers, words), *_headlines(rounds, held.values(), words)),
        current=None if current is None else _current(current, words),
        next_number=(newest.number if newest else 0) + 1,
        last_failure=newest.error if newest and failed else None,
        chart=accuracy_chart(_measured(rounds), words),
        rounds=tuple(_round_row(each, of, words) for each, of in zip(rounds, numbers, strict=True)),
        comparable=len(rounds) > 1,
        categories=_categories(session, project, held),
        versions=_versions(session, project, words),
        members=tuple(
            MemberRow(login, name, words.t(ROLES[Role(role)]))
            for login, name, role in queries.members(session, project.id)
        ),
        steps=() if rounds else next_steps(session, project, held, words),
        rules=rules_form(project),
        settings=_settings(project),
    )


def _settings(project: Project) -> SettingsForm:
    return SettingsForm(
        grid_above=_percentage(project.grid_above),
        grid_below=_percentage(project.grid_below),
        picked=project.picked,
        gold_share=_percentage(project.gold_share),
        audit_share=_percentage(project.audit_share),
        redundancy=project.redundancy,
        redundancy_for=project.redundancy_for,
        most_labelers=MOST_LABELERS,
        show_gold=project.show_gold,
        show_confidence=project.show_confidence,
        show_others=project.show_others,
    )


def _percentage(share: float | None) -> str:
    """A share as the value of a field: 0.9 is 90, and nothing is empty."""
    return "" if share is None else f"{share * 100:.10g}"


def _facts(project: Project, words: Words) -> tuple[Fact, ...]:
    t = words.t
    weights = project.weights or t("the backbone's own")
    return (
        Fact(t("Policy"), t(POLICIES[Policy(project.policy)], subsets=project.subsets)),
        Fact(
            t("Threshold"),
            t("proposed above a confidence of {threshold}", threshold=f"{project.threshold:g}"),
        ),
        Fact(
            t("Backbone"),
            t(
                "{backbone} at {size} px, weights: {weights}",
                backbone=project.backbone,
                size=project.image_size,
                weights=weights,
            ),
        ),
        Fact(t("Since"), words.moment(project.created_at)),
    )


def _cost(numbers: Sequence[RoundNumbers], words: Words) -> Headline:
    """What an accepted image cost last, and what it will probably cost in the next round."""
    label = words.t("Cost per accepted image")
    told = next((each for each in numbers if decisions_per_yes(each) is not None), None)
    if told is None:
        return Headline(label, NONE, words.t("no yes yet"))
    time, decisions = seconds_per_yes(told), _hundredths(decisions_per_yes(told), words)
    if time is None:
        value = words.t("{n} decisions", n=decisions)
        note = words.t("in round {number}; no answer came with its time", number=told.number)
    else:
        value = words.seconds(time)
        note = words.t(
            "of a labeler's time in round {number}, and {n} decisions",
            number=told.number,
            n=decisions,
        )
    return Headline(label, value, f"{note}. {_forecast(numbers, words)}")


def _forecast(numbers: Sequence[RoundNumbers], words: Words) -> str:
    """One sentence on the next round. Only rounds that are closed have a cost to go by."""
    closed = [each for each in reversed(numbers) if each.labeled]
    decisions = forecast([cost for each in closed if (cost := decisions_per_yes(each))])
    if decisions is None:
        return words.t("A forecast needs two closed rounds with a yes.")
    low, high = _hundredths(decisions.low, words), _hundredths(decisions.high, words)
    time = forecast([cost for each in closed if (cost := seconds_per_yes(each))])
    if time is None:
        return words.t(
            "Next round, with 80% probability: {low} to {high} decisions.", low=low, high=high
        )
    return words.t(
        "Next round, with 80% probability: {least} to {most}, and {low} to {high} decisions.",
        least=words.seconds(time.low),
        most=words.seconds(time.high),
        low=low,
        high=high,
    )


def _hundredths(value: float | None, words: Words) -> str:
    return NONE if value is None else words.decimal(value, 2)


def _headlines(
    rounds: Sequence[RoundOut], held: Collection[queries.Counts], words: Words
) -> tuple[Headline, ...]:
    t = words.t
    train, test = sum(each.train for each in held), sum(each.test for each in held)
    negatives = sum(each.hard_negatives for each in held)
    grown = sum(each.grown for each in held)
    origin = t(
        "{seeds} seeds and {grown} found by vetting", seeds=count(train - grown), grown=count(grown)
    )
    judged = next((each for each in rounds if each.precision is not None), None)
    return (
        Headline(t("Dataset"), count(train), origin),
        Headline(
            t("Hard negatives"), count(negatives), t("pictures that are not what they seemed")
        ),
        Headline(t("Test accuracy"), *_accuracy(rounds, test, words)),
        Headline(
            t("Precision of proposals"),
            words.percent(judged.precision) if judged else NONE,
            t("yes of yes and no in round {number}", number=judged.number)
            if judged
            else t("no answer yet"),
        ),
    )


def _accuracy(rounds: Sequence[RoundOut], test: int, words: Words) -> tuple[str, str]:
    """The newest test accuracy and what it says."""
    measured = _measured(rounds)
    if not measured:
        waiting = words.tn(
            "{n} test picture waits for the first round",
            "{n} test pictures wait for the first round",
            test,
        )
        return NONE, waiting if test else words.t("no test split")
    (first, before), (last, share) = measured[0], measured[-1]
    if first != last:
        note = words.t(
            "round {last}; it was {before} in round {first}",
            last=last,
            before=words.percent(before),
            first=first,
        )
        return words.percent(share), note
    tested = next(each.tested_on for each in rounds if each.number == last)
    note = words.tn(
        "round {last}, measured on {n} picture",
        "round {last}, measured on {n} pictures",
        tested,
        last=last,
    )
    return words.percent(share), note


def _measured(rounds: Sequence[RoundOut]) -> list[tuple[int, float]]:
    """(round, top-1 accuracy), the oldest first, of the rounds that could be measured."""
    return [
        (each.number, each.top1)
        for each in reversed(rounds)
        if each.tested_on and each.top1 is not None
    ]


def _current(running: RoundOut, words: Words) -> CurrentRound:
    decided = running.yes + running.no + running.unsure
    left = (running.proposals or 0) - decided
    labeling = running.state is RoundState.LABELING
    return CurrentRound(
        number=running.number,
        code=running.state.value,
        state=words.t(STATES[running.state]),
        labeling=labeling,
        steps=_steps(running, words),
        decided=decided,
        proposals=running.proposals or 0,
        answers=words.t(
            "{yes} yes, {no} no, {unsure} unsure",
            yes=count(running.yes),
            no=count(running.no),
            unsure=count(running.unsure),
        ),
        close_effect=_close_effect(running, left, words),
        cancel_effect=_cancel_effect(decided, words, labeling=labeling),
    )


def _close_effect(running: RoundOut, left: int, words: Words) -> str:
    tn = words.tn
    back = left + running.unsure
    sentences = [
        tn("{n} yes joins the dataset.", "{n} yes join the dataset.", running.yes),
        tn(
            "{n} no becomes a hard negative.",
            "{n} no become hard negatives.",
            running.no,
        ),
    ]
    if back:
        sentences.append(
            tn(
                "{n} proposal that is unsure or unanswered goes back to the pool.",
                "{n} proposals that are unsure or unanswered go back to the pool.",
                back,
            )
        )
    sentences.append(words.t("Answers of this round cannot be changed afterwards."))
    return " ".join(sentences)


def _cancel_effect(decided: int, words: Words, *, labeling: bool) -> str:
    if not labeling:
        return words.t("The work on this round stops. The dataset stays as it is.")
    return words.tn(
        "The dataset stays as it is: {n} decision of this round will not count, "
        "and its pictures go back to the pool.",
        "The dataset stays as it is: {n} decisions of this round will not count, "
        "and its pictures go back to the pool.",
        decided,
    )


def _steps(running: RoundOut, words: Words) -> tuple[StepLine, ...]:
    by_kind = {job.kind: job for job in running.jobs}
    lines = [
        _step_line(kind, by_kind.get(kind), words, now=running.state is state)
        for kind, state in STEPS
    ]
    labeling = running.state is RoundState.LABELING
    return (*lines, StepLine(words.t("Label"), "now" if labeling else "wait", ""))


def _step_line(kind: JobKind, job: JobOut | None, words: Words, *, now: bool) -> StepLine:
    label = words.t(JOBS[kind])
    if job is not None and job.state is JobState.DONE:
        return StepLine(label, "done", words.seconds(job.seconds))
    return StepLine(label, "now" if now else "wait", "")


def _round_row(of: RoundOut, numbers: RoundNumbers, words: Words) -> RoundRow:
    # Until it is scored, a round has no numbers; afterwards their absence means something.
    untested = words.t("no test split") if of.proposals is not None else NONE
    return RoundRow(
        number=of.number,
        state=words.t(STATES[of.state]),
        mark=MARKS.get(of.state, "busy"),
        accuracy=words.percent(of.top1) if of.tested_on else untested,
        mean_class=words.percent(of.mean_class) if of.tested_on else NONE,
        candidates=count(of.candidates),
        withheld=count(of.withheld),
        proposals=count(of.proposals),
        yes=count(of.yes),
        no=count(of.no),
        unsure=count(of.unsure),
        precision=words.percent(of.precision),
        decisions_per_yes=_hundredths(decisions_per_yes(numbers), words),
        seconds_per_yes=words.seconds(seconds_per_yes(numbers)),
        timings=_timings(of.jobs, words),
        error=of.error,
    )


def _timings(jobs: Sequence[JobOut], words: Words) -> str:
    finished = {job.kind: job.seconds for job in jobs if job.seconds is not None}
    return " · ".join(
        f"{words.t(JOBS[kind])} {words.seconds(finished[kind])}" for kind, _ in STEPS if kind in finished
    ) or NONE  # fmt: skip


def _categories(
    session: Session, project: Project, held: Mapping[int, queries.Counts]
) -> tuple[CategoryRow, ...]:
    nothing = queries.Counts()
    return tuple(
        _category_row(category, held.get(category.id, nothing))
        for category in queries.categories(session, project.id, MOST_CATEGORIES)
    )


def _category_row(category: Category, holds: queries.Counts) -> CategoryRow:
    return CategoryRow(
        name=category.name,
        scientific_name=category.scientific_name,
        train=count(holds.train),
        test=count(holds.test),
        hard_negatives=count(holds.hard_negatives),
    )


def made_by(version: DatasetVersion, number: int | None, words: Words) -> str:
    """How a dataset version came to be; `number` is of the round that made it."""
    if version.cause == Cause.ROLL_BACK:
        return words.t("going back to version {number}", number=version.restores)
    if version.cause == Cause.ROUND:
        return words.t("round {number}", number=number)
    return words.t(_CAUSES[Cause(version.cause)])


_CAUSES = {
    Cause.SEEDS: marked("seeds"),
    Cause.EDITS: marked("single corrections"),
    Cause.CATEGORY_CHANGE: marked("a change of categories"),
    Cause.CATEGORY_UNDO: marked("undoing a change of categories"),
    Cause.TAKEDOWN: marked("a takedown"),
    Cause.WITHDRAWAL: marked("withdrawing a batch"),
    Cause.RESTORE: marked("bringing a batch back"),
    Cause.UNKNOWN: marked("unknown"),
}


def _versions(session: Session, project: Project, words: Words) -> tuple[VersionRow, ...]:
    return tuple(
        VersionRow(
            number=version.number,
            made_by=made_by(version, number, words),
            examples=count(version.examples),
            hard_negatives=count(version.hard_negatives),
            content_hash=version.content_hash,
            short_hash=version.content_hash[:12],
            created_at=words.moment(version.created_at),
        )
        for version, number in queries.versions(session, project.id)
    )
