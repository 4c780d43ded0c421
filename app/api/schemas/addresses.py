"""Lists of addresses that the server fetches."""

from datetime import datetime

from pydantic import BaseModel, ConfigDict, Field

from app.domain.fetching import AddressState

from .body import Body


class AddressesAnswer(BaseModel):
    """What became of a list: a worker fetches it, and counts into its batch."""

    batch_id: int = Field(description="Ask `getBatch` how far it is")
    addresses: int = Field(description="To be fetched")
    refused: int = Field(description="Rows that name no address that could be fetched")
    repeated: int = Field(description="Rows whose address stood in the list before")


class AddressOut(BaseModel):
    """An address of a list."""

    position: int = Field(description="Its row, from 1, without the header and empty lines")
    url: str
    state: AddressState
    tries: int
    due_at: datetime = Field(description="When it may next be fetched, while it is waiting")
    reason: str | None = Field(
        description="Why it was rejected, or what its newest try met", examples=["not_found"]
    )


class AddressPage(BaseModel):
    """Addresses in the order of their list."""

    addresses: list[AddressOut]
    next: int | None = Field(description="Ask with `after` for those that follow")


class FetchAgainIn(Body):
    """Which of the rejected addresses are fetched once more."""

    model_config = ConfigDict(
        extra="forbid", json_schema_extra={"examples": [{"reasons": ["timed_out", "unreachable"]}]}
    )
    reasons: list[str] | None = Field(
        default=None,
        max_length=100,
        description="Only those rejected for these reasons; without, whatever the server could not get",
    )


class FetchAgainAnswer(BaseModel):
    """How many are fetched once more."""

    batch_id: int
    addresses: int
