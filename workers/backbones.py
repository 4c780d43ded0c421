"""The backbone of a round or a project, loaded once per process."""

from functools import lru_cache
from pathlib import Path

import torch

from app.db.tables import Project, Round
from app.settings import Settings
from models.backbone import Backbone, WeightsUnavailable, load_backbone
from workers.runner import JobFailedError


def backbone_of(of: Round | Project, settings: Settings) -> Backbone:
    """The backbone with its weights: what a round was started with, or what a project has now.

    Raises:
        JobFailedError: when the weights are not there or do not fit; says what to do.
    """
    try:
        return _load(of.backbone, _weights_file(of.weights, settings), of.image_size)
    except (WeightsUnavailable, ValueError, FileNotFoundError) as error:
        raise JobFailedError(str(error)) from error


def _weights_file(name: str | None, settings: Settings) -> Path | None:
    if name is None:
        return None
    if settings.weights_dir is None:
        raise JobFailedError(
            f"The project names the weights file {name!r}, but VETTED_WEIGHTS_DIR is not set "
            "for this worker. Set it to the folder of weights files and start another round."
        )
    path = settings.weights_dir / name
    if not path.is_file():
        raise JobFailedError(
            f"There is no weights file {name!r} in the worker's weights folder. "
            "Put it there, then start another round."
        )
    return path


@lru_cache(maxsize=1)
def _load(name: str, weights: Path | None, image_size: int) -> Backbone:
    return load_backbone(name, weights, image_size=image_size, device=best_device())


def best_device() -> torch.device:
    """The GPU where there is one: what the compose file's `gpu` profile reserves."""
    return torch.device("cuda" if torch.cuda.is_available() else "cpu")
