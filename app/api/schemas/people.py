"""The caller's own choices."""

from pydantic import ConfigDict, Field

from app.domain.preferences import Language

from .body import Body


class PreferencesBody(Body):
    """What the caller chose for the pages."""

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={"examples": [{"keys": {"yes": ["j"], "no": ["f"]}, "language": "de"}]},
    )
    keys: dict[str, list[str]] = Field(
        default_factory=dict,
        description="Action to names of keys, where they differ from the page's",
    )
    language: Language | None = Field(default=None, description="Null follows the browser")
    break_minutes: int = Field(default=50, description="0 never suggests a break")
    grid_size: int = Field(default=24, description="Tiles of a page of a grid, 12 to 60")
