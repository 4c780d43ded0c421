"""Projects and who belongs to them."""

from datetime import datetime

from pydantic import BaseModel, ConfigDict, Field

from app.domain.access import Role
from app.domain.decision import Picked
from app.domain.project import LARGEST_SIZE, MOST_SUBSETS, SMALLEST_SIZE
from app.domain.redundancy import MOST_LABELERS, RedundancyFor
from app.domain.round import Policy
from app.domain.split_rule import MOST_PERCENT, MOST_PICTURES, SplitRule

from .body import Body


class NewProject(Body):
    """What a lead chooses for a project."""

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={
            "examples": [
                {
                    "slug": "alpine-flowers",
                    "name": "Alpine flowers",
                    "policy": "disjoint",
                    "subsets": 4,
                }
            ]
        },
    )
    slug: str = Field(description="Name in addresses: a-z, 0-9 and inner hyphens")
    name: str
    description: str = ""
    policy: Policy = Field(
        default=Policy.RESCORE,
        description="`rescore`: every undecided candidate is scored again each round; "
        "`disjoint`: the pool is cut into `subsets` parts, one for each round (the paper)",
    )
    subsets: int = Field(default=1, ge=1, le=MOST_SUBSETS)
    threshold: float = Field(
        default=0.5,
        ge=0,
        lt=1,
        description="A candidate is proposed when its confidence is above it",
    )
    backbone: str = Field(
        default="mobilenet_v3_large", description="torchvision's name, or `filterbank`"
    )
    weights: str | None = Field(
        default=None,
        description="Name of a file in the operator's weights folder; without it, torchvision's own",
    )
    image_size: int = Field(default=224, ge=SMALLEST_SIZE, le=LARGEST_SIZE)
    seed: int = Field(default=0, ge=0, lt=2**31)
    test_percent: int = Field(
        default=SplitRule.test_percent,
        ge=0,
        le=MOST_PERCENT,
        description="Of pictures that come without a split, so many of a hundred in each category "
        "are test, by the SHA-256 of their bytes",
    )
    most_tests: int = Field(
        default=SplitRule.most_tests,
        ge=0,
        le=MOST_PICTURES,
        description="But never more of a category than this",
    )
    least_train: int = Field(
        default=SplitRule.least_train,
        ge=0,
        le=MOST_PICTURES,
        description="And only while at least so many of it remain to train on",
    )


class ProjectOut(BaseModel):
    """A project and the caller's role in it."""

    slug: str
    name: str
    description: str
    policy: Policy
    subsets: int
    threshold: float
    backbone: str
    weights: str | None
    image_size: int
    seed: int
    test_percent: int
    most_tests: int
    least_train: int
    grid_above: float | None
    grid_below: float | None
    picked: Picked
    gold_share: float
    audit_share: float
    redundancy: int
    redundancy_for: RedundancyFor
    show_gold: bool
    show_confidence: bool
    show_others: bool
    created_at: datetime
    role: Role


class ProjectChanges(Body):
    """What a lead may change later; what is left out stays. A round keeps what it began with."""

    model_config = ConfigDict(
        extra="forbid", json_schema_extra={"examples": [{"threshold": 0.7, "policy": "rescore"}]}
    )
    name: str | None = None
    description: str | None = None
    policy: Policy | None = None
    subsets: int | None = Field(default=None, ge=1, le=MOST_SUBSETS)
    threshold: float | None = Field(default=None, ge=0, lt=1)
    test_percent: int | None = Field(
        default=None,
        ge=0,
        le=MOST_PERCENT,
        description="How pictures that come from now on are divided; those that are here stay",
    )
    most_tests: int | None = Field(default=None, ge=0, le=MOST_PICTURES)
    least_train: int | None = Field(default=None, ge=0, le=MOST_PICTURES)
    grid_above: float | None = Field(
        default=None,
        ge=0,
        le=1,
        description="A category may be labeled as a grid of mostly right pictures where its "
        "expected precision is at least this; an explicit null is never",
    )
    grid_below: float | None = Field(
        default=None,
        ge=0,
        le=1,
        description="The same for mostly wrong pictures: at most this; an explicit null is never",
    )
    picked: Picked | None = Field(
        default=None,
        description="Who answers the proposal that a picked category makes: `same`, the labeler "
        "who picked it has said yes; `another` labeler is asked",
    )
    gold_share: float | None = Field(
        default=None,
        ge=0,
        le=0.2,
        description="Questions with a known answer that the next round mixes in, for each of its own",
    )
    audit_share: float | None = Field(
        default=None,
        ge=0,
        le=0.2,
        description="Earlier answers that the next round asks about again, for each question of its own",
    )
    redundancy: int | None = Field(
        default=None,
        ge=1,
        le=MOST_LABELERS,
        description="How many people answer a proposal of the next round: the majority is the "
        "answer, a tie goes to a lead",
    )
    redundancy_for: RedundancyFor | None = Field(
        default=None,
        description="Whether that is for `all` proposals, or where the `risk` is high: the model is "
        "not sure, or about half of the category's proposals are expected to be right",
    )
    show_gold: bool | None = Field(
        default=None, description="Whether labelers see how many of these they got right"
    )
    show_confidence: bool | None = Field(
        default=None, description="Whether labelers see the model's confidence: it leads the answer"
    )
    show_others: bool | None = Field(
        default=None,
        description="Whether labelers see that others were unsure: it leads the answer",
    )


class NewRole(Body):
    """A member's role."""

    role: Role


class MemberOut(BaseModel):
    """A member of a project."""

    login: str
    name: str
    role: Role
