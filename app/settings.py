"""One frozen Settings, read from the environment at the composition root."""

from pathlib import Path

from pydantic import Field, field_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

from app.domain.outbound import PrivateHosts


class Settings(BaseSettings):
    """Every setting of the web service and the workers, each as `VETTED_<NAME>`."""

    model_config = SettingsConfigDict(env_prefix="VETTED_", frozen=True)

    database_url: str = Field(
        description="PostgreSQL, as postgresql+psycopg://user:password@host/name"
    )
    broker_url: str = Field(description="Redis or Valkey, as redis://:password@host:port/0")
    data_dir: Path = Field(description="Folder of pictures, features and checkpoints")
    secret_key: str = Field(
        min_length=32, description="Key of CSRF tokens and of sealed secrets; any long random text"
    )
    weights_dir: Path | None = Field(
        default=None, description="Folder of weights files that projects may name"
    )
    most_image_bytes: int = Field(
        default=50_000_000, description="Largest picture file taken, bytes"
    )
    most_image_pixels: int = Field(default=100_000_000, description="Largest picture taken, pixels")
    most_request_bytes: int = Field(default=500_000_000, description="Largest request body, bytes")
    most_import_bytes: int = Field(
        default=5_000_000_000, description="Largest archive that is imported, bytes"
    )
    most_request_images: int = Field(default=500, description="Most pictures in one request")
    most_decoding: int = Field(
        default=8, description="Most requests whose pictures one web process decodes at once"
    )
    least_free_bytes: int = Field(
        default=1_000_000_000,
        description="Below so many free bytes on the disk of the data folder no pictures are taken",
    )
    private_hosts: str | None = Field(
        default=None,
        description="Hosts and networks that webhooks may call although they are private, "
        "as hooks.intranet,10.1.0.0/16",
    )
    public_url: str | None = Field(
        default=None, description="Where people reach this server, as https://vetted.example.org"
    )
    database_connections: int = Field(default=20, description="Most connections of one web process")

    @field_validator("private_hosts")
    @classmethod
    def _names_hosts(cls, value: str | None) -> str | None:
        PrivateHosts.of(value or "")
        return value
