"""What the lead page shows, out of rows."""

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime

from sqlalchemy.orm import Session

from app.api.answers import round_out
from app.api.schemas import JobOut, RoundOut
from app.db import queries
from app.db.tables import Category, Project
from app.domain.job import JobKind, JobState
from app.domain.round import UNFINISHED, Policy, RoundState
from app.web.chart import accuracy_chart
from app.web.pages import (
    CategoryRow,
    CurrentRound,
    Fact,
    Frame,
    Headline,
    LeadPage,
    MemberRow,
    RoundRow,
    StepLine,
    VersionRow,
)
from app.web.words import JOBS, NONE, STATES, count, moment, percent, seconds, some

POLICIES = {
    Policy.RESCORE: "every undecided candidate is scored again each round",
    Policy.DISJOINT: "the pool is cut into {subsets} parts, one for each round",
}
MARKS = {
    RoundState.LABELING: "open",
    RoundState.CLOSED: "done",
    RoundState.CANCELLED: "off",
    RoundState.FAILED: "bad",
}
# The steps of a round in the order in which they happen, and the state in which each is now.
STEPS = (
    (JobKind.EMBED_POOL, RoundState.EMBEDDING),
    (JobKind.TRAIN_ROUND, RoundState.TRAINING),
    (JobKind.SCORE_POOL, RoundState.SCORING),
)


def lead_page(session: Session, project: Project, frame: Frame, now: datetime) -> LeadPage:
    """The whole page."""
    rounds = [round_out(each, now) for each in queries.rounds(session, project.id)]
    newest = rounds[0] if rounds else None
    current = newest if newest and newest.state in UNFINISHED else None
    failed = newest is not None and newest.state is RoundState.FAILED
    held = queries.counts(session, project.id)
    return LeadPage(
        frame=frame,
        slug=project.slug,
        name=project.name,
        description=project.description,
        facts=_facts(project),
        headlines=_headlines(rounds, held.values()),
        current=None if current is None else _current(current),
        next_number=(newest.number if newest else 0) + 1,
        last_failure=newest.error if newest and failed else None,
        chart=accuracy_chart(_measured(rounds)),
        rounds=tuple(_round_row(each) for each in rounds),
        categories=_categories(session, project, held),
        versions=_versions(session, project),
        members=tuple(MemberRow(*row) for row in queries.members(session, project.id)),
    )


def _facts(project: Project) -> tuple[Fact, ...]:
    policy = POLICIES[Policy(project.policy)].format(subsets=project.subsets)
    weights = project.weights or "the backbone's own"
    return (
        Fact("Policy", f"{project.policy}: {policy}"),
        Fact("Threshold", f"proposed above a confidence of {project.threshold:g}"),
        Fact("Backbone", f"{project.backbone} at {project.image_size} px, weights: {weights}"),
        Fact("Since", moment(project.created_at)),
    )


def _headlines(
    rounds: Sequence[RoundOut], held: Collection[queries.Counts]
) -> tuple[Headline, ...]:
    train, test = sum(each.train for each in held), sum(each.test for each in held)
    negatives = sum(each.hard_negatives for each in held)
    grown = sum(each.yes for each in rounds if each.state is RoundState.CLOSED)
    seeds = train - grown
    judged = next((each for each in rounds if each.precision is not None), None)
    return (
        Headline(
            "Dataset", count(train), f"{count(seeds)} seeds and {count(grown)} found by vetting"
        ),
        Headline("Hard negatives", count(negatives), "pictures that are not what they seemed"),
        _accuracy_headline(rounds, test),
        Headline(
            "Precision of proposals",
            percent(judged.precision) if judged else NONE,
            f"yes of yes and no in round {judged.number}" if judged else "no answer yet",
        ),
    )


def _accuracy_headline(rounds: Sequence[RoundOut], test: int) -> Headline:
    measured = _measured(rounds)
    if not measured:
        note = f"{some(test, 'test picture waits', 'test pictures wait')} for the first round"
        return Headline("Test accuracy", NONE, note if test else "no test split")
    (first, before), (last, share) = measured[0], measured[-1]
    tested = next(each.tested_on for each in rounds if each.number == last)
    note = f"round {last}, measured on {some(tested, 'picture', 'pictures')}"
    if first != last:
        note = f"round {last}; it was {percent(before)} in round {first}"
    return Headline("Test accuracy", percent(share), note)


def _measured(rounds: Sequence[RoundOut]) -> list[tuple[int, float]]:
    """(round, top-1 accuracy), the oldest first, of the rounds that could be measured."""
    return [
        (each.number, each.top1)
        for each in reversed(rounds)
        if each.tested_on and each.top1 is not None
    ]


def _current(running: RoundOut) -> CurrentRound:
    decided = running.yes + running.no + running.unsure
    left = (running.proposals or 0) - decided
    labeling = running.state is RoundState.LABELING
    return CurrentRound(
        number=running.number,
        state=STATES[running.state],
        labeling=labeling,
        steps=_steps(running),
        decided=decided,
        proposals=running.proposals or 0,
        answers=f"{count(running.yes)} yes, {count(running.no)} no, {count(running.unsure)} unsure",
        close_effect=_close_effect(running, left),
        cancel_effect=_cancel_effect(decided, labeling=labeling),
    )


def _close_effect(running: RoundOut, left: int) -> str:
    effect = (
        f"{some(running.yes, 'yes joins', 'yes join')} the dataset and "
        f"{some(running.no, 'no becomes a hard negative', 'no become hard negatives')}. "
    )
    back = left + running.unsure
    if back:
        one = "proposal that is unsure or unanswered goes"
        many = "proposals that are unsure or unanswered go"
        effect += f"{some(back, one, many)} back to the pool. "
    return effect + "Answers of this round cannot be changed afterwards."


def _cancel_effect(decided: int, *, labeling: bool) -> str:
    if not labeling:
        return "The work on this round stops. The dataset stays as it is."
    return (
        "The dataset stays as it is: "
        f"{some(decided, 'decision', 'decisions')} of this round will not count, "
        "and its pictures go back to the pool."
    )


def _steps(running: RoundOut) -> tuple[StepLine, ...]:
    by_kind = {job.kind: job for job in running.jobs}
    lines = [
        _step_line(JOBS[kind], by_kind.get(kind), now=running.state is state)
        for kind, state in STEPS
    ]
    labeling = running.state is RoundState.LABELING
    return (*lines, StepLine("Label", "now" if labeling else "wait", ""))


def _step_line(label: str, job: JobOut | None, *, now: bool) -> StepLine:
    if job is not None and job.state is JobState.DONE:
        return StepLine(label, "done", seconds(job.seconds))
    return StepLine(label, "now" if now else "wait", "")


def _round_row(of: RoundOut) -> RoundRow:
    # Until it is scored, a round has no numbers; afterwards their absence means something.
    untested = "no test split" if of.proposals is not None else NONE
    return RoundRow(
        number=of.number,
        state=STATES[of.state],
        mark=MARKS.get(of.state, "busy"),
        accuracy=percent(of.top1) if of.tested_on else untested,
        mean_class=percent(of.mean_class) if of.tested_on else NONE,
        candidates=count(of.candidates),
        withheld=count(of.withheld),
        proposals=count(of.proposals),
        yes=count(of.yes),
        no=count(of.no),
        unsure=count(of.unsure),
        precision=percent(of.precision),
        timings=_timings(of.jobs),
        error=of.error,
    )


def _timings(jobs: Sequence[JobOut]) -> str:
    finished = {job.kind: job.seconds for job in jobs if job.seconds is not None}
    return ", ".join(
        f"{JOBS[kind].lower()} {seconds(finished[kind])}" for kind, _ in STEPS if kind in finished
    ) or NONE  # fmt: skip


def _categories(
    session: Session, project: Project, held: Mapping[int, queries.Counts]
) -> tuple[CategoryRow, ...]:
    nothing = queries.Counts()
    return tuple(
        _category_row(category, held.get(category.id, nothing))
        for category in queries.categories(session, project.id)
    )


def _category_row(category: Category, holds: queries.Counts) -> CategoryRow:
    return CategoryRow(
        name=category.name,
        scientific_name=category.scientific_name,
        train=count(holds.train),
        test=count(holds.test),
        hard_negatives=count(holds.hard_negatives),
    )


def _versions(session: Session, project: Project) -> tuple[VersionRow, ...]:
    return tuple(
        VersionRow(
            number=version.number,
            made_by="seeds" if number is None else f"round {number}",
            examples=count(version.examples),
            hard_negatives=count(version.hard_negatives),
            content_hash=version.content_hash,
            short_hash=version.content_hash[:12],
            created_at=moment(version.created_at),
        )
        for version, number in queries.versions(session, project.id)
    )
