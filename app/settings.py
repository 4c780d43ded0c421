"""One frozen Settings, read from the environment at the composition root."""

from pathlib import Path
from typing import Self

from pydantic import Field, field_validator, model_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

from app.domain.location import BucketName, locations
from app.domain.outbound import PrivateHosts


class StorageSettings(BaseSettings):
    """Where bytes are kept: what commands read that speak to nothing else."""

    model_config = SettingsConfigDict(env_prefix="VETTED_", frozen=True)

    blobs: str | None = Field(
        default=None,
        description="Bucket for pictures, features and checkpoints in the place of the data folder, "
        "as s3://bucket/prefix",
    )
    s3_endpoint: str | None = Field(
        default=None, description="Server that speaks S3, as https://minio.intranet:9000"
    )
    s3_region: str | None = Field(default=None, description="Region of the buckets")
    s3_key_id: str | None = Field(default=None, description="Key id for the buckets")
    s3_secret: str | None = Field(default=None, description="Secret of that key id")
    signed_urls: bool = Field(
        default=False,
        description="Browsers fetch pictures from the bucket, by addresses signed for minutes",
    )

    @field_validator("blobs")
    @classmethod
    def _names_a_bucket(cls, value: str | None) -> str | None:
        if value is not None:
            BucketName.of(value)
        return value

    @model_validator(mode="after")
    def _signs_for_a_bucket(self) -> Self:
        if self.signed_urls and self.blobs is None:
            raise ValueError("VETTED_SIGNED_URLS needs a bucket in VETTED_BLOBS.")
        return self


class Settings(StorageSettings):
    """Every setting of the web service and the workers, each as `VETTED_<NAME>`."""

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
    most_upload_bytes: int = Field(
        default=50_000_000_000, description="Largest archive that is sent in pieces, bytes"
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
        description="Hosts and networks that webhooks and lists of addresses may lead to although they "
        "are private, as hooks.intranet,10.1.0.0/16",
    )
    fetch_at_once: int = Field(
        default=16, ge=1, description="Most pictures of one list fetched at the same time"
    )
    fetch_pause: float = Field(
        default=0.5, ge=0, description="Seconds between two requests to one host"
    )
    fetch_seconds: float = Field(
        default=120, gt=0, description="Seconds that fetching one picture may take"
    )
    fetch_opt_outs: bool = Field(
        default=True, description="Whether robots.txt and opt-outs of fetched pictures are obeyed"
    )
    public_url: str | None = Field(
        default=None, description="Where people reach this server, as https://vetted.example.org"
    )
    sync_locations: str | None = Field(
        default=None,
        description="Folders and buckets that leads may sync from, by name, "
        "as crawls=/srv/crawls,old=s3://bucket/prefix",
    )
    database_connections: int = Field(default=20, description="Most connections of one web process")

    @field_validator("sync_locations")
    @classmethod
    def _names_locations(cls, value: str | None) -> str | None:
        locations(value or "")
        return value

    @field_validator("private_hosts")
    @classmethod
    def _names_hosts(cls, value: str | None) -> str | None:
        PrivateHosts.of(value or "")
        return value
