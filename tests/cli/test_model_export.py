"""`vetted model export` on a model that was stored as a round stores it."""

import json
from pathlib import Path

import pytest
import torch
from click.testing import Result
from sqlalchemy import select
from typer.testing import CliRunner

from app.blobs import FolderBlobs
from app.db.tables import ModelVersion, Round
from models import checkpoint
from models.backbone import load_backbone
from models.config import MetricConfig
from models.network import build
from models.vision import load_torchvision
from tests.factories import make_labeling, make_project, make_user
from vetted.cli import main
from vetted.database import session_at


@pytest.fixture
def weights(tmp_path: Path) -> Path:
    """A folder with the weights of a small network, as an operator keeps it."""
    folder = tmp_path / "weights"
    folder.mkdir()
    network = load_torchvision().models.get_model("squeezenet1_1", weights=None)
    torch.save(network.state_dict(), folder / "small.pth")
    return folder


@pytest.fixture
def database(database_url: str, tmp_path: Path, weights: Path) -> str:
    """Round 1 of `flowers` has trained a head for two categories."""
    with session_at(database_url) as session:
        project = make_project(session, make_user(session, "lead", lead=True), "flowers")
        make_labeling(session, tmp_path / "blobs", project, proposals=1)
        of = session.scalars(select(Round)).one()
        of.backbone, of.weights = "squeezenet1_1", "small.pth"
        backbone = load_backbone(of.backbone, weights / of.weights, image_size=of.image_size)
        head = build(features=backbone.dim, categories=2, config=MetricConfig(dimension=8))
        model = session.scalars(select(ModelVersion)).one()
        model.fingerprint = backbone.fingerprint
        FolderBlobs(tmp_path / "blobs").put(model.blob_key, checkpoint.to_bytes(head))
    return database_url


def export(database: str, tmp_path: Path, weights: Path | None) -> Result:
    environment = {
        "VETTED_DATABASE_URL": database,
        "VETTED_DATA_DIR": str(tmp_path),
        "VETTED_WEIGHTS_DIR": str(weights) if weights else None,
    }
    words = ["model", "export", "flowers", "1", str(tmp_path / "out")]
    return CliRunner().invoke(main, words, env=environment)


def test_the_folder_stands_for_itself(database: str, tmp_path: Path, weights: Path) -> None:
    done = export(database, tmp_path, weights)
    assert done.exit_code == 0, done.output
    assert "ONNX and torch differ by" in done.output
    assert {file.name for file in (tmp_path / "out").iterdir()} == {
        "backbone.safetensors", "head.safetensors", "config.json", "model.onnx", "classify.py",
    }  # fmt: skip
    config = json.loads((tmp_path / "out/config.json").read_text())
    assert [each["name"] for each in config["categories"]] == ["Alpine aster", "Spring gentian"]
    assert len(config["content_hash"]) == 64


def test_other_weights_are_refused(database: str, tmp_path: Path, weights: Path) -> None:
    assert "--weights-dir" in export(database, tmp_path, None).output
    network = load_torchvision().models.get_model("squeezenet1_1", weights=None)
    torch.save(network.state_dict(), weights / "small.pth")
    refused = export(database, tmp_path, weights)
    assert (refused.exit_code, (tmp_path / "out").exists()) == (1, False)
    assert "not the weights" in refused.output
