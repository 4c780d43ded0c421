"""From rows to the answers of `schemas`."""

from collections.abc import Mapping, Sequence
from datetime import datetime

from app.db.queries import Counts, RoundSummary
from app.db.tables import (
    Category,
    DatasetVersion,
    Decision,
    Example,
    HardNegative,
    Image,
    Job,
    Project,
    Proposal,
)
from app.domain.access import Role
from app.domain.category_list import Judged, Outcome
from app.domain.dataset import Cause, Split, provenance
from app.domain.decision import Answer, Picked, Reason
from app.domain.errors import DomainError
from app.domain.ingestion import ImageOutcome
from app.domain.job import JobKind, JobState
from app.domain.preferences import Preferences
from app.domain.redundancy import RedundancyFor
from app.domain.round import Policy, RoundState
from app.usecases.categories.import_categories import Considered
from app.usecases.pool.store_images import ImageAnswer

from . import problems
from .schemas.categories import (
    CategoryCounts,
    CategoryOut,
    LineProblem,
    ListAnswer,
    ListedCategory,
)
from .schemas.dataset import DatasetVersionOut, ExampleOut, HardNegativeOut
from .schemas.decisions import DecisionOut, ItemProblem
from .schemas.images import ImageAnswerOut, ImageOut, UploadAnswer
from .schemas.leases import CategoryName, LeaseOut
from .schemas.people import PreferencesBody
from .schemas.projects import ProjectOut
from .schemas.rounds import JobOut, RoundOut


def project_out(project: Project, role: Role) -> ProjectOut:
    """A project as its members see it."""
    return ProjectOut(
        slug=project.slug,
        name=project.name,
        description=project.description,
        policy=Policy(project.policy),
        subsets=project.subsets,
        threshold=project.threshold,
        backbone=project.backbone,
        weights=project.weights,
        image_size=project.image_size,
        seed=project.seed,
        test_percent=project.test_percent,
        most_tests=project.most_tests,
        least_train=project.least_train,
        grid_above=project.grid_above,
        grid_below=project.grid_below,
        picked=Picked(project.picked),
        gold_share=project.gold_share,
        audit_share=project.audit_share,
        redundancy=project.redundancy,
        redundancy_for=RedundancyFor(project.redundancy_for),
        show_gold=project.show_gold,
        show_confidence=project.show_confidence,
        show_others=project.show_others,
        created_at=project.created_at,
        role=role,
    )


def category_out(category: Category, look_alikes: Sequence[str], counts: Counts) -> CategoryOut:
    """A category with its counts."""
    return CategoryOut(
        id=category.id,
        name=category.name,
        scientific_name=category.scientific_name,
        definition=category.definition,
        look_alikes=list(look_alikes),
        counts=CategoryCounts(
            train=counts.train, test=counts.test, hard_negatives=counts.hard_negatives
        ),
    )


def upload_answer(answers: Sequence[ImageAnswer], batch_id: int | None = None) -> UploadAnswer:
    """The answer for each file, the counts, and the batch that they count into."""
    counted = dict.fromkeys(ImageOutcome, 0)
    for answer in answers:
        counted[answer.outcome] += 1
    return UploadAnswer(
        stored=counted[ImageOutcome.STORED],
        duplicate=counted[ImageOutcome.DUPLICATE],
        conflict=counted[ImageOutcome.CONFLICT],
        rejected=counted[ImageOutcome.REJECTED],
        batch=batch_id,
        images=[
            ImageAnswerOut(
                filename=answer.filename,
                outcome=answer.outcome,
                sha256=answer.sha256,
                reason=answer.reason,
                detail=answer.detail,
            )
            for answer in answers
        ],
    )


def list_answer(found: Considered, say: problems.Saying, *, saved: bool) -> ListAnswer:
    """What a list of categories comes to."""
    return ListAnswer(
        saved=saved,
        columns=list(found.listed.columns),
        ignored=list(found.listed.ignored),
        created=found.counts[Outcome.CREATED],
        changed=found.counts[Outcome.CHANGED],
        unchanged=found.counts[Outcome.UNCHANGED],
        problems=found.counts[Outcome.PROBLEM],
        lines=[_listed_category(each, say) for each in found.lines],
    )


def _listed_category(of: Judged, say: problems.Saying) -> ListedCategory:
    return ListedCategory(
        line=of.listed.line,
        outcome=of.outcome,
        name=of.listed.name,
        scientific_name=of.listed.scientific_name,
        definition=of.listed.definition,
        look_alikes=list(of.listed.look_alikes),
        changes=list(of.changes),
        problems=[LineProblem(field=each.field, message=say(each)) for each in of.problems],
    )


def picture_url(project: str, sha256: str, size: str) -> str:
    """Where one size of an image is."""
    return f"/api/v1/projects/{project}/images/{sha256}/{size}"


def image_out(project: str, image: Image) -> ImageOut:
    """An image and where its pictures are."""
    return ImageOut(
        sha256=image.sha256,
        width=image.width,
        height=image.height,
        thumbnail_url=picture_url(project, image.sha256, "thumbnail"),
        screen_url=picture_url(project, image.sha256, "screen"),
        original_url=picture_url(project, image.sha256, "original"),
    )


def example_out(
    project: str, example: Example, image: Image, category: str, number: int | None
) -> ExampleOut:
    """An example."""
    return ExampleOut(
        id=example.id,
        image=image_out(project, image),
        category=category,
        split=Split(example.split),
        provenance=provenance(number, inherited=example.inherited_from is not None),
        from_version=example.from_version,
    )


def hard_negative_out(
    project: str, negative: HardNegative, image: Image, category: str, number: int
) -> HardNegativeOut:
    """A hard negative."""
    return HardNegativeOut(
        id=negative.id,
        image=image_out(project, image),
        category=category,
        provenance=provenance(number, inherited=negative.inherited_from is not None),
        from_version=negative.from_version,
    )


def version_out(version: DatasetVersion, number: int | None) -> DatasetVersionOut:
    """A dataset version."""
    return DatasetVersionOut(
        number=version.number,
        cause=Cause(version.cause),
        round=number,
        restores=version.restores,
        content_hash=version.content_hash,
        examples=version.examples,
        hard_negatives=version.hard_negatives,
        created_at=version.created_at,
    )


def job_out(job: Job, now: datetime) -> JobOut:
    """A job with its rate, from what its worker last told."""
    running = job.state == JobState.RUNNING
    rate = _rate(job) if running else None
    left = (job.steps - job.step) / rate if rate and job.steps is not None else None
    finished = job.state == JobState.DONE and job.started_at and job.finished_at
    return JobOut(
        kind=JobKind(job.kind),
        state=JobState(job.state),
        attempt=job.attempt,
        step=job.step,
        steps=job.steps,
        rate=rate,
        seconds_left=left,
        seconds=(job.finished_at - job.started_at).total_seconds() if finished else None,  # type: ignore[operator]
        worker_alive=(job.lease_expires_at is not None and job.lease_expires_at > now)
        if running
        else None,
        error=job.error,
    )


def _rate(job: Job) -> float | None:
    if job.started_at is None or job.heartbeat_at is None or not job.step:
        return None
    seconds = (job.heartbeat_at - job.started_at).total_seconds()
    return job.step / seconds if seconds > 0 else None


def round_out(summary: RoundSummary, now: datetime) -> RoundOut:
    """A round with its work and its numbers."""
    of, tally, metrics = summary.round, summary.tally, summary.metrics
    return RoundOut(
        number=of.number,
        state=RoundState(of.state),
        policy=Policy(of.policy),
        threshold=of.threshold,
        trained_on=of.trained_on,
        started_at=of.started_at,
        labeling_at=of.labeling_at,
        ended_at=of.ended_at,
        candidates=of.candidates,
        proposals=None if of.proposals is None else of.proposals + summary.picked,
        withheld=of.withheld,
        yes=tally.yes,
        no=tally.no,
        unsure=tally.unsure,
        precision=tally.precision,
        top1=metrics.get("top1"),
        mean_class=metrics.get("mean_class"),
        tested_on=metrics.get("tested_on", 0),
        jobs=[job_out(job, now) for job in summary.jobs],
        error=of.error,
    )


def lease_out(proposal: Proposal) -> LeaseOut:
    """A proposal in its holder's hands, without details."""
    assert proposal.lease_token is not None  # noqa: S101 - the caller has just leased it
    assert proposal.lease_expires_at is not None  # noqa: S101
    return LeaseOut(
        id=proposal.id,
        lease_token=proposal.lease_token,
        lease_expires_at=proposal.lease_expires_at,
    )


def decision_out(decision: Decision, names: Mapping[int, str]) -> DecisionOut:
    """A decision; `names` has that of the picked category."""
    picked = decision.picked_category_id
    return DecisionOut(
        id=decision.id,
        proposal_id=decision.proposal_id,
        answer=Answer(decision.answer),
        reason=None if decision.reason is None else Reason(decision.reason),
        picked=None if picked is None else CategoryName(category_id=picked, name=names[picked]),
        created_at=decision.created_at,
    )


def item_problem(error: DomainError) -> ItemProblem:
    """Why one answer among several was not taken."""
    told = problems.told(error)
    return ItemProblem(type=told.type, title=told.title, status=told.status, detail=told.detail)


def preferences_out(preferences: Preferences) -> PreferencesBody:
    """What a user chose for the pages."""
    return PreferencesBody(
        keys={action: list(keys) for action, keys in preferences.keys.items()},
        language=preferences.language,
        break_minutes=preferences.break_minutes,
        grid_size=preferences.grid_size,
    )
