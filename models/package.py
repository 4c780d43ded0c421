"""A trained model as a folder that stands for itself: safetensors, config, ONNX, a script.

backbone.safetensors   the network without its classifier, named as torchvision names it
head.safetensors       what the round trained; `models.checkpoint.load` reads it
config.json            sizes, constants, categories in the order of the outputs
model.onnx             both as one graph: pictures in, probabilities and embeddings out
classify.py            loads the graph and classifies pictures
"""

from __future__ import annotations

import importlib
import importlib.resources
import json
import warnings
from typing import TYPE_CHECKING, Any, Final

import safetensors.torch
import torch
from torch import Tensor, nn

from models import checkpoint
from models.backbone import FILTERBANK, GEOMETRY, MEAN, STD

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from models.backbone import Backbone
    from models.network import MetricModel

TOLERANCE: Final = 1e-4
"""How far ONNX Runtime's probabilities and embeddings may be from torch's."""
_BATCHES: Final = (1, 5)  # pictures of noise that both see: the graph must take any number
_OPSET: Final = 18


class NotTheSameError(ValueError):
    """The ONNX graph computes something else than the model; it was not written."""


def write_package(
    backbone: Backbone, head: MetricModel, about: Mapping[str, Any], folder: Path
) -> float | None:
    """Write the folder, which must be new or empty.

    Args:
        backbone: that the head was trained on.
        head: in evaluation mode, on the CPU.
        about: what config.json tells beside sizes and constants; "categories" names the outputs.
        folder: where to.

    Returns:
        The largest difference of the ONNX graph from torch; None for the filter bank, which is
        not a graph that ONNX can hold: neither model.onnx nor classify.py is written for it.

    Raises:
        ValueError: the folder holds something, or the names are not as many as the outputs.
        NotTheSameError: the graph is further from torch than TOLERANCE. No model.onnx is left.
        ImportError: onnx or onnxruntime is not installed (the extra `onnx`).
    """
    if len(about["categories"]) != head.categories:
        raise ValueError(
            f"{len(about['categories'])} names do not fit a model of {head.categories} categories."
        )
    folder.mkdir(parents=True, exist_ok=True)
    if any(folder.iterdir()):
        raise ValueError(f"{folder} is not empty. Name a new folder.")
    (folder / "head.safetensors").write_bytes(checkpoint.to_bytes(head))
    weights = backbone.weights()
    (folder / "backbone.safetensors").write_bytes(safetensors.torch.save(weights))
    _write_config(about, None, folder)
    if backbone.name == FILTERBANK:
        return None
    apart = _write_onnx(_Whole(backbone.network(), head), backbone.image_size, folder)
    _write_config(about, apart, folder)
    script = importlib.resources.files("models").joinpath("classify.py").read_bytes()
    (folder / "classify.py").write_bytes(script)
    return apart


def _write_config(about: Mapping[str, Any], apart: float | None, folder: Path) -> None:
    config = {
        **about,
        "format": "vetted-model-1",
        "mean": MEAN,
        "std": STD,
        "geometry": GEOMETRY,
        "onnx": None if apart is None else {"largest_difference": apart, "tolerance": TOLERANCE},
    }
    text = json.dumps(config, indent=2, ensure_ascii=False) + "\n"
    (folder / "config.json").write_text(text, encoding="utf-8")


class _Whole(nn.Module):
    """uint8 [B, S, S, 3], channels last, 0..255, to probabilities [B, N] and embeddings [B, d]."""

    def __init__(self, network: nn.Module, head: MetricModel) -> None:
        super().__init__()
        self.network = network
        self.head = head

    def forward(self, pictures: Tensor) -> tuple[Tensor, Tensor]:
        """See the class."""
        embeddings = self.head(self.network(pictures))
        return self.head.log_probabilities(embeddings).exp(), embeddings


def _write_onnx(model: nn.Module, size: int, folder: Path) -> float:
    """Write model.onnx beside, compare, and only then give it its name."""
    runtime = importlib.import_module("onnxruntime")
    model.eval().requires_grad_(requires_grad=False)
    candidate = folder / "model.onnx.partial"
    try:
        _trace(model, size, candidate)
        session = runtime.InferenceSession(candidate, providers=["CPUExecutionProvider"])
        apart = max(_apart(model, session, _noise(count, size)) for count in _BATCHES)
        if not apart <= TOLERANCE:
            raise NotTheSameError(
                f"The ONNX graph is {apart:.2g} away from the model, more than {TOLERANCE:g}. "
                "It was not written; use the safetensors files."
            )
        candidate.rename(folder / "model.onnx")
    finally:
        candidate.unlink(missing_ok=True)
    return apart


def _trace(model: nn.Module, size: int, target: Path) -> None:
    names = ["pictures", "probabilities", "embeddings"]
    with warnings.catch_warnings(), torch.inference_mode():
        # The older of torch's two exporters: one file without another library, in a second and
        # not in fifteen. It is deprecated, and torch is pinned.
        warnings.simplefilter("ignore")
        torch.onnx.export(
            model,
            (_noise(2, size),),
            target,
            input_names=names[:1],
            output_names=names[1:],
            dynamic_axes={name: {0: "batch"} for name in names},
            opset_version=_OPSET,
            dynamo=False,
        )


def _apart(model: nn.Module, session: Any, pictures: Tensor) -> float:
    with torch.inference_mode():
        expected = model(pictures)
    found = session.run(None, {"pictures": pictures.numpy()})
    return max(
        float((torch.from_numpy(one) - other).abs().max())
        for one, other in zip(found, expected, strict=True)
    )


def _noise(count: int, size: int) -> Tensor:
    chance = torch.Generator().manual_seed(count)
    shape = (count, size, size, 3)
    return torch.randint(0, 256, shape, dtype=torch.uint8, generator=chance)
