from pathlib import Path

import pytest
import torch

from models import checkpoint
from models.score import score
from tests.models.clusters import clusters, trained


def test_a_model_comes_back_whole(tmp_path: Path) -> None:
    model = trained(*clusters(3, 4))
    path = tmp_path / "new folder" / "model.safetensors"
    checkpoint.save(model, path)
    back = checkpoint.load(path)
    assert back.config == model.config
    assert not back.training
    features, _ = clusters(3, 5, seed=1)
    ((category, confidence),) = score(model, [features])
    ((category_back, confidence_back),) = score(back, [features])
    assert category.equal(category_back)
    assert confidence.equal(confidence_back)


def test_equal_models_give_equal_bytes() -> None:
    content = checkpoint.to_bytes(trained(*clusters(3, 4)))
    assert checkpoint.to_bytes(checkpoint.from_bytes(content)) == content


def test_a_failing_write_leaves_the_old_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    model = trained(*clusters(3, 4))
    path = tmp_path / "model.safetensors"
    checkpoint.save(model, path)
    before = path.read_bytes()

    def full(_: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(checkpoint.os, "fsync", full)
    with pytest.raises(OSError, match="No space"):
        checkpoint.save(model, path)
    assert path.read_bytes() == before
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize("kept", [0, 4, 8, 100, -1])
def test_a_cut_checkpoint_is_refused(kept: int) -> None:
    content = checkpoint.to_bytes(trained(*clusters(3, 4)))
    with pytest.raises(ValueError, match="not an intact checkpoint"):
        checkpoint.from_bytes(content[:kept])


def test_foreign_files_are_refused(tmp_path: Path) -> None:
    torch.save({"mean": torch.zeros(3)}, tmp_path / "pickle.pt")
    with pytest.raises(ValueError, match="not an intact checkpoint"):
        checkpoint.load(tmp_path / "pickle.pt")
    content = checkpoint.to_bytes(trained(*clusters(3, 4)))
    with pytest.raises(ValueError, match="format is 'metric-9'"):
        checkpoint.from_bytes(content.replace(b"metric-2", b"metric-9"))
