"""Categories."""

from pydantic import BaseModel, ConfigDict, Field

from app.domain.category_list import Outcome
from app.domain.names import LONGEST_DEFINITION

from .body import Body


class CategoryIn(Body):
    """What a lead writes about a category."""

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={
            "examples": [
                {
                    "name": "Spring gentian",
                    "scientific_name": "Gentiana verna",
                    "definition": "Five **deep blue** petals, white throat.",
                    "look_alikes": ["Bavarian gentian"],
                }
            ]
        },
    )
    name: str
    scientific_name: str = ""
    definition: str = Field(default="", description="Markdown; raw HTML is shown as text")
    look_alikes: list[str] = Field(
        default_factory=list, description="Names of categories of this project"
    )


class DefinitionIn(Body):
    """What a lead is writing about a category."""

    model_config = ConfigDict(
        extra="forbid", json_schema_extra={"examples": [{"definition": "Five **blue** petals."}]}
    )
    definition: str = Field(max_length=LONGEST_DEFINITION, description="Markdown")


class DefinitionOut(BaseModel):
    """What is written, as a page shows it."""

    html: str = Field(description="Safe to place in a page: raw HTML of the Markdown is text in it")


class CategoryCounts(BaseModel):
    """How much a category holds."""

    train: int
    test: int
    hard_negatives: int


class CategoryOut(BaseModel):
    """A category."""

    id: int
    name: str
    scientific_name: str
    definition: str
    look_alikes: list[str]
    counts: CategoryCounts


class LineProblem(BaseModel):
    """What is wrong with one value of a line."""

    field: str = Field(examples=["look_alikes"])
    message: str


class ListedCategory(BaseModel):
    """A line of a list of categories, and what it comes to."""

    line: int = Field(description="Where it begins in the list, from 1")
    outcome: Outcome
    name: str
    scientific_name: str
    definition: str
    look_alikes: list[str]
    changes: list[str] = Field(description="Fields that get another value")
    problems: list[LineProblem]


class ListAnswer(BaseModel):
    """What a list of categories comes to."""

    saved: bool
    columns: list[str] = Field(description="Columns that were recognised")
    ignored: list[str] = Field(description="Columns of the list that were not")
    created: int
    changed: int
    unchanged: int
    problems: int = Field(description="Lines with a problem; the list is saved only without")
    lines: list[ListedCategory]
