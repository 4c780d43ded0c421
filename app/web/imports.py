"""What the pages of imports show, out of rows."""

from collections.abc import Mapping
from enum import StrEnum
from typing import TypeVar

from sqlalchemy.orm import Session

from app.db.tables import Import, Project
from app.domain.archive import Fault
from app.domain.importing import ImportFormat, ImportState, Into, LeftOut, Rest, SplitBy
from app.domain.ingestion import ImageOutcome
from app.domain.takedown import ERASED, TAKEN_DOWN
from app.pictures import RefusalReason
from app.usecases.imports import import_images
from app.usecases.imports.import_plan import ImportOptions
from app.usecases.projects import split_rule
from app.web.lead_nav import IMPORT, lead_nav
from app.web.pages.frame import Fact, Frame, Option
from app.web.pages.imports import (
    ImportCategory,
    ImportLine,
    ImportPage,
    ImportsPage,
    ReasonLine,
    RefusedFile,
)
from app.web.words import Words, count, marked

FORMATS = {
    ImportFormat.IMAGE_FOLDER: "ImageFolder",
    ImportFormat.CSV: "CSV",
    ImportFormat.COCO: "COCO",
    ImportFormat.FIFTYONE: "FiftyOne",
    ImportFormat.LABEL_STUDIO: "Label Studio",
}
LAYOUTS = {
    ImportFormat.IMAGE_FOLDER: marked(
        "A folder for each category, in train and test folders if there are splits. Folders that begin "
        "with an underscore are no categories."
    ),
    ImportFormat.CSV: marked(
        "A line for each picture: its path or address, its category, and if you like its split, author "
        "and licence."
    ),
    ImportFormat.COCO: marked("Pictures and a JSON of images, annotations and categories."),
    ImportFormat.FIFTYONE: marked(
        "An exported image classification dataset (labels.json), or a whole dataset (samples.json)."
    ),
    ImportFormat.LABEL_STUDIO: marked(
        "Pictures and an export of choices: JSON, JSON-MIN or CSV. Skipped tasks have no category."
    ),
}
STATES = {
    ImportState.READY: marked("Not started"),
    ImportState.RUNNING: marked("Importing"),
    ImportState.DONE: marked("Imported"),
    ImportState.FAILED: marked("Failed"),
    ImportState.CANCELLED: marked("Cancelled"),
}
MARKS = {
    ImportState.READY: "open",
    ImportState.RUNNING: "busy",
    ImportState.DONE: "done",
    ImportState.FAILED: "bad",
    ImportState.CANCELLED: "off",
}
INTOS = {
    Into.EXAMPLES: marked("examples of the dataset"),
    Into.POOL: marked("candidates of the pool, without their categories"),
}
SPLITS = {
    SplitBy.GIVEN: marked("as it comes, else by the project's rule"),
    SplitBy.RULE: marked("by the project's rule"),
    SplitBy.TRAIN: marked("all into train"),
    SplitBy.TEST: marked("all into test"),
}
RESTS = {Rest.SKIP: marked("leave them out"), Rest.POOL: marked("put them into the pool")}
REASONS: Mapping[str, str] = {
    LeftOut.NOT_IN_ARCHIVE: marked("The picture is not in the archive."),
    LeftOut.AMBIGUOUS: marked("Several files have this name: write the whole path."),
    LeftOut.SEVERAL_CATEGORIES: marked("It has several categories: a picture has one."),
    LeftOut.NO_CATEGORY: marked("It has no category."),
    LeftOut.HARD_NEGATIVE: marked("It is a hard negative: only a round's answers make these."),
    LeftOut.UNKNOWN_CATEGORY: marked("The project has no such category."),
    LeftOut.BAD_CATEGORY: marked("Its category has a name that cannot be used."),
    LeftOut.NESTED_ARCHIVE: marked("It is an archive within the archive: unpack it first."),
    LeftOut.NO_FILE: marked("It is a link or a device, and no file."),
    LeftOut.DUPLICATE_NAME: marked("The archive has this name twice: the first was taken."),
    LeftOut.DAMAGED_MEMBER: marked("The archive is damaged here."),
    RefusalReason.EMPTY: marked("The file is empty."),
    RefusalReason.NOT_AN_IMAGE: marked("It is no picture."),
    RefusalReason.UNSUPPORTED_FORMAT: marked("It is in a format that is not accepted."),
    RefusalReason.TRUNCATED: marked("The picture ends too early."),
    RefusalReason.DAMAGED: marked("The picture is damaged."),
    RefusalReason.TOO_LARGE: marked("The file is too large."),
    RefusalReason.TOO_MANY_PIXELS: marked("The picture has too many pixels."),
    RefusalReason.TOO_SMALL: marked("The picture is too small."),
    Fault.UNSAFE_PATH: marked("Its name leads out of the archive."),
    Fault.ENCRYPTED: marked("It is encrypted in the archive."),
    Fault.INVALID_SIDECAR: marked("What lies beside it and tells its source cannot be read."),
    Fault.ENDS_EARLY: marked(
        "The archive is damaged here or ends too early: what is before was taken."
    ),
    Fault.BOMB: marked("From here on the archive unpacks to far more than it has."),
    Fault.TOO_MANY: marked("The archive has too many files: what is before was taken."),
    "another_category": marked("It is an example of another category already."),
    "another_split": marked("It is in the other split already."),
    "rejected_before": marked("A labeler has said that it is not this category."),
    "unreadable": marked("It could not be read; the next sync tries again."),
    "invalid_sidecar": marked("The note beside it cannot be read."),
    "name_too_long": marked("Its name is too long."),
    TAKEN_DOWN: marked("It was taken down and may not come back."),
    ERASED: marked("Its bytes were just being erased: send it again."),
    "open_proposal": marked("A round is asking labelers about it: close the round first."),
}
OTHER_REASON = marked("It could not be taken.")
_MEGABYTE = 1_000_000
K = TypeVar("K", bound=StrEnum)


def imports_page(session: Session, project: Project, frame: Frame, words: Words) -> ImportsPage:
    """Where imports begin, and those before, the newest first."""
    return ImportsPage(
        frame=frame,
        nav=lead_nav(project.slug, IMPORT, words),
        slug=project.slug,
        name=project.name,
        layouts=tuple(Fact(FORMATS[kind], words.t(text)) for kind, text in LAYOUTS.items()),
        imports=tuple(
            _line(project, each, words) for each in import_images.imports(session, project)
        ),
    )


def _line(project: Project, of: Import, words: Words) -> ImportLine:
    state = ImportState(of.state)
    begun = of.total is not None
    return ImportLine(
        path=f"/projects/{project.slug}/import/{of.id}",
        filename=of.filename,
        state=words.t(STATES[state]),
        mark=MARKS[state],
        stored=count(of.counts.get(ImageOutcome.STORED, 0) if begun else None),
        left_out=count(sum(of.reasons.values()) if begun else None),
        created_at=words.moment(of.created_at),
    )


def import_page(
    session: Session, project: Project, of: Import, frame: Frame, words: Words
) -> ImportPage:
    """One import as it is now."""
    state = ImportState(of.state)
    options = ImportOptions.of(of.options)
    ready = state is ImportState.READY
    preview = of.preview
    reasons = preview["reasons"] if ready else of.reasons
    refused = _foreseen(of, words) if ready else _refused(session, of, words)
    left = sum(reasons.values()) - len(refused)
    return ImportPage(
        frame=frame,
        nav=lead_nav(project.slug, IMPORT, words),
        slug=project.slug,
        name=project.name,
        number=of.id,
        filename=of.filename,
        state=state,
        label=words.t(STATES[state]),
        mark=MARKS[state],
        about=_about(of, words),
        ready=ready,
        running=state is ImportState.RUNNING,
        begins=words.tn(
            "Import {n} picture", "Import {n} pictures", preview["examples"] + preview["pool"]
        ),
        done=of.done,
        total=of.total or preview["pictures"],
        progress=words.t(
            "{done} of {total} pictures",
            done=count(of.done),
            total=count(of.total or preview["pictures"]),
        ),
        error=of.error,
        facts=_foretold(preview, words) if ready else _told(of, words),
        formats=_choices(FORMATS, ImportFormat(of.format), words),
        intos=_choices(INTOS, options.into, words),
        splits=_choices(SPLITS, options.split, words),
        rests=_choices(RESTS, options.rest, words),
        creates=options.create_categories,
        notes=_notes(project, of, words) if ready else (),
        categories=tuple(
            ImportCategory(each["name"], each["new"], count(each["train"]), count(each["test"]))
            for each in preview["categories"]
        )
        if ready
        else (),
        reasons=tuple(
            ReasonLine(words.t(REASONS.get(reason, OTHER_REASON)), count(files))
            for reason, files in sorted(reasons.items(), key=lambda each: -each[1])
        ),
        refused=refused,
        untold=words.tn("and {n} more file", "and {n} more files", left) if left > 0 else None,
    )


def _choices(texts: Mapping[K, str], chosen: K, words: Words) -> tuple[Option, ...]:
    return tuple(Option(value, words.t(text), value == chosen) for value, text in texts.items())


def _about(of: Import, words: Words) -> str:
    megabytes = words.decimal(max(of.size / _MEGABYTE, 0.1))
    size = words.t("{size} MB", size=megabytes)
    return " · ".join((FORMATS[ImportFormat(of.format)], size, words.moment(of.created_at)))


def _foretold(preview: Mapping[str, int], words: Words) -> tuple[Fact, ...]:
    left_out = sum(preview["reasons"].values())  # type: ignore[attr-defined]
    return (
        Fact(words.t("Examples"), count(preview["examples"])),
        Fact(words.t("Into the pool"), count(preview["pool"])),
        Fact(words.t("Left out"), count(left_out)),
    )


def _told(of: Import, words: Words) -> tuple[Fact, ...]:
    def counted(name: str) -> str:
        return count(of.counts.get(name, 0))

    t = words.t
    return (
        Fact(t("Train split"), counted("train")),
        Fact(t("Test split"), counted("test")),
        Fact(t("Into the pool"), counted("pool")),
        Fact(t("There already"), counted(ImageOutcome.DUPLICATE)),
        Fact(t("Left out"), count(sum(of.reasons.values()))),
        Fact(t("New categories"), count(len(of.categories_created))),
    )


def _notes(project: Project, of: Import, words: Words) -> tuple[str, ...]:
    preview = of.preview
    notes = []
    if any(each["by_rule"] for each in preview["categories"]):
        rule = split_rule(project)
        notes.append(
            words.t(
                "The project's rule: {percent} % of a category are test, at most {most}, while {least} "
                "remain to train on.",
                percent=rule.test_percent,
                most=rule.most_tests,
                least=rule.least_train,
            )
        )
    if preview["unnamed"]:
        notes.append(
            words.tn(
                "No annotation speaks of {n} picture: it is passed over.",
                "No annotation speaks of {n} pictures: they are passed over.",
                preview["unnamed"],
            )
        )
    if preview["unknown"]:
        names = ", ".join(preview["unknown"])
        notes.append(words.t("The project does not have these categories: {names}.", names=names))
    return tuple(notes)


def _foreseen(of: Import, words: Words) -> tuple[RefusedFile, ...]:
    return tuple(
        RefusedFile(each["filename"], words.t(REASONS.get(each["reason"], OTHER_REASON)), None)
        for each in of.preview["problems"]
    )


def _refused(session: Session, of: Import, words: Words) -> tuple[RefusedFile, ...]:
    return tuple(
        RefusedFile(each.filename, words.t(REASONS.get(each.reason, OTHER_REASON)), each.detail)
        for each in import_images.refusals(session, of)
    )
