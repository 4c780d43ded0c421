"""torchvision, also where its compiled operators do not match the torch beside it."""

from __future__ import annotations

import importlib
import threading
from typing import TYPE_CHECKING, Final

import torch

if TYPE_CHECKING:
    from types import ModuleType

# A CPU wheel of torch beside the registry's torchvision cannot load torchvision's compiled half,
# and the import then stops at the first operator that is only declared there. Networks need
# neither of them: declared without a body, they let the import through.
_SCHEMAS: Final = {
    "nms": "nms(Tensor dets, Tensor scores, float iou_threshold) -> Tensor",
    "qnms": "qnms(Tensor dets, Tensor scores, float iou_threshold) -> Tensor",
}
_lock = threading.Lock()
_kept: list[torch.library.Library] = []  # torch takes a definition back with its Library


def load_torchvision() -> ModuleType:
    """Import torchvision and return it; on complete builds this is the import and no more.

    Only on the exact error "operator torchvision::nms does not exist" (or qnms), the missing
    schemas are defined and the import is tried once more. Detection operators and
    torchvision.io stay unusable in that case: use neither.

    Raises:
        ImportError, RuntimeError: what torchvision's own import raised for any other reason.
    """
    with _lock:
        try:
            return importlib.import_module("torchvision")
        except RuntimeError as error:
            if str(error) not in {_missing(name) for name in _SCHEMAS}:
                raise
        _define_missing_operators()
        return importlib.import_module("torchvision")


def _missing(operator: str) -> str:
    return f"operator torchvision::{operator} does not exist"


def _define_missing_operators() -> None:
    library = torch.library.Library("torchvision", "FRAGMENT")  # type: ignore[no-untyped-call]
    _kept.append(library)
    for name, schema in _SCHEMAS.items():
        if not hasattr(torch.ops.torchvision, name):
            library.define(schema)  # type: ignore[no-untyped-call]
