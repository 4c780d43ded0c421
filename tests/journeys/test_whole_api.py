"""Every operation of the REST API against thousands of requests that nobody would think of."""

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select

from app.db.tables import Image
from app.domain.access import Scope
from app.usecases.people import create_token
from tests import factories
from tests.journeys.conftest import Server

pytestmark = pytest.mark.slow

# Requests of each operation and phase; `make fuzz` sends many more.
EXAMPLES = os.environ.get("VETTED_FUZZ", "3")
CHECKS = (
    "not_a_server_error", "status_code_conformance", "content_type_conformance",
    "response_headers_conformance", "response_schema_conformance",
)  # fmt: skip


@pytest.mark.parametrize(
    ("who", "scopes", "known"),
    [
        # With ids that are there, so that requests get far; those of the crawler are any.
        ("lena", frozenset(Scope), True),
        ("ada", frozenset(Scope), True),
        ("lena", frozenset({Scope.INGEST}), False),
    ],
    ids=["lead", "labeler", "crawler"],
)
def test_nothing_breaks_it_and_every_answer_is_documented(
    server: Server,
    labeling: Callable[..., factories.Labeling],
    tmp_path: Path,
    who: str,
    scopes: frozenset[Scope],
    *,
    known: bool,
) -> None:
    made = labeling()
    login = made.slug.replace("flowers", who)
    with server.sessions.begin() as session:
        token = create_token(session, login, "fuzz", scopes)
        images = select(Image.sha256).where(Image.project_id == made.project_id)
        sha256 = session.scalars(images.order_by(Image.id.desc())).first()
    there = {"project": made.slug}
    if known:
        there |= {"number": 1, "sha256": sha256, "category_id": made.category_ids[0]}
        there |= {"size": "thumbnail"}
    _describe(there, tmp_path)
    run = subprocess.run(
        _command(server, token, skips_edges=who != "lena" or not known),
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )
    assert run.returncode == 0, run.stdout[-20_000:] + run.stderr[-2_000:]


HOOKS = """
import schemathesis
schemathesis.serializer.alias("application/offset+octet-stream", "application/octet-stream")
"""


def _describe(there: dict[str, object], folder: Path) -> None:
    """Values of parameters in addresses: those that are made up would mostly end in 404."""
    lines = [f'"path.{name}" = {json.dumps(value)}' for name, value in there.items()]
    (folder / "more_types.py").write_text(HOOKS, encoding="utf-8")
    (folder / "schemathesis.toml").write_text(
        "\n".join(['hooks = "more_types"', "[parameters]", *lines]), encoding="utf-8"
    )


def _command(server: Server, token: str, *, skips_edges: bool) -> list[Any]:
    # Values at the edges of every schema, one by one: what refuses them is the same for everybody.
    edges = ["--phases", "fuzzing,stateful"] if skips_edges else []
    return [
        sys.executable, "-m", "schemathesis.cli", "--config-file", "schemathesis.toml",
        "--no-color", "run", f"{server.url}/api/v1/openapi.json",
        "--header", f"Authorization: Bearer {token}", "--checks", ",".join(CHECKS),
        "--max-examples", EXAMPLES, "--seed", "1", "--generation-database", "none",
        "--request-timeout", "30", "--suppress-health-check", "all", "--continue-on-failure",
        *edges,
    ]  # fmt: skip
