"""Imports of labelled pictures."""

from datetime import datetime

from pydantic import BaseModel, ConfigDict, Field

from app.domain.importing import ImportFormat, ImportState, Into, Rest, SplitBy

from .body import Body


class ImportOptionsIn(Body):
    """What shall become of the pictures; all of it may be left out."""

    model_config = ConfigDict(
        extra="forbid", json_schema_extra={"examples": [{"format": "coco", "into": "examples"}]}
    )
    format: ImportFormat | None = Field(default=None, description="Found out where it is left out")
    into: Into = Field(default=Into.EXAMPLES, description="The dataset's examples, or the pool")
    split: SplitBy = Field(
        default=SplitBy.GIVEN,
        description="`given`: as the archive says, else by the project's rule; `rule`: always by "
        "the rule; `train` or `test`: all of it",
    )
    rest: Rest = Field(
        default=Rest.SKIP, description="Pictures without a category, and hard negatives"
    )
    create_categories: bool = Field(default=True, description="Make categories that are missing")


class CategoryPreviewOut(BaseModel):
    """What a category gets; of these, so many have their split `by_rule` of the project.

    How the rule divides them is foretold as if none were an example already.
    """

    name: str
    new: bool
    train: int
    test: int
    by_rule: int


class LeftOutFile(BaseModel):
    """A file that is left out, and why."""

    filename: str
    reason: str = Field(examples=["not_in_archive"])
    detail: str | None = Field(default=None, description="What is wrong with the picture")


class PreviewOut(BaseModel):
    """What the import would do, found without opening a picture. Lists hold the first 100."""

    pictures: int
    examples: int
    pool: int
    unnamed: int = Field(description="Pictures that no annotation speaks of")
    annotations: list[str]
    categories: list[CategoryPreviewOut]
    unknown: list[str] = Field(description="Categories that the project lacks and may not get")
    reasons: dict[str, int] = Field(description="How many files are left out, by reason")
    problems: list[LeftOutFile]


class ImportOut(BaseModel):
    """An import: what was uploaded, how far it is, and what came of it."""

    id: int
    filename: str
    size: int = Field(description="Bytes of the upload")
    format: ImportFormat
    into: Into
    split: SplitBy
    rest: Rest
    create_categories: bool
    state: ImportState
    total: int | None = Field(description="Pictures in all; null until a worker has begun")
    done: int
    stored: int
    duplicate: int
    conflict: int
    rejected: int
    train: int
    test: int
    pool: int
    categories_created: list[str]
    reasons: dict[str, int] = Field(description="How many files were left out, by reason")
    error: str | None
    created_at: datetime
    started_at: datetime | None
    finished_at: datetime | None


class ImportDetailOut(ImportOut):
    """An import with its preview and the files that it left out, the first 1,000 of them."""

    preview: PreviewOut
    refusals: list[LeftOutFile]
