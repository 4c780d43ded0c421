"""The Dockerfile: linted, and in step with the package it installs. It was never built by tests."""

import fnmatch
import importlib.util
import re
import subprocess
import sys
import tomllib
from pathlib import Path
from types import ModuleType

import pytest

ROOT = Path(__file__).parents[2]
DOCKERFILE = ROOT / "Dockerfile"
TEXT = DOCKERFILE.read_text()
PYPROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())
PACKAGES = ("app", "workers", "models", "migrations", "vetted")
HADOLINT = Path(sys.executable).with_name("hadolint")


def stages() -> dict[str, tuple[str, str]]:
    """Name of each stage: what it is built from, and its instructions."""
    found = re.findall(r"^FROM (\S+) AS (\S+)\n(.*?)(?=^FROM |\Z)", TEXT, re.MULTILINE | re.DOTALL)
    return {name: (parent, body) for parent, name, body in found}


def requirements_script() -> ModuleType:
    spec = importlib.util.spec_from_file_location("_", ROOT / "deploy" / "requirements.py")
    assert spec
    assert spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def lint(text: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [HADOLINT, "--no-color", "-"], input=text, capture_output=True, text=True, check=False
    )


def test_hadolint_has_nothing_to_say() -> None:
    linted = lint(TEXT)
    assert linted.stdout + linted.stderr == ""
    assert linted.returncode == 0


def test_hadolint_would_have_said_it() -> None:
    assert "DL3007" in lint("FROM python:latest\n").stdout


def test_bases_are_slim_and_pinned_by_tag() -> None:
    outside = {parent for parent, _ in stages().values()} - set(stages())
    assert len(outside) == 1
    for image in outside:
        assert re.fullmatch(r"python:3\.\d+-slim-[a-z]+", image)


@pytest.mark.parametrize("target", ["web", "worker"])
def test_images_run_a_fixed_command_as_nobody_special(target: str) -> None:
    parent, body = stages()[target]
    assert parent == "runtime"
    user, group = re.findall(r"^USER (\d+):(\d+)$", body, re.MULTILINE)[-1]
    assert f"--uid {user} " in TEXT
    assert f"--gid {group} " in TEXT
    assert re.search(r'^CMD \["', body, re.MULTILINE)
    # Nothing is installed after the change of user, and nothing belongs to that user but /data.
    assert "RUN" not in body.partition("USER")[2]
    assert "--chown" not in body


def test_nothing_comes_from_elsewhere_or_stays_in_a_layer() -> None:
    assert not re.search(r"^ADD ", TEXT, re.MULTILINE)
    assert "ARG " not in TEXT
    assert not re.search(r"(PASSWORD|SECRET_KEY|TOKEN)\s*=", TEXT)
    assert "://" not in TEXT.replace("http://127.0.0.1:8000/", "")


def test_the_web_image_is_built_without_the_learning_stack() -> None:
    assert "--from=libraries" in stages()["web"][1]
    assert "--from=learning" in stages()["worker"][1]
    script = requirements_script()
    web = script.requirements(ROOT / "pyproject.toml", "web")
    learning = script.requirements(ROOT / "pyproject.toml", "learning")
    assert {line.partition("==")[0] for line in learning} == {"torch", "torchvision", "openTSNE"}
    assert {*web, *learning} == {*PYPROJECT["project"]["dependencies"]}
    assert not {*web} & {*learning}


def test_what_the_web_image_runs_needs_no_learning_stack() -> None:
    program = """
import sys
for name in ("torch", "torchvision", "openTSNE", "sklearn", "scipy"):
    sys.modules[name] = None  # importing it fails, as where it is not installed
import app.main, vetted.cli, workers.celery
from workers.runner import MODULES
from app.domain.job import QUEUE_OF, Queue
for kind, module in MODULES.items():
    if QUEUE_OF[kind] is not Queue.COMPUTE:
        __import__(module)
"""
    environment = {
        "VETTED_DATABASE_URL": "postgresql+psycopg://nobody@127.0.0.1/none",
        "VETTED_BROKER_URL": "redis://127.0.0.1/0",
        "VETTED_DATA_DIR": "/nonexistent",
        "VETTED_SECRET_KEY": "0123456789abcdef" * 2,
    }
    subprocess.run([sys.executable, "-c", program], cwd=ROOT, env=environment, check=True)


def test_the_wheel_carries_every_file_of_the_packages() -> None:
    patterns = PYPROJECT["tool"]["setuptools"]["package-data"]["*"]
    tracked = subprocess.run(
        ["git", "ls-files", *PACKAGES], cwd=ROOT, capture_output=True, text=True, check=False
    )
    if tracked.returncode != 0:
        pytest.skip("not in a git repository")
    names = [Path(line) for line in tracked.stdout.splitlines()]
    left_out = [
        str(path)
        for path in names
        if path.suffix != ".py" and not any(fnmatch.fnmatch(path.name, p) for p in patterns)
    ]
    assert left_out == []


def test_the_builder_is_given_what_it_copies_and_nothing_secret() -> None:
    lines = (ROOT / ".dockerignore").read_text().splitlines()
    rules = [line for line in lines if line and not line.startswith("#")]
    assert rules[0] == "*"
    given = {rule[1:].rstrip("/") for rule in rules if rule.startswith("!")}
    assert {*PACKAGES, "pyproject.toml", "constraints.txt", "deploy/requirements.py"} <= given
    assert PYPROJECT["project"]["readme"] in given
