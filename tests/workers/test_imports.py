"""Torch is loaded where it is needed, and nowhere else."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

CODE = Path(__file__).resolve().parents[2]
LOOK = "import sys, json; print(json.dumps(sorted(sys.modules)))"


def modules_after(statement: str) -> set[str]:
    environment = {
        **os.environ,
        "VETTED_DATABASE_URL": "postgresql+psycopg://nobody@127.0.0.1/none",
        "VETTED_BROKER_URL": "redis://127.0.0.1:1/0",
        "VETTED_DATA_DIR": "/nowhere",
        "VETTED_SECRET_KEY": "k" * 40,
    }
    argv = [sys.executable, "-c", f"{statement}; {LOOK}"]
    done = subprocess.run(
        argv, cwd=CODE, env=environment, check=True, capture_output=True, timeout=60
    )
    return set(json.loads(done.stdout.splitlines()[-1]))


@pytest.mark.parametrize(
    "statement",
    [
        "import app.main; app.main.create_app()",
        "import workers.celery",
        "import workers.celery, workers.derive_pictures",
    ],
)
def test_neither_the_web_service_nor_the_light_worker_loads_torch(statement: str) -> None:
    assert not {"torch", "torchvision", "models", "openTSNE", "numpy", "pyarrow"} & modules_after(
        statement
    )
