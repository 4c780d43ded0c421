"""Takedowns."""

from datetime import datetime

from pydantic import BaseModel, ConfigDict, Field

from app.domain.takedown import LONGEST_NAMED, LONGEST_REASON, Kind

from .body import Body

_WHAT = (
    "A picture's SHA-256, its link on this server, or an http(s) address: then all pictures that "
    "came from there"
)

COPIES = "Also near-duplicates: other files of the same photograph, as far as they are known"


class TakedownReason(Body):
    """Why a picture goes."""

    model_config = ConfigDict(
        extra="forbid", json_schema_extra={"examples": [{"reason": "Request of the photographer"}]}
    )
    reason: str = Field(max_length=2 * LONGEST_REASON, description="For whoever looks later")


class NewTakedown(TakedownReason):
    """What goes, and why."""

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={
            "examples": [
                {
                    "what": "https://example.org/gentian.jpg",
                    "reason": "Request of the photographer",
                }
            ]
        },
    )
    what: str = Field(max_length=2 * LONGEST_NAMED, description=_WHAT)
    copies: bool = Field(default=False, description=COPIES)


class EffectOut(BaseModel):
    """What a takedown does, or did."""

    images: int = Field(description="Pictures that go")
    near_duplicates: int = Field(description="Other files of the same photographs, that stay")
    candidates: int = Field(description="Of these, those in the pool")
    examples: int = Field(description="Examples that leave the dataset, with a new version")
    hard_negatives: int = Field(description="Hard negatives that leave it")
    questions: int = Field(description="Proposals that are withdrawn from labelers")
    versions: int = Field(description="Frozen versions that held any of it: exported without it")


class TakedownPreview(BaseModel):
    """What taking this down would do now."""

    kind: Kind
    effect: EffectOut


class TakedownOut(BaseModel):
    """A takedown and its tombstone. An address is kept as the SHA-256 of its normal form."""

    id: int
    kind: Kind
    key: str = Field(description="The SHA-256 of the picture, or of the address")
    reason: str
    everywhere: bool = Field(description="By the operator, in all projects of this server")
    effect: EffectOut
    made_by: str | None = Field(description="Login; null for the operator")
    created_at: datetime
    lifted_by: str | None
    lifted_at: datetime | None
