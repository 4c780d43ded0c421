"""How well a project is labeled, what waits for a lead, and answers that are set aside."""

from dataclasses import asdict
from typing import Annotated

from fastapi import APIRouter, Query, Response

from app.domain.audit import Rate
from app.domain.errors import (
    AlreadyDecidedError,
    InvalidError,
    KeyReusedError,
    NotFoundError,
    NotWaitingError,
    RoundClosedError,
)
from app.domain.event import Verb
from app.usecases.events import record
from app.usecases.label.set_aside import effect_of_setting_aside, set_aside
from app.usecases.people import user_by_login
from app.usecases.quality.adjudicate import adjudicate
from app.usecases.quality.judge_quality import AuditResult, judge_quality

from . import answers
from .adjudications import adjudications
from .dependencies import Lead, UnitDep
from .labeling import Key
from .one_thread import OneThreadRoute
from .problems import responses
from .schemas.decisions import GoldOut
from .schemas.quality import (
    AdjudicatedOut,
    AdjudicationsOut,
    AsideOut,
    AuditOut,
    LabelerQualityOut,
    NewAdjudication,
    PairOut,
    QualityOut,
    RateOut,
)

router = APIRouter(tags=["quality"], route_class=OneThreadRoute)


@router.get(
    "/projects/{project}/quality", operation_id="getQuality", responses=responses(InvalidError)
)
def get_quality(
    unit: UnitDep,
    access: Lead,
    number: Annotated[
        int | None, Query(alias="round", description="The newest with answers without")
    ] = None,
) -> QualityOut:
    """How well each labeler and all together answered in a round, and what audits of all rounds say.

    A worker counts while the round is labeled and once more when it ends. Agreement and estimates
    are over the newest 20,000 answers to questions that several answered, or whose answer is known.
    """
    found = judge_quality(unit.session, access.project, number)
    if number is not None and found.round is None:
        raise NotFoundError("round", number)
    return QualityOut(
        round=found.round.number if found.round else None,
        counted_at=found.counted_at,
        answers=found.answers,
        labelers=[
            LabelerQualityOut(
                login=of.login,
                name=of.name,
                yes=of.yes,
                no=of.no,
                unsure=of.unsure,
                seconds_per_decision=of.median_seconds,
                gold=GoldOut(answered=of.gold, right=of.gold_right),
                gold_rate=_rate(of.gold_rate),
                agreed=of.agreed,
                compared=of.compared,
                modelled=of.modelled,
                accuracy=of.accuracy,
                informed=of.informed,
                suspect=of.suspect,
            )
            for of in found.labelers
        ],
        questions=found.questions,
        krippendorff_alpha=found.alpha,
        fleiss_kappa=found.fleiss,
        pairs=[PairOut(**asdict(pair)) for pair in found.pairs],
        misses=_audit(found.misses),
        errors=_audit(found.errors),
    )


@router.get(
    "/projects/{project}/adjudications",
    operation_id="listAdjudications",
    responses=responses(InvalidError),
)
def list_adjudications(
    unit: UnitDep, access: Lead, limit: Annotated[int, Query(ge=1, le=100)] = 20
) -> AdjudicationsOut:
    """What waits for a lead: ties, unsure answers, and contradictions of earlier answers."""
    return adjudications(unit.session, access.project, limit)


@router.post(
    "/projects/{project}/adjudications/{proposal_id}",
    operation_id="adjudicate",
    status_code=201,
    responses={
        200: {"model": AdjudicatedOut, "description": "This key was answered before"},
        **responses(
            NotWaitingError, AlreadyDecidedError, RoundClosedError, KeyReusedError, InvalidError
        ),
    },
)
def settle(
    proposal_id: int,
    body: NewAdjudication,
    key: Key,
    unit: UnitDep,
    access: Lead,
    response: Response,
) -> AdjudicatedOut:
    """Decide what waits for a lead. Where an earlier answer was wrong, the dataset is mended.

    What is mended counts from the next dataset version on.
    """
    user_id = access.principal.user_id
    done = adjudicate(unit.session, access.project, user_id, proposal_id, body.answer, key)
    if not done.replayed:
        details = {"answer": body.answer.value, "mended": done.mended}
        record(unit.session, access.project.id, user_id, Verb.ADJUDICATE, proposal_id, **details)
    response.status_code = 200 if done.replayed else 201
    return AdjudicatedOut(decision=answers.decision_out(done.decision, {}), mended=done.mended)


@router.post(
    "/projects/{project}/members/{login}/set-aside/preview",
    operation_id="previewSetAside",
    responses=responses(),
)
def effect(login: str, unit: UnitDep, access: Lead) -> AsideOut:
    """What setting a labeler's answers aside would do now; nothing changes.

    It is found by doing it and taking it back at once: that needs a transaction, so this is a POST.
    """
    labeler = user_by_login(unit.session, login)
    return AsideOut(**asdict(effect_of_setting_aside(unit.session, access.project, labeler.id)))


@router.post(
    "/projects/{project}/members/{login}/set-aside",
    operation_id="setAside",
    responses=responses(),
)
def aside(login: str, unit: UnitDep, access: Lead) -> AsideOut:
    """Take back all answers of one labeler in the open round; others are asked again."""
    labeler = user_by_login(unit.session, login)
    by = access.principal.user_id
    done = asdict(set_aside(unit.session, access.project, labeler.id, by=by))
    if done["decisions"]:
        record(unit.session, access.project.id, by, Verb.SET_ASIDE, login, **done)
    return AsideOut(**done)


def _rate(of: Rate | None) -> RateOut | None:
    return None if of is None else RateOut(**asdict(of))


def _audit(of: AuditResult) -> AuditOut:
    return AuditOut(
        earlier=of.earlier, asked=of.asked, wrong=of.wrong, pending=of.pending, rate=_rate(of.rate)
    )
