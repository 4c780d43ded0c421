"""Syncs from the operator's locations."""

from pydantic import BaseModel, ConfigDict, Field

from .body import Body
from .images import SourceIn


class NewSync(Body):
    """Where new pictures are looked for."""

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={
            "examples": [
                {"location": "crawls", "prefix": "2026/alps", "source": {"licence": "CC BY 4.0"}}
            ]
        },
    )
    location: str = Field(
        description="One of `listSyncLocations`, or an address in one: s3://bucket/prefix, /folder"
    )
    prefix: str = Field(default="", description="A folder below it; without it, all of it")
    source: SourceIn = Field(
        default_factory=SourceIn, description="Of pictures beside which nothing is said"
    )


class LocationOut(BaseModel):
    """A folder or a bucket that the operator allows."""

    name: str = Field(examples=["crawls"])


class SyncOut(BaseModel):
    """A sync that a worker will do."""

    batch: int = Field(description="The batch that its pictures are counted into")
    name: str = Field(examples=["crawls/2026/alps"])
