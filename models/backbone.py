"""Backbones: frozen networks that turn a batch of pictures into pooled features."""

from __future__ import annotations

import copy
import hashlib
import importlib
import pickle
from typing import TYPE_CHECKING, Final

import safetensors
import safetensors.torch
import torch
from torch import Tensor, nn

from models.engine import Engine, quick_engine
from models.vision import load_torchvision

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

FILTERBANK: Final = "filterbank"
MEAN: Final = (0.485, 0.456, 0.406)  # of ImageNet, as every torchvision classifier expects
STD: Final = (0.229, 0.224, 0.225)
GEOMETRY: Final = "short side 256/224, centre crop, bilinear"  # what models.features.prepare does
_HEADS: Final = ("classifier", "fc", "heads", "head")
_WHOLE_BATCH: Final = 16  # fewer pictures are not worth the seconds that compiling takes
_AUXILIARY: Final = ("aux1", "aux2", "AuxLogits")


class WeightsUnavailable(RuntimeError):  # noqa: N818 - reads as the state it reports
    """torchvision's pretrained weights could not be downloaded; the message says what to do."""


class Backbone:
    """A frozen network in evaluation mode, with its identity.

    It computes in float32: bfloat16 would be about twice as fast on a CPU, but moves the features
    of MobileNetV2 too far (cosine down to 0.9976), and differently on another machine, while
    features are cached under the fingerprint.

    On a CPU, OpenVINO computes whole batches where it is installed (the extra `fast`), in float32
    too: two to three times as fast, and within 1e-4 of torch's features, which is checked on this
    machine before it is used. So near, the engines are interchangeable, as torch on two machines
    is, and the fingerprint does not tell them apart. docs/features.md has the numbers.

    Attributes:
        name: torchvision's registry name, or "filterbank".
        dim: D, the width of the pooled features.
        image_size: side in pixels of the square pictures it was built for.
        fingerprint: hex SHA-256 over name, image_size, the transform's constants and the bytes
            of every tensor that takes part. Equal weights from another file give an equal one.
        device: where it computes.
    """

    def __init__(
        self, name: str, module: nn.Module, *, image_size: int, device: torch.device
    ) -> None:
        self.name = name
        self.image_size = image_size
        self.device = device
        self.fingerprint = _fingerprint(name, module, image_size)
        self._module = module.eval().requires_grad_(False).to(device)
        self._module.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
        own = name == FILTERBANK  # it takes pictures in 0..1 as they are
        mean, std = ((0.0,) * 3, (1.0,) * 3) if own else (MEAN, STD)
        self._mean = torch.tensor(mean, device=device).view(1, 3, 1, 1)
        self._std = torch.tensor(std, device=device).view(1, 3, 1, 1)
        self._engine: Engine | None = None
        self._decided = own or device.type != "cpu"  # the filter bank is quick enough
        self.dim = self._probe()

    @property
    def engine(self) -> str:
        """What computes batches: "torch", or "openvino" once the first whole batch has come."""
        return "torch" if self._engine is None else "openvino"

    @torch.inference_mode()
    def features(self, batch: Tensor) -> Tensor:
        """Pooled features of pictures: the input of the network's classifier, averaged over space.

        Args:
            batch: [B, 3, H, W], uint8 in 0..255 or float in 0..1.

        Returns:
            float32 [B, dim], on the backbone's device.

        Raises:
            ValueError: the batch has another shape or dtype, or pixels that are NaN or infinite;
                the message names the index of the picture.
        """
        if batch.ndim != 4 or batch.shape[1] != 3:  # noqa: PLR2004 - B, C, H, W of RGB
            raise ValueError(f"Give pictures as [B, 3, H, W]; this batch is {list(batch.shape)}.")
        if batch.dtype != torch.uint8 and not batch.is_floating_point():
            raise ValueError(f"Give pictures as uint8 or float; this batch is {batch.dtype}.")
        if batch.is_floating_point():
            _check_pixels(batch)
        if not self._decided and len(batch) >= _WHOLE_BATCH and batch.dtype == torch.uint8:
            self._decided = True
            self._engine = quick_engine(self._torch_features, self._wrapped(), self.image_size)
        if self._engine is not None and self._engine.takes(batch):
            return self._engine(batch)
        return self._torch_features(batch)

    def weights(self) -> dict[str, Tensor]:
        """Every tensor on the CPU, named as torchvision names them: `load_backbone` reads them back."""
        tensors = self._module.state_dict()
        return {_original(key): value.cpu().contiguous() for key, value in tensors.items()}

    def network(self) -> nn.Module:
        """The network on the CPU in evaluation mode: uint8 [B, H, W, 3] to float32 [B, dim]."""
        return copy.deepcopy(self._wrapped()).cpu().eval()

    def _torch_features(self, batch: Tensor) -> Tensor:
        scale = 255.0 if batch.dtype == torch.uint8 else 1.0
        pictures = batch.to(self.device, torch.float32) / scale
        pictures = (pictures - self._mean) / self._std
        pictures = pictures.contiguous(memory_format=torch.channels_last)
        pooled: Tensor = self._module(pictures)
        return pooled.float()

    def _wrapped(self) -> nn.Module:
        return _FromBytes(self._module, self._mean, self._std)

    def _probe(self) -> int:
        blank = torch.zeros(1, 3, self.image_size, self.image_size)
        try:
            return int(self.features(blank).shape[1])
        except (RuntimeError, AssertionError) as error:
            raise ValueError(
                f"{self.name} cannot take pictures of {self.image_size} px ({error}). "
                "Choose another image_size; 224 suits most networks.",
            ) from error


def _check_pixels(batch: Tensor) -> None:
    broken = (~batch.isfinite().all(1).all(1).all(1)).nonzero()
    if len(broken):
        raise ValueError(
            f"Picture {int(broken[0])} of this batch has pixels that are NaN or infinite. "
            "Decode it again or leave it out.",
        )


class _FromBytes(nn.Module):
    """uint8 [B, H, W, 3] to pooled features: the order in which decoded pictures lie in memory."""

    mean: Tensor
    std: Tensor

    def __init__(self, module: nn.Module, mean: Tensor, std: Tensor) -> None:
        super().__init__()
        self.module = module
        self.register_buffer("mean", mean)
        self.register_buffer("std", std)

    def forward(self, pictures: Tensor) -> Tensor:
        """Pooled features, float32 [B, dim]."""
        floats = pictures.permute(0, 3, 1, 2).float() / 255.0
        pooled: Tensor = self.module((floats - self.mean) / self.std)
        return pooled


class _Pooled(nn.Module):
    """What stands in place of a classifier: its parts before the first weights, then the mean."""

    def __init__(self, parts: list[nn.Module]) -> None:
        super().__init__()
        self.parts = nn.Sequential(*parts)

    def forward(self, inputs: Tensor) -> Tensor:
        """[B, C] or [B, C, h, w] to [B, C]."""
        outputs: Tensor = self.parts(inputs)
        return outputs.mean((2, 3)) if outputs.ndim == 4 else outputs.flatten(1)  # noqa: PLR2004


def load_backbone(
    name: str,
    weights: Path | None,
    *,
    image_size: int = 224,
    device: torch.device | str = "cpu",
) -> Backbone:
    """Build a frozen backbone.

    Args:
        name: a classification network of torchvision's registry, or "filterbank".
        weights: a local state_dict (.pth read with weights_only, or .safetensors). Tensors of the
            classifier may be missing or present. None: torchvision's default pretrained weights
            (downloaded once), or nothing at all for "filterbank".
        image_size: side in pixels of the pictures it will get.
        device: where it shall compute.

    Raises:
        ValueError: unknown name, unreadable file, missing or misshapen tensors.
        WeightsUnavailable: the download failed.
    """
    if image_size < 1:
        raise ValueError(f"image_size is a side in pixels, at least 1; got {image_size}.")
    if name == FILTERBANK:
        if weights is not None:
            raise ValueError('"filterbank" has no weights; leave the weights file out.')
        module: nn.Module = importlib.import_module("models.filterbank").FilterBank()
    elif weights is None:
        module = _downloaded(name, image_size)
    else:
        module = _from_file(name, weights, image_size)
    return Backbone(name, module, image_size=image_size, device=torch.device(device))


def _registry_model(name: str, image_size: int, weights: object = None) -> nn.Module:
    """The network without its classifier; ValueError for a name torchvision does not know."""
    models = load_torchvision().models
    if name not in models.list_models(module=models):
        raise ValueError(
            f"torchvision knows no classification network {name!r}. Use a name of "
            'torchvision.models.list_models(), such as "mobilenet_v2", or "filterbank".',
        )
    # Only a vision transformer fixes the size of its pictures at construction.
    sized = {"image_size": image_size} if name.startswith("vit_") and weights is None else {}
    model: nn.Module = models.get_model(name, weights=weights, **sized)
    return _without_classifier(model)


def _without_classifier(model: nn.Module) -> nn.Module:
    head = next(name for name in _HEADS if isinstance(getattr(model, name, None), nn.Module))
    classifier = getattr(model, head)
    layers = list(classifier) if isinstance(classifier, nn.Sequential) else [classifier]
    kept: list[nn.Module] = []
    for layer in layers:
        if isinstance(layer, (nn.Linear, nn.Conv2d)):
            break
        kept.append(layer)  # such as the LayerNorm of ConvNeXt: without weights of a classifier
    setattr(model, head, _Pooled(kept))
    if hasattr(model, "aux_logits"):  # GoogLeNet and Inception: helpers of training only
        model.aux_logits = False  # type: ignore[assignment]
        for name in _AUXILIARY:
            setattr(model, name, None)
        # Their published weights expect it, and torchvision sets it only when it downloads.
        model.transform_input = True  # type: ignore[assignment]
    return model


def _downloaded(name: str, image_size: int) -> nn.Module:
    try:
        return _registry_model(name, image_size, weights="DEFAULT")
    except (OSError, RuntimeError) as error:  # no network, or a file with the wrong hash
        raise WeightsUnavailable(
            f"The pretrained weights of {name} could not be downloaded ({error}). Connect to the "
            "internet once, name a local weights file, or use the backbone "
            f'"{FILTERBANK}", which needs none.',
        ) from error


def _from_file(name: str, path: Path, image_size: int) -> nn.Module:
    model = _registry_model(name, image_size)
    own = model.state_dict()
    given = {_renamed(key): tensor for key, tensor in _read_tensors(path).items()}
    missing = sorted(k for k in own if k not in given and not k.endswith("num_batches_tracked"))
    if missing:
        raise ValueError(
            f"{path.name} lacks {len(missing)} tensors of {name}, the first is {missing[0]!r}. "
            f"Give a plain state_dict of torchvision's {name}.",
        )
    for key, tensor in own.items():
        if key in given and given[key].shape != tensor.shape:
            raise ValueError(
                f"{path.name}: {key!r} has shape {list(given[key].shape)}, {name} needs "
                f"{list(tensor.shape)}. Give a state_dict of torchvision's {name}.",
            )
        if key in given and not given[key].isfinite().all():
            raise ValueError(f"{path.name}: {key!r} holds NaN or infinity. Give intact weights.")
    model.load_state_dict({k: given.get(k, own[k]) for k in own})
    return model


def _renamed(key: str) -> str:
    """Where a tensor of torchvision's classifier lies once _Pooled stands in its place."""
    head, _, rest = key.partition(".")
    return f"{head}.parts.{rest}" if head in _HEADS else key


def _original(key: str) -> str:
    """What `_renamed` renamed."""
    head, _, rest = key.partition(".parts.")
    return f"{head}.{rest}" if head in _HEADS else key


def _read_tensors(path: Path) -> Mapping[str, Tensor]:
    try:
        if path.suffix == ".safetensors":
            return safetensors.torch.load_file(path)
        content = torch.load(path, map_location="cpu", weights_only=True)
    except FileNotFoundError as error:
        raise ValueError(f"There is no weights file {path}. Check the path.") from error
    except (
        OSError,
        RuntimeError,
        EOFError,
        ValueError,
        pickle.UnpicklingError,
        safetensors.SafetensorError,
    ) as error:
        raise ValueError(
            f"{path.name} cannot be read as a state_dict. Save one with "
            "torch.save(model.state_dict(), path) or as .safetensors.",
        ) from error
    if not isinstance(content, dict) or not all(
        isinstance(k, str) and isinstance(v, Tensor) for k, v in content.items()
    ):
        raise ValueError(
            f"{path.name} is not a plain state_dict (names to tensors). Save "
            "model.state_dict() itself, without anything around it.",
        )
    return content


def _fingerprint(name: str, module: nn.Module, image_size: int) -> str:
    # FilterBank computes its filters, so a change of its code must show: it counts its versions.
    version = getattr(module, "version", 0) if name == FILTERBANK else 0
    digest = hashlib.sha256(repr((name, image_size, MEAN, STD, GEOMETRY, version)).encode())
    for key, tensor in sorted(module.state_dict().items()):
        if key.endswith("num_batches_tracked"):  # counted in training, unused in evaluation
            continue
        plain = tensor.detach().cpu().contiguous()
        digest.update(repr((key, str(plain.dtype), list(plain.shape))).encode())
        digest.update(plain.view(torch.uint8).numpy().tobytes() if plain.numel() else b"")
    return digest.hexdigest()
