import importlib
from types import ModuleType

import pytest
import torch

from models import vision


class Importing:
    """Stands for importlib.import_module: raises the given errors first, one a call."""

    def __init__(self, *errors: Exception) -> None:
        self.errors = list(errors)
        self.calls = 0

    def __call__(self, name: str) -> ModuleType:
        self.calls += 1
        if self.errors:
            raise self.errors.pop(0)
        return ModuleType(name)


def attempt(monkeypatch: pytest.MonkeyPatch, *errors: Exception) -> tuple[Importing, list[str]]:
    importing, defined = Importing(*errors), []
    monkeypatch.setattr(importlib, "import_module", importing)
    monkeypatch.setattr(vision, "_define_missing_operators", lambda: defined.append("both"))
    return importing, defined


def test_a_complete_build_is_only_imported(monkeypatch: pytest.MonkeyPatch) -> None:
    importing, defined = attempt(monkeypatch)
    assert vision.load_torchvision().__name__ == "torchvision"
    assert (importing.calls, defined) == (1, [])


@pytest.mark.parametrize("operator", ["nms", "qnms"])
def test_the_exact_error_is_answered_once(monkeypatch: pytest.MonkeyPatch, operator: str) -> None:
    error = RuntimeError(f"operator torchvision::{operator} does not exist")
    importing, defined = attempt(monkeypatch, error)
    assert vision.load_torchvision().__name__ == "torchvision"
    assert (importing.calls, defined) == (2, ["both"])


@pytest.mark.parametrize(
    "error",
    [
        RuntimeError("operator torchvision::roi_align does not exist"),
        RuntimeError("operator torchvision::nms does not exist, or so"),
        ImportError("operator torchvision::nms does not exist"),
    ],
)
def test_other_errors_pass_through(monkeypatch: pytest.MonkeyPatch, error: Exception) -> None:
    importing, defined = attempt(monkeypatch, error)
    with pytest.raises(type(error), match="operator"):
        vision.load_torchvision()
    assert (importing.calls, defined) == (1, [])


def test_torchvision_imports_here_and_both_operators_are_known() -> None:
    assert vision.load_torchvision().models.list_models()
    assert hasattr(torch.ops.torchvision, "nms")
