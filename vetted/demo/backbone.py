"""Which backbone a demo uses: the one of a weights file, torchvision's own, or one built here."""

import socket
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from models.backbone import WeightsUnavailable, load_backbone
from models.vision import load_torchvision

DEFAULT = "mobilenet_v3_large"
WITHOUT_WEIGHTS = "filterbank"
_DOWNLOAD_PATIENCE = 10.0  # seconds without an answer


@dataclass(frozen=True)
class Choice:
    """A backbone's name and its weights file; None for weights that the backbone brings itself."""

    name: str
    weights: Path | None


def choose_backbone(weights: Path | None, tell: Callable[[str], None]) -> Choice:
    """Choose, and load it once, so that what is wrong with it shows now and not in a worker.

    Raises:
        ValueError: when no backbone fits the weights file.
    """
    if weights is not None:
        name = _named_by(weights)
        load_backbone(name, weights)
        return Choice(name, weights.resolve())
    try:
        with _patience(_DOWNLOAD_PATIENCE):
            load_backbone(DEFAULT, None)
    except WeightsUnavailable:
        tell(
            "Pretrained weights cannot be downloaded here; going on with a small backbone "
            f"that needs none ({WITHOUT_WEIGHTS})."
        )
        return Choice(WITHOUT_WEIGHTS, None)
    return Choice(DEFAULT, None)


def _named_by(weights: Path) -> str:
    """The longest torchvision name that the file's name begins with: `resnet50_mine.pth` is resnet50."""
    models = load_torchvision().models
    stem = weights.stem.lower().replace("-", "_")
    fitting = [name for name in models.list_models(module=models) if stem.startswith(name)]
    if not fitting:
        raise ValueError(
            f"Which network is {weights.name} for? Name the file after it, as in mobilenet_v2.pth "
            "or resnet50_flowers.pth: torchvision's name first."
        )
    return str(max(fitting, key=len))


@contextmanager
def _patience(seconds: float) -> Iterator[None]:
    """A network that swallows packets must not hold the demo up; torchvision sets no timeout."""
    before = socket.getdefaulttimeout()
    socket.setdefaulttimeout(seconds)
    try:
        yield
    finally:
        socket.setdefaulttimeout(before)
