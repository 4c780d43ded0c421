"""Buckets of anything that speaks S3, through obstore."""

import os
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Any, Self

from obstore.store import S3Store

from app.domain.location import BucketName
from app.settings import StorageSettings

if TYPE_CHECKING:
    from obstore.store import RetryConfig

# A request holds a thread, and a person waits for it: give up within half a minute.
_RETRIES: "RetryConfig" = {"max_retries": 4, "retry_timeout": timedelta(seconds=30)}
_ENDPOINTS = ("AWS_ENDPOINT_URL_S3", "AWS_ENDPOINT_URL", "AWS_ENDPOINT")


@dataclass(frozen=True)
class Bucket:
    """A bucket, a prefix in it, and who asks."""

    name: BucketName
    store: S3Store

    @classmethod
    def of(cls, name: BucketName, settings: StorageSettings) -> Self:
        """The bucket of this name.

        What the settings leave open is found as every AWS tool finds it: `AWS_...` variables, the
        role of the machine. Nothing is asked of the server yet.
        """
        endpoint = settings.s3_endpoint or next(filter(None, map(os.environ.get, _ENDPOINTS)), None)
        given: dict[str, Any] = {
            "aws_endpoint_url_s3": endpoint,  # the variable of this name comes before `endpoint`
            "region": settings.s3_region,
            "access_key_id": settings.s3_key_id,
            "secret_access_key": settings.s3_secret,
        }
        return cls(
            name,
            S3Store(
                name.bucket,
                # Signed addresses then name a host of this bucket alone, which a content policy can
                # allow. A dot in the name would not fit Amazon's certificate.
                virtual_hosted_style_request=endpoint is None and "." not in name.bucket,
                # One object at a time is what is deleted here, and not all servers know more.
                disable_bulk_delete=True,
                client_options={
                    "connect_timeout": "5s",
                    "timeout": "2m",
                    "allow_http": (endpoint or "").startswith("http://"),
                },
                retry_config=_RETRIES,
                **{key: value for key, value in given.items() if value is not None},
            ),
        )

    def key(self, name: str) -> str:
        """The key of what has this name beneath the prefix."""
        return self.name.key(name)
