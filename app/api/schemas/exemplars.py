"""The examples of a category that labelers are shown."""

from pydantic import BaseModel, ConfigDict, Field

from .body import Body
from .images import ImageOut


class ExemplarsIn(Body):
    """The exemplars of a category as its lead wants them."""

    model_config = ConfigDict(
        extra="forbid", json_schema_extra={"examples": [{"exemplars": ["0" * 64, "f" * 64]}]}
    )
    exemplars: list[str] = Field(
        description="Content hashes of examples of the train split, the first first; at most nine"
    )


class ExemplarsOut(BaseModel):
    """The examples of a category that labelers are shown."""

    by_hand: bool = Field(description="Whether a lead chose them, or the model of the newest round")
    exemplars: list[ImageOut]
    asked: list[str] = Field(
        description="Those that the open round asks about as questions with a known answer: "
        "labelers are shown them from the next round on"
    )
