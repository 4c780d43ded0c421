"""The REST API from Python: one caller with one token, and the patience to call again."""

from vetted.client.errors import BrokenOffError, RefusedError, RoundFailedError, StoppedError
from vetted.client.patience import Patience
from vetted.client.rest import Client, Picture
from vetted.client.uploads import ArchiveUpload

__all__ = [
    "ArchiveUpload",
    "BrokenOffError",
    "Client",
    "Patience",
    "Picture",
    "RefusedError",
    "RoundFailedError",
    "StoppedError",
]
