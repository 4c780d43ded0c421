"""The loop with everything in a bucket: pictures, features, model, exports, and the commands."""

import dataclasses
import hashlib
import io
import zipfile
from functools import partial
from pathlib import Path

import pytest
from typer.testing import CliRunner

from app.blobs import open_blobs
from models.config import MetricConfig
from tests import factories
from tests.memory_jobs import MemoryJobs
from tests.s3 import S3
from tests.workers.factory import Factory
from tests.workers.test_rounds import flower
from vetted.cli import main
from workers import train_round
from workers.runner import Workbench, run_one


def test_the_loop_needs_no_folder(
    alone: Factory, s3: S3, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(train_round, "MetricConfig", partial(MetricConfig, steps=40))
    place = s3.prefix()
    alone.settings = alone.settings.model_copy(
        update=s3.given() | {"blobs": place, "data_dir": tmp_path / "never"}
    )
    with alone.transaction() as session:
        lead = session.get_one(factories.User, alone.lead)
        project = factories.make_project(session, lead, "meadow")
        project.threshold = 0.0
    client, jobs = alone.client(), MemoryJobs()
    client.app.state.context = dataclasses.replace(client.app.state.context, jobs=jobs)
    for species in range(2):
        name = f"Species {species}"
        client.post("projects/meadow/categories", json={"name": name}).raise_for_status()
        seeds = [("files", (f"{index}.jpg", flower(species, index))) for index in range(3)]
        sent = client.post("projects/meadow/examples", files=seeds, data={"category": name})
        assert sent.json()["stored"] == 3, sent.text
        crawled = [("files", (f"{index}.jpg", flower(species, index))) for index in range(3, 7)]
        assert client.post("projects/meadow/images", files=crawled).json()["stored"] == 4

    assert client.post("projects/meadow/rounds").status_code == 201
    bench = Workbench(
        alone.settings, alone.sessions, open_blobs(alone.settings, tmp_path / "never"), jobs
    )
    while jobs.sent:
        run_one(bench, jobs.sent.pop(0)[0])
    assert client.get("projects/meadow/rounds/1").json()["state"] == "labeling"

    shown = hashlib.sha256(flower(0, 0)).hexdigest()
    s3.requests.clear()
    copy = client.get(f"projects/meadow/images/{shown}/thumbnail")
    assert copy.headers["content-type"] == "image/webp"
    # It was made for the labelers already, and one request gets it.
    assert [each.method for each in s3.requests] == ["GET"]
    assert client.post("projects/meadow/rounds/1/close").status_code == 200
    export = client.get("projects/meadow/export")
    assert export.status_code == 200, export.text
    with zipfile.ZipFile(io.BytesIO(export.content)) as archive:
        pictures = [name for name in archive.namelist() if name.endswith(".jpg")]
        assert {hashlib.sha256(archive.read(name)).hexdigest() for name in pictures} >= {shown}
        assert archive.testzip() is None
    model = client.get("projects/meadow/rounds/1/model")
    assert model.status_code == 200

    # The commands find the bucket as the service does.
    given = s3.given() | {"blobs": place, "database_url": alone.settings.database_url}
    for name, value in given.items():
        monkeypatch.setenv(f"VETTED_{name.upper()}", value)
    target = tmp_path / "meadow.zip"
    told = CliRunner().invoke(main, ["export", "meadow", str(target)])
    assert told.exit_code == 0, told.output
    assert zipfile.ZipFile(target).testzip() is None
    assert not (tmp_path / "never" / "blobs").exists()
