"""What the quality page shows. A number from too few answers is not shown, but how many are missing."""

from sqlalchemy.orm import Session

from app.db import quality_queries
from app.db.tables import Project
from app.domain.audit import Rate
from app.domain.errors import NotFoundError
from app.domain.quality import FEWEST
from app.domain.round import RoundState
from app.usecases.quality.judge_quality import (
    AuditResult,
    LabelerQuality,
    PairQuality,
    Quality,
    judge_quality,
)
from app.web.lead_nav import QUALITY, lead_nav
from app.web.pages.frame import Frame, Option
from app.web.pages.quality import LabelerRow, PairRow, QualityPage
from app.web.pages.rounds import NumberCell, NumberLine
from app.web.round_numbers import interval
from app.web.words import NONE, Words, count

MOST_PAIRS = 30
PLACES = 2  # of a coefficient of agreement


def quality_page(
    session: Session, project: Project, frame: Frame, words: Words, number: int | None
) -> QualityPage:
    """The whole page.

    Raises:
        NotFoundError: when the project has no such round, or nobody labeled it.
    """
    found = judge_quality(session, project, number)
    if number is not None and found.round is None:
        raise NotFoundError("round", number)
    waiting = quality_queries.waiting_count(session, project)
    shown = None if found.round is None else found.round.number
    return QualityPage(
        frame=frame,
        nav=lead_nav(project.slug, QUALITY, words),
        slug=project.slug,
        name=project.name,
        waiting=waiting,
        waits=_waits(waiting, words),
        audits=(
            _missed(found.misses, words),
            _mistaken(found.errors, words),
        ),
        rounds=tuple(
            Option(str(each), words.t("Round {number}", number=each), each == shown)
            for each in quality_queries.labeled_rounds(session, project.id)
        ),
        counted=_counted(found, words),
        labelers=tuple(_labeler(of, words) for of in found.labelers),
        open=found.round is not None and found.round.state == RoundState.LABELING,
        agreement=_agreement(found, words),
        pairs=tuple(_pair(of, words) for of in found.pairs[:MOST_PAIRS]),
    )


def _waits(waiting: int, words: Words) -> str:
    if not waiting:
        return words.t("Nothing waits for you")
    return words.tn("{n} question waits for you", "{n} questions wait for you", waiting)


def _counted(found: Quality, words: Words) -> str:
    if found.round is None:
        return words.t("No round was labeled yet.")
    if found.counted_at is None:
        return words.t("This round is not counted yet. A worker does it within a minute.")
    told = words.t(
        "Answers counted: {n}, on {moment}.",
        n=count(found.answers),
        moment=words.moment(found.counted_at),
    )
    if found.round.state != RoundState.LABELING:
        return told
    newer = words.t("The round is open: newer answers follow.")
    return f"{told} {newer}"


# --- What audits say of all rounds


def _missed(of: AuditResult, words: Words) -> NumberLine:
    label = words.t("Missed")
    if of.rate is None or of.asked < FEWEST:
        return NumberLine(label, NONE, _too_few_asked(of, words))
    note = words.t("of {n} refused pictures are of their category after all.", n=count(of.earlier))
    return NumberLine(label, words.percent(of.rate.share), _sure(note, of, of.rate, words))


def _mistaken(of: AuditResult, words: Words) -> NumberLine:
    label = words.t("Wrongly accepted")
    if of.rate is None or of.asked < FEWEST:
        return NumberLine(label, NONE, _too_few_asked(of, words))
    note = words.t("of {n} accepted pictures are not of their category.", n=count(of.earlier))
    return NumberLine(label, words.percent(of.rate.share), _sure(note, of, of.rate, words))


def _sure(note: str, of: AuditResult, rate: Rate, words: Words) -> str:
    """How sure that is, and what it comes from."""
    sentences = [
        note,
        words.t(
            "With 95% probability it is {low} to {high}.",
            low=words.percent(rate.low),
            high=words.percent(rate.high),
        ),
        words.t(
            "Asked again: {n}, found wrong: {wrong}.", n=count(of.asked), wrong=count(of.wrong)
        ),
    ]
    if of.pending:
        sentences.append(
            words.tn(
                "{n} contradiction waits for you and counts as wrong until then.",
                "{n} contradictions wait for you and count as wrong until then.",
                of.pending,
            )
        )
    return " ".join(sentences)


def _too_few_asked(of: AuditResult, words: Words) -> str:
    if not of.asked:
        return words.t("Nothing was asked again yet: set how much in the project's settings.")
    return words.t(
        "Not enough yet: {n} of at least {fewest} were asked again.", n=of.asked, fewest=FEWEST
    )


# --- Each labeler


def _labeler(of: LabelerQuality, words: Words) -> LabelerRow:
    doubt = words.t("Hardly depends on the pictures: look at these answers, or set them aside.")
    return LabelerRow(
        login=of.login,
        name=of.name,
        decisions=NumberCell(
            count(of.yes + of.no + of.unsure),
            words.t(
                "{yes} yes, {no} no, {unsure} unsure",
                yes=count(of.yes),
                no=count(of.no),
                unsure=count(of.unsure),
            ),
        ),
        pace=words.seconds(of.median_seconds),
        known=_known(of, words),
        accuracy=_share(of.accuracy, of.modelled, words),
        agreed=_share(of.agreed, of.compared, words),
        doubt=doubt if of.suspect else None,
    )


def _known(of: LabelerQuality, words: Words) -> NumberCell:
    if of.gold_rate is None or of.gold < FEWEST:
        return _not_enough(of.gold, words)
    told = words.t("{right} of {answered}", right=count(of.gold_right), answered=count(of.gold))
    return NumberCell(words.percent(of.gold_rate.share), f"{told}, {interval(of.gold_rate, words)}")


def _share(share: float | None, answers: int, words: Words) -> NumberCell:
    if share is None or answers < FEWEST:
        return _not_enough(answers, words)
    return NumberCell(words.percent(share), words.t("from {n} answers", n=count(answers)))


def _not_enough(answers: int, words: Words) -> NumberCell:
    if not answers:
        return NumberCell(NONE, words.t("no answers yet"))
    told = words.t("not enough yet: {n} of {fewest}", n=answers, fewest=FEWEST)
    return NumberCell(NONE, told)


# --- Agreement


def _agreement(found: Quality, words: Words) -> tuple[NumberLine, ...]:
    alpha = words.t(
        "How far all answers to a question agree beyond chance: 1 is always, 0 no more often than "
        "by chance. From 0.8 on labels count as reliable."
    )
    fleiss = words.t(
        "The same, but only of questions with the most usual number of answers; it takes all "
        "labelers for one group. From 0.6 on agreement counts as substantial."
    )
    return (
        _coefficient(words.t("Krippendorff's alpha"), alpha, found.alpha, found.questions, words),
        _coefficient(words.t("Fleiss' kappa"), fleiss, found.fleiss, found.questions, words),
    )


def _coefficient(
    label: str, meaning: str, value: float | None, questions: int, words: Words
) -> NumberLine:
    if questions < FEWEST:
        missing = words.t(
            "Not enough yet: {n} of at least {fewest} questions with several answers.",
            n=questions,
            fewest=FEWEST,
        )
        return NumberLine(label, NONE, f"{meaning} {missing}")
    if value is None:
        same = words.t("All answers were the same: chance alone explains that.")
        return NumberLine(label, NONE, f"{meaning} {same}")
    told = words.t("From {n} questions.", n=count(questions))
    return NumberLine(label, _shown(value, words), f"{meaning} {told}")


def _shown(coefficient: float, words: Words) -> str:
    return words.decimal(coefficient, PLACES).replace("-", "\N{MINUS SIGN}")


def _pair(of: PairQuality, words: Words) -> PairRow:
    return PairRow(of.first, of.second, _cohen(of, words))


def _cohen(of: PairQuality, words: Words) -> NumberCell:
    if of.questions < FEWEST:
        return _not_enough(of.questions, words)
    if of.kappa is None:
        return NumberCell(NONE, words.t("always the same answer"))
    told = words.t("from {n} questions", n=count(of.questions))
    return NumberCell(_shown(of.kappa, words), told)
