from importlib.util import find_spec
from pathlib import Path
from urllib.error import URLError

import pytest
import safetensors.torch
import torch
from torch import Tensor, nn

from models.backbone import (
    MEAN,
    STD,
    WeightsUnavailable,
    _without_classifier,
    load_backbone,
)
from models.engine import quick_engine
from models.vision import load_torchvision

SIZE = 64  # small pictures: the networks are whole, the work is not
HEADS = {"mobilenet_v2": "classifier", "squeezenet1_1": "classifier", "resnet18": "fc"}
DIMS = {"mobilenet_v2": 1280, "squeezenet1_1": 512, "resnet18": 512}


@pytest.fixture(scope="module")
def networks() -> dict[str, nn.Module]:
    torch.manual_seed(0)
    models = load_torchvision().models
    return {name: models.get_model(name, weights=None).eval() for name in HEADS}


@pytest.fixture
def files(networks: dict[str, nn.Module], tmp_path: Path) -> dict[str, Path]:
    for name, network in networks.items():
        torch.save(network.state_dict(), tmp_path / f"{name}.pth")
    return {name: tmp_path / f"{name}.pth" for name in networks}


@pytest.fixture
def pictures() -> Tensor:
    chance = torch.Generator().manual_seed(1)
    return torch.randint(0, 256, (2, 3, SIZE, SIZE), dtype=torch.uint8, generator=chance)


@pytest.mark.parametrize("name", list(HEADS))
def test_features_are_the_input_of_the_classifier(
    name: str, networks: dict[str, nn.Module], files: dict[str, Path], pictures: Tensor
) -> None:
    backbone = load_backbone(name, files[name], image_size=SIZE)
    found = backbone.features(pictures)
    assert (backbone.name, backbone.dim, backbone.image_size) == (name, DIMS[name], SIZE)
    assert (found.shape, found.dtype) == ((2, DIMS[name]), torch.float32)

    seen: list[Tensor] = []
    head = getattr(networks[name], HEADS[name])
    handle = head.register_forward_pre_hook(lambda _, inputs: seen.append(inputs[0]))
    mean, std = torch.tensor(MEAN).view(3, 1, 1), torch.tensor(STD).view(3, 1, 1)
    with torch.inference_mode():
        networks[name]((pictures / 255 - mean) / std)
    handle.remove()
    expected = seen[0].mean((2, 3)) if seen[0].ndim == 4 else seen[0]
    torch.testing.assert_close(found, expected, rtol=1e-3, atol=1e-4)
    torch.testing.assert_close(backbone.features(pictures / 255), found)


def test_the_fingerprint_follows_the_weights_not_the_file(
    networks: dict[str, nn.Module], files: dict[str, Path], tmp_path: Path
) -> None:
    state = networks["resnet18"].state_dict()
    bare = {k: v.clone() for k, v in state.items() if not k.startswith("fc.")}
    safetensors.torch.save_file(bare, tmp_path / "bare.safetensors")
    changed = dict(state)
    changed["conv1.weight"] = changed["conv1.weight"] + 1e-3
    torch.save(changed, tmp_path / "changed.pth")

    def fingerprint(path: Path, size: int = SIZE) -> str:
        return load_backbone("resnet18", path, image_size=size).fingerprint

    first = fingerprint(files["resnet18"])
    assert len(first) == 64
    assert fingerprint(tmp_path / "bare.safetensors") == first
    assert fingerprint(tmp_path / "changed.pth") != first
    assert fingerprint(files["resnet18"], 96) != first


@pytest.mark.parametrize(
    ("name", "lost"),
    [
        ("convnext_tiny", {"classifier.2"}),  # the LayerNorm before it stays
        ("densenet121", {"classifier"}),
        ("efficientnet_b0", {"classifier.1"}),
        ("googlenet", {"fc", "aux1", "aux2"}),
        ("mobilenet_v3_small", {"classifier.0", "classifier.3"}),
        ("maxvit_t", {"classifier.3", "classifier.5"}),
        ("swin_t", {"head"}),
        ("vit_b_16", {"heads.head"}),
    ],
)
def test_only_the_weights_of_the_classifier_are_dropped(name: str, lost: set[str]) -> None:
    options = {"init_weights": False} if name == "googlenet" else {}
    with torch.device("meta"):  # shapes alone, no tensors
        network = load_torchvision().models.get_model(name, weights=None, **options)
    before = set(network.state_dict())
    after = {key.replace(".parts.", ".") for key in _without_classifier(network).state_dict()}
    assert after < before
    assert all(any(key.startswith(f"{part}.") for part in lost) for key in before - after)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda state: state.pop("layer1.0.conv1.weight"), "lacks 1 tensors.*layer1.0.conv1"),
        (lambda state: state.clear(), "lacks"),
        (lambda state: state.update({"conv1.weight": torch.ones(2, 2)}), r"shape \[2, 2\]"),
        (lambda state: state["bn1.weight"].fill_(torch.nan), "'bn1.weight' holds NaN"),
        (lambda state: state.update({"epoch": 3}), "not a plain state_dict"),
    ],
)
def test_unfit_weights_are_refused(
    change: object, message: str, files: dict[str, Path], tmp_path: Path
) -> None:
    state = torch.load(files["resnet18"], weights_only=True)
    change(state)  # type: ignore[operator]
    torch.save(state, tmp_path / "unfit.pth")
    with pytest.raises(ValueError, match=message):
        load_backbone("resnet18", tmp_path / "unfit.pth", image_size=SIZE)


@pytest.mark.parametrize("name", ["noise.pth", "noise.safetensors", "empty.pth"])
def test_files_that_are_no_weights_are_refused(name: str, tmp_path: Path) -> None:
    (tmp_path / name).write_bytes(b"" if name.startswith("empty") else b"\x80\x02}q\x00nonsense")
    with pytest.raises(ValueError, match="cannot be read as a state_dict"):
        load_backbone("resnet18", tmp_path / name)


def test_code_in_a_weights_file_does_not_run(tmp_path: Path) -> None:
    class Bomb:
        def __reduce__(self) -> tuple[object, tuple[str]]:
            return Path.touch, (tmp_path / "ran",)  # type: ignore[return-value]

    torch.save({"fc.weight": Bomb()}, tmp_path / "bomb.pth")
    with pytest.raises(ValueError, match="cannot be read as a state_dict"):
        load_backbone("resnet18", tmp_path / "bomb.pth")
    assert not (tmp_path / "ran").exists()


def test_names_paths_and_sizes_are_checked(tmp_path: Path, files: dict[str, Path]) -> None:
    with pytest.raises(ValueError, match="no classification network 'resnet19'"):
        load_backbone("resnet19", None)
    with pytest.raises(ValueError, match="no weights file"):
        load_backbone("resnet18", tmp_path / "missing.pth")
    with pytest.raises(ValueError, match="image_size"):
        load_backbone("resnet18", None, image_size=0)
    with pytest.raises(ValueError, match="cannot take pictures of 3 px"):
        load_backbone("squeezenet1_1", files["squeezenet1_1"], image_size=3)
    with pytest.raises(ValueError, match="has no weights"):
        load_backbone("filterbank", tmp_path / "any.pth")


@pytest.mark.parametrize("error", [URLError("no route"), RuntimeError("invalid hash value")])
def test_a_failed_download_says_what_to_do(
    monkeypatch: pytest.MonkeyPatch, error: Exception
) -> None:
    def unreachable(*_: object, **__: object) -> None:
        raise error

    load_torchvision()
    monkeypatch.setattr("torchvision.models._api.load_state_dict_from_url", unreachable)
    with pytest.raises(WeightsUnavailable, match=r"local weights file.*filterbank"):
        load_backbone("squeezenet1_1", None)


def test_the_filterbank_needs_no_weights(pictures: Tensor) -> None:
    backbone = load_backbone("filterbank", None, image_size=SIZE)
    found = backbone.features(pictures)
    assert found.shape == (2, backbone.dim)
    assert len(backbone.fingerprint) == 64


def test_batches_of_another_kind_are_refused(files: dict[str, Path], pictures: Tensor) -> None:
    backbone = load_backbone("squeezenet1_1", files["squeezenet1_1"], image_size=SIZE)
    with pytest.raises(ValueError, match=r"\[B, 3, H, W\]"):
        backbone.features(pictures[0])
    with pytest.raises(ValueError, match="uint8 or float"):
        backbone.features(pictures.int())
    broken = torch.rand(3, 3, SIZE, SIZE)
    broken[1, 2, 5, 5] = torch.nan
    with pytest.raises(ValueError, match="Picture 1 of this batch has pixels that are NaN"):
        backbone.features(broken)


def test_whole_batches_give_the_same_features_by_any_engine(
    files: dict[str, Path], caplog: pytest.LogCaptureFixture
) -> None:
    pictures = torch.randint(0, 256, (16, 3, SIZE, SIZE), dtype=torch.uint8)
    backbone = load_backbone("squeezenet1_1", files["squeezenet1_1"], image_size=SIZE)
    few = torch.cat([backbone.features(part) for part in pictures.split(8)])
    assert backbone.engine == "torch"
    whole = backbone.features(pictures)
    assert backbone.engine == ("openvino" if find_spec("openvino") else "torch")
    torch.testing.assert_close(whole, few, rtol=1e-3, atol=1e-4)
    torch.testing.assert_close(backbone.features(pictures[:3]), few[:3], rtol=1e-3, atol=1e-4)
    assert not caplog.records


def test_an_engine_that_differs_is_not_used(caplog: pytest.LogCaptureFixture) -> None:
    pytest.importorskip("openvino")

    class Sums(nn.Module):
        def forward(self, pictures: Tensor) -> Tensor:
            return pictures.float().sum((1, 2))

    module = Sums()

    def right(pictures: Tensor) -> Tensor:
        return module(pictures.permute(0, 2, 3, 1))

    assert quick_engine(right, module, 8) is not None
    assert quick_engine(lambda pictures: 1.01 * right(pictures), module, 8) is None
    assert "away from torch's" in caplog.text
