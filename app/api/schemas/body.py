"""What all requests share."""

from pydantic import BaseModel, ConfigDict


class Body(BaseModel):
    """A request body: unknown fields are refused, because a misspelt one would be lost silently."""

    model_config = ConfigDict(extra="forbid")
