"""What the pages of dataset versions show, out of rows."""

from collections.abc import Sequence

from sqlalchemy.orm import Session

from app.db import queries
from app.db.tables import DatasetVersion, Project
from app.db.version_facts import taken_down_since
from app.domain.errors import RoundInProgressError
from app.export.formats import Format
from app.usecases.dataset.datasheet import FEW, IMBALANCE, Limits, Origin, Share, datasheet_of
from app.usecases.dataset.export_dataset import version_to_export
from app.usecases.rounds.roll_back import Effect, effect_of_rolling_back
from app.usecases.rounds.start_round import unfinished_round
from app.web.lead import made_by
from app.web.lead_nav import VERSIONS, lead_nav
from app.web.pages.frame import Choice, Fact, Frame
from app.web.pages.project import CategoryRow
from app.web.pages.versions import OriginRow, ShareRow, VersionLine, VersionPage, VersionsPage
from app.web.words import Words, count, marked

FORMATS = {
    Format.IMAGE_FOLDER: marked("ImageFolder (zip): pictures in a folder for each category"),
    Format.IMAGE_FOLDER_TAR: marked("ImageFolder (tar): the same, for large datasets"),
    Format.CSV: marked("CSV: a line for each picture, for spreadsheets"),
    Format.JSON_LINES: marked("JSON Lines: an object for each picture"),
    Format.PARQUET: marked("Parquet: a typed table"),
    Format.COCO: marked("COCO: annotations as JSON"),
    Format.HUGGING_FACE: marked("Hugging Face (zip): pictures with their metadata"),
    Format.WEB_DATASET: marked("WebDataset (tar): shards of pictures for training"),
}


def versions_page(session: Session, project: Project, frame: Frame, words: Words) -> VersionsPage:
    """The list, the newest first."""
    found = queries.versions(session, project.id)
    newest = found[0][0].number if found else 0
    return VersionsPage(
        frame=frame,
        nav=lead_nav(project.slug, VERSIONS, words),
        slug=project.slug,
        name=project.name,
        versions=tuple(_line(project, version, number, words) for version, number in found),
        one=max(newest - 1, 1),
        other=newest,
    )


def _line(
    project: Project, version: DatasetVersion, number: int | None, words: Words
) -> VersionLine:
    manifest = f"/api/v1/projects/{project.slug}/rounds/{number}/manifest"
    return VersionLine(
        number=version.number,
        made_by=made_by(version, number, words),
        manifest=None if number is None else manifest,
        examples=count(version.examples),
        hard_negatives=count(version.hard_negatives),
        content_hash=version.content_hash,
        short_hash=version.content_hash[:12],
        created_at=words.moment(version.created_at),
    )


def version_page(
    session: Session, project: Project, frame: Frame, words: Words, number: int
) -> VersionPage:
    """One version with all that is known of it.

    Raises:
        NotFoundError: when the project has no such version.
    """
    version = version_to_export(session, project, number)
    sheet = datasheet_of(session, version)
    effect = effect_of_rolling_back(session, project, number)
    running = unfinished_round(session, project)
    refused = None if running is None else words.sentence(RoundInProgressError(running))
    same = words.t("The dataset is as it was in this version.")
    return VersionPage(
        frame=frame,
        nav=lead_nav(project.slug, VERSIONS, words),
        slug=project.slug,
        name=project.name,
        number=number,
        facts=_facts(version, queries.version_round(session, version), words),
        categories=tuple(
            CategoryRow(
                name=each.name,
                scientific_name=each.scientific_name,
                train=count(each.train),
                test=count(each.test),
                hard_negatives=count(each.hard_negatives),
            )
            for each in sheet.categories
        ),
        origins=tuple(_origin(each, words) for each in sheet.origins),
        licences=_shares(sheet.licences, words),
        hosts=_shares(sheet.hosts, words),
        limits=(
            *_gone(taken_down_since(session, version), words),
            *_limits(sheet.limits, len(sheet.categories), words),
        ),
        formats=tuple(Choice(kind, words.t(label)) for kind, label in FORMATS.items()),
        named_categories=tuple(Choice(each.name, each.name) for each in sheet.categories),
        named_licences=tuple(
            Choice(each.name, each.name or words.t("none is known")) for each in sheet.licences
        ),
        before=number - 1 or None,
        effect=None if effect.nothing else _told(effect, words),
        no_way_back=same if effect.nothing else refused,
    )


def _facts(version: DatasetVersion, number: int | None, words: Words) -> tuple[Fact, ...]:
    t = words.t
    return (
        Fact(t("Made by"), made_by(version, number, words)),
        Fact(t("Frozen"), words.moment(version.created_at)),
        Fact(t("Examples"), count(version.examples)),
        Fact(t("Hard negatives"), count(version.hard_negatives)),
        Fact(t("Content hash"), version.content_hash),
    )


def _origin(origin: Origin, words: Words) -> OriginRow:
    label = (
        words.t("seeds") if origin.round is None else words.t("round {number}", number=origin.round)
    )
    return OriginRow(label, count(origin.examples), count(origin.hard_negatives))


def _shares(shares: Sequence[Share], words: Words) -> tuple[ShareRow, ...]:
    return tuple(
        ShareRow(each.name or words.t("none is known"), count(each.pictures)) for each in shares
    )


def _gone(pictures: int, words: Words) -> list[str]:
    if not pictures:
        return []
    return [
        words.tn(
            "{n} picture was taken down since: it is in no export of this version.",
            "{n} pictures were taken down since: they are in no export of this version.",
            pictures,
        )
    ]


def _limits(limits: Limits, categories: int, words: Words) -> list[str]:
    tn, found = words.tn, []
    if limits.untested:
        found.append(
            tn(
                "{n} category of {all} has no test picture: its accuracy is not known.",
                "{n} categories of {all} have no test picture: their accuracy is not known.",
                limits.untested,
                all=categories,
            )
        )
    if limits.scarce:
        found.append(
            tn(
                "{n} category has fewer than {few} pictures to train on.",
                "{n} categories have fewer than {few} pictures to train on.",
                limits.scarce,
                few=FEW,
            )
        )
    if limits.imbalance is not None and limits.imbalance >= IMBALANCE:
        found.append(
            words.t(
                "The largest category has {times} times as many pictures to train on as the smallest.",
                times=words.decimal(limits.imbalance),
            )
        )
    if limits.unlicensed:
        found.append(
            tn(
                "Of {n} picture no licence is known: ask before you pass it on.",
                "Of {n} pictures no licence is known: ask before you pass them on.",
                limits.unlicensed,
            )
        )
    if limits.unsourced:
        found.append(
            tn(
                "Of {n} picture no address is known.",
                "Of {n} pictures no address is known.",
                limits.unsourced,
            )
        )
    found.append(
        words.t(
            "What joined in rounds was proposed by a model: pictures that it did not find likely are "
            "missing, and the test split is no sample of the world."
        )
    )
    return found


def _told(effect: Effect, words: Words) -> str:
    """What going back would do, as sentences."""
    tn = words.tn
    leave, back = effect.examples_leave, effect.examples_return
    refused, forgiven = effect.hard_negatives_leave, effect.hard_negatives_return
    told = (
        (leave, tn("{n} example leaves the dataset.", "{n} examples leave the dataset.", leave)),
        (back, tn("{n} example comes back.", "{n} examples come back.", back)),
        (refused, tn("{n} hard negative leaves.", "{n} hard negatives leave.", refused)),
        (forgiven, tn("{n} hard negative comes back.", "{n} hard negatives come back.", forgiven)),
        (
            effect.to_pool,
            tn(
                "{n} picture goes back to the pool.",
                "{n} pictures go back to the pool.",
                effect.to_pool,
            ),
        ),
        (
            effect.from_pool,
            tn("{n} picture leaves the pool.", "{n} pictures leave the pool.", effect.from_pool),
        ),
    )
    return " ".join(sentence for number, sentence in told if number)
