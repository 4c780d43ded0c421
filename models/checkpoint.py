"""Trained models as bytes and files: safetensors, the settings as JSON in its header, no pickle.

Equal models give equal bytes, so a checkpoint can be stored under the hash of its content.
"""

from __future__ import annotations

import json
import os
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import safetensors
import safetensors.torch
import torch

from models.config import MetricConfig
from models.network import MetricModel, build

if TYPE_CHECKING:
    from torch import Tensor

KEY: Final = "vetted"  # one key only: safetensors would write several in any order
_FORMAT: Final = "metric-2"
_BEFORE: Final = "metric-1"  # Triplet-A+HN alone, without a temperature
_LENGTH: Final = 8  # bytes in front of a safetensors header that say how long it is


def to_bytes(model: MetricModel) -> bytes:
    """The whole model: tensors, sizes and settings."""
    about = {
        "format": _FORMAT,
        "config": model.config.to_json(),
        "categories": model.categories,
    }
    tensors = {name: tensor.cpu().contiguous() for name, tensor in model.state_dict().items()}
    return safetensors.torch.save(tensors, {KEY: json.dumps(about, sort_keys=True)})


def from_bytes(content: bytes) -> MetricModel:
    """The model of to_bytes, in evaluation mode, on the CPU.

    Raises:
        ValueError: the bytes are no checkpoint of this program, or are damaged.
    """
    try:
        return _rebuilt(header(content), safetensors.torch.load(content))
    except (KeyError, TypeError, ValueError, RuntimeError, safetensors.SafetensorError) as error:
        raise ValueError(
            f"This is not an intact checkpoint of a metric model ({error}). Train the model again.",
        ) from error


def header(content: bytes) -> dict[str, Any]:
    """The settings in the header of a safetensors file of this program.

    Raises:
        KeyError, TypeError, ValueError: there are none.
    """
    length = int.from_bytes(content[:_LENGTH], "little")
    about: dict[str, Any] = json.loads(
        json.loads(content[_LENGTH : _LENGTH + length])["__metadata__"][KEY]
    )
    return about


def save(model: MetricModel, path: Path) -> None:
    """Write `to_bytes` to a file, all or nothing: a reader sees the old file or the new one."""
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.NamedTemporaryFile(dir=path.parent, prefix=".checkpoint-", delete=False) as file:
        temporary = Path(file.name)
        try:
            file.write(to_bytes(model))
            file.flush()
            os.fsync(file.fileno())
            temporary.replace(path)
        except BaseException:
            temporary.unlink(missing_ok=True)
            raise


def load(path: Path) -> MetricModel:
    """The model of `save`.

    Raises:
        FileNotFoundError: there is no such file.
        ValueError: see from_bytes.
    """
    return from_bytes(Path(path).read_bytes())


def _rebuilt(about: dict[str, Any], tensors: dict[str, Tensor]) -> MetricModel:
    if about["format"] not in {_FORMAT, _BEFORE}:
        raise ValueError(f"its format is {about['format']!r}, not {_FORMAT!r}")
    config = MetricConfig.from_json(about["config"])
    if about["format"] == _BEFORE:
        about = {**about, "categories": len(tensors["anchors"])}
        tensors = {**tensors, "temperature": torch.ones(())}
    features = len(tensors["mean"])
    model = build(features=features, categories=about["categories"], config=config)
    model.load_state_dict(tensors)
    return model.eval().requires_grad_(requires_grad=False)
