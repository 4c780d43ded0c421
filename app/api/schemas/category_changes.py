"""Changes of whole categories."""

from datetime import datetime
from typing import Annotated, Literal

from pydantic import BaseModel, Field

from app.domain.category_change import MOST_PARTS, Effect, Kind, Rest

from .body import Body


class RenameIn(Body):
    """Give a category other names; versions that are frozen keep theirs."""

    kind: Literal[Kind.RENAME]
    category_id: int
    name: str
    scientific_name: str | None = Field(
        default=None, description="Null leaves it as it is; the empty text takes it away"
    )


class MergeIn(Body):
    """Make the examples of a category those of another."""

    kind: Literal[Kind.MERGE]
    category_id: int = Field(description="The category that goes")
    into_id: int = Field(description="The category that stays")


class PartIn(Body):
    """A new category, and which examples become its."""

    name: str
    pictures: list[str] = Field(description="SHA-256 of each picture", max_length=50_000)


class SplitIn(Body):
    """Make new categories out of one."""

    kind: Literal[Kind.SPLIT]
    category_id: int
    parts: list[PartIn] = Field(max_length=MOST_PARTS)
    rest: Rest = Field(
        default=Rest.STAY,
        description="What is in no part stays in the category, or is asked again by a round: "
        "then the category goes",
    )


class RetireIn(Body):
    """Neither ask about a category nor learn it any more."""

    kind: Literal[Kind.RETIRE]
    category_id: int


ChangeIn = Annotated[RenameIn | MergeIn | SplitIn | RetireIn, Field(discriminator="kind")]


class ChangeOut(BaseModel):
    """A change that was made. Names are those of then."""

    id: int
    kind: Kind
    category_id: int
    name: str
    renamed_to: str | None
    into_id: int | None
    into: str | None
    parts: list[str]
    effect: Effect | None = Field(description="Null for a rename")
    version: int = Field(description="The dataset version that has it in it")
    made_by: str
    made_at: datetime
    undone_by: str | None
    undone_at: datetime | None
    holds: bool = Field(description="Neither undone, nor has the dataset gone back to before it")


class ChangeAnswer(BaseModel):
    """What was done; or, with `dry_run`, what would be."""

    change: ChangeOut | None
    effect: Effect | None
    round: int | None = Field(
        description="With `dry_run`: the round at work, during which this is refused"
    )
    open_questions: int = Field(
        description="With `dry_run`: that round's open questions about the category"
    )


class ChangePage(BaseModel):
    """Changes, the newest first. Ask again with `before=next` for older ones."""

    changes: list[ChangeOut]
    next: int | None
