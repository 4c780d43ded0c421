"""A model that is taken away computes what it computed here."""

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import onnxruntime
import pytest
import safetensors.torch
import torch
from PIL import Image

from models import checkpoint, package
from models.backbone import FILTERBANK, Backbone, load_backbone
from models.config import MetricConfig
from models.features import prepare
from models.network import MetricModel, build
from models.package import NotTheSameError, write_package
from models.vision import load_torchvision

SIZE = 64
NAMES = ["Aster", "Gl\u00f6ckchen", "Zinnie"]
ABOUT = {"categories": [{"name": name} for name in NAMES], "image_size": SIZE}


def small_backbone(folder: Path, name: str = "squeezenet1_1") -> Backbone:
    models = load_torchvision().models
    with torch.random.fork_rng():
        torch.manual_seed(0)
        torch.save(models.get_model(name, weights=None).state_dict(), folder / "weights.pth")
    return load_backbone(name, folder / "weights.pth", image_size=SIZE)


def small_head(features: int, method: str) -> MetricModel:
    head = build(features=features, categories=3, config=MetricConfig(method=method, dimension=8))
    chance = torch.Generator().manual_seed(1)
    for tensor in head.state_dict().values():
        if tensor.ndim > 0:
            tensor.copy_(torch.randn(tensor.shape, generator=chance))
    head.temperature.fill_(1.5)
    return head.eval().requires_grad_(requires_grad=False)


def photograph() -> Image.Image:
    noise = torch.randint(0, 256, (9, 13, 3), generator=torch.Generator().manual_seed(2))
    return Image.fromarray(noise.to(torch.uint8).numpy()).resize((130, 90))


def expected(backbone: Backbone, head: MetricModel, picture: Image.Image) -> torch.Tensor:
    with torch.inference_mode():
        embedded = head(backbone.features(prepare(picture, SIZE)[None]))
        return head.log_probabilities(embedded).exp()[0]


@pytest.mark.parametrize("method", ["Triplet-A+HN", "Softmax+HNM"])
def test_onnx_runtime_and_the_script_answer_as_the_product_does(
    tmp_path: Path, method: str
) -> None:
    backbone = small_backbone(tmp_path)
    head = small_head(backbone.dim, method)
    apart = write_package(backbone, head, ABOUT, tmp_path / "out")
    assert apart is not None
    assert apart <= 1e-4
    picture = photograph()
    picture.save(tmp_path / "p.png")
    wanted = expected(backbone, head, picture)

    session = onnxruntime.InferenceSession(tmp_path / "out/model.onnx")
    pixels = prepare(picture, SIZE).permute(1, 2, 0)[None].numpy()
    chances, embeddings = session.run(None, {"pictures": np.concatenate([pixels] * 3)})
    assert chances.shape == (3, 3)
    assert len(embeddings) == 3
    assert np.abs(chances - wanted.numpy()).max() <= 1e-4

    said = subprocess.run(
        [sys.executable, tmp_path / "out/classify.py", tmp_path / "p.png"],
        check=True, capture_output=True, text=True, encoding="utf-8",
        env={"PYTHONIOENCODING": "utf-8"},
    ).stdout.splitlines()  # fmt: skip
    assert [line.split("  ")[1] for line in said] == [NAMES[i] for i in wanted.argsort().flip(0)]
    assert float(said[0].split("  ")[0]) == pytest.approx(float(wanted.max()), abs=2e-4)
    code = (tmp_path / "out/classify.py").read_text().splitlines()
    assert sum(bool(line) for line in code[1:]) <= 21


@pytest.mark.parametrize("name", ["squeezenet1_1", "convnext_tiny"])
def test_the_safetensors_are_the_model(tmp_path: Path, name: str) -> None:
    backbone = small_backbone(tmp_path, name)
    head = small_head(backbone.dim, "Triplet-A+HN")
    weights = backbone.weights()
    (tmp_path / "backbone.safetensors").write_bytes(safetensors.torch.save(weights))
    again = load_backbone(name, tmp_path / "backbone.safetensors", image_size=SIZE)
    assert again.fingerprint == backbone.fingerprint
    whole = load_torchvision().models.get_model(name, weights=None)
    missing, unexpected = whole.load_state_dict(weights, strict=False)
    assert unexpected == []
    assert all(key.startswith("classifier") for key in missing)
    checkpoint.save(head, tmp_path / "head.safetensors")
    assert (
        checkpoint.to_bytes(checkpoint.load(tmp_path / "head.safetensors"))
        == (tmp_path / "head.safetensors").read_bytes()
    )


def test_a_graph_that_computes_something_else_is_not_given_away(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(package, "TOLERANCE", -1.0)
    backbone = small_backbone(tmp_path)
    with pytest.raises(NotTheSameError, match="use the safetensors"):
        write_package(backbone, small_head(backbone.dim, "Softmax"), ABOUT, tmp_path / "out")
    assert {file.name for file in (tmp_path / "out").iterdir()} == {
        "backbone.safetensors",
        "head.safetensors",
        "config.json",
    }


def test_the_filter_bank_goes_without_onnx(tmp_path: Path) -> None:
    backbone = load_backbone(FILTERBANK, None, image_size=SIZE)
    head = small_head(backbone.dim, "Triplet-A+HN")
    assert write_package(backbone, head, ABOUT, tmp_path / "out") is None
    assert not (tmp_path / "out/model.onnx").exists()
    config = json.loads((tmp_path / "out/config.json").read_text(encoding="utf-8"))
    assert config["onnx"] is None
    assert config["categories"] == ABOUT["categories"]


def test_what_does_not_fit_is_refused(tmp_path: Path) -> None:
    backbone = load_backbone(FILTERBANK, None, image_size=SIZE)
    head = small_head(backbone.dim, "Softmax")
    with pytest.raises(ValueError, match="2 names do not fit a model of 3"):
        write_package(backbone, head, {"categories": [{}, {}]}, tmp_path / "out")
    (tmp_path / "full").mkdir()
    (tmp_path / "full/a").touch()
    with pytest.raises(ValueError, match="is not empty"):
        write_package(backbone, head, ABOUT, tmp_path / "full")
