"""OpenVINO as the engine of a frozen backbone on a CPU, where it is installed and agrees with torch."""

from __future__ import annotations

import importlib
import logging
import warnings
from typing import TYPE_CHECKING, Any, Final

import torch
from torch import Tensor, nn

if TYPE_CHECKING:
    from collections.abc import Callable

TOLERANCE: Final = 1e-4  # of the largest feature
_CHECKED: Final = 3  # pictures of noise that both engines see before the new one is trusted
_log = logging.getLogger(__name__)


class Engine:
    """A compiled network: uint8 pictures of one size in, features out. One thread at a time."""

    def __init__(self, request: Any, size: int) -> None:
        self._request = request
        self._size = size

    def takes(self, batch: Tensor) -> bool:
        """Whether it computes this batch [B, 3, H, W]."""
        size = (self._size, self._size)
        return len(batch) > 0 and batch.dtype == torch.uint8 and tuple(batch.shape[2:]) == size

    def __call__(self, batch: Tensor) -> Tensor:
        """uint8 [B, 3, size, size] to float32 [B, dim]; quickest if channels lie innermost."""
        pictures = batch.detach().cpu().permute(0, 2, 3, 1).contiguous()
        found = self._request.infer([pictures.numpy()], share_inputs=True)
        return torch.from_numpy(found[0].copy())


def quick_engine(
    reference: Callable[[Tensor], Tensor], module: nn.Module, size: int
) -> Engine | None:
    """The module compiled by OpenVINO, in float32 on as many threads as torch has.

    Takes seconds. None where OpenVINO is not installed, cannot convert the network, or differs
    from the reference by more than TOLERANCE of the largest feature; the last two are logged.

    Args:
        reference: uint8 [B, 3, size, size] to float32 [B, dim], what it must agree with.
        module: uint8 [B, size, size, 3] to float32 [B, dim], in evaluation mode on the CPU.
        size: side of the pictures in pixels.
    """
    try:
        openvino = importlib.import_module("openvino")
    except ImportError:
        return None
    try:
        engine = Engine(_compiled(openvino, module.eval(), size), size)
        noise = torch.Generator().manual_seed(0)
        shape = (_CHECKED, 3, size, size)
        pictures = torch.randint(0, 256, shape, dtype=torch.uint8, generator=noise)
        expected = reference(pictures)
        apart = float((engine(pictures) - expected).abs().max() / expected.abs().max())
    except Exception as error:  # noqa: BLE001 - whatever it cannot do, torch can
        _log.warning("OpenVINO cannot run this network, torch does: %s", error)
        return None
    if not apart <= TOLERANCE:
        _log.warning("OpenVINO's features are %.2g away from torch's, torch computes them", apart)
        return None
    return engine


def _compiled(openvino: Any, module: nn.Module, size: int) -> Any:
    # The frontend itself: openvino.convert_model does the same and brings in a telemetry package.
    frontends = importlib.import_module("openvino.frontend")
    decoders = importlib.import_module("openvino.frontend.pytorch.ts_decoder")
    with warnings.catch_warnings(), torch.no_grad():
        warnings.simplefilter("ignore")  # tracing is deprecated, yet what the frontend reads best
        example = torch.zeros(2, size, size, 3, dtype=torch.uint8)
        traced = torch.jit.trace(module, example)  # type: ignore[no-untyped-call]
    frontend = frontends.FrontEndManager().load_by_framework("pytorch")
    # The frontend borrows the decoder: it must live until the conversion is done.
    decoder = decoders.TorchScriptPythonDecoder(traced)
    model = frontend.convert(frontend.load(decoder))
    model.reshape([-1, size, size, 3])
    options = {
        "INFERENCE_PRECISION_HINT": "f32",  # its default is bfloat16 where the processor has it
        "INFERENCE_NUM_THREADS": torch.get_num_threads(),
        "NUM_STREAMS": 1,
    }
    return openvino.Core().compile_model(model, "CPU", options).create_infer_request()
