"""Categories."""

from pydantic import BaseModel, ConfigDict, Field

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
