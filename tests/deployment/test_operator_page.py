"""docs/operator.md says of settings and processes what the code does."""

import re
import shlex
from pathlib import Path

from pydantic.fields import FieldInfo
from typer.testing import CliRunner

from app.domain.job import Queue
from app.settings import Settings
from vetted.cli import main

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "operator.md").read_text()


def default_of(field: FieldInfo) -> str:
    if field.is_required():
        return "required"
    if isinstance(field.default, bool):
        return str(field.default).lower()
    return "none" if field.default is None else f"{field.default:,}"


def commands() -> list[str]:
    """The lines of the page's shell blocks, with continued lines joined."""
    blocks = re.findall(r"^ *```sh\n(.*?)^ *```", PAGE, re.MULTILINE | re.DOTALL)
    lines = "".join(blocks).replace("\\\n", " ").splitlines()
    return [line.strip() for line in lines if line.strip()]


def test_the_table_is_that_of_the_settings() -> None:
    rows = re.findall(r"^\| `(VETTED_\w+)` \| (.*?) \| (.*?) \|$", PAGE, re.MULTILINE)
    expected = [
        (f"VETTED_{name.upper()}", default_of(field), field.description)
        for name, field in Settings.model_fields.items()
    ]
    # What must be given comes first.
    assert rows == sorted(expected, key=lambda row: row[1] != "required")


def test_every_setting_that_is_mentioned_exists() -> None:
    fields = {f"VETTED_{name.upper()}" for name in Settings.model_fields}
    assert set(re.findall(r"\bVETTED_[A-Z0-9_]+", PAGE)) <= fields


def test_the_workers_of_the_page_serve_every_queue() -> None:
    workers = [shlex.split(line) for line in commands() if line.startswith("celery ")]
    served = {argv[argv.index("-Q") + 1] for argv in workers}
    assert served == set(Queue)
    for argv in workers:
        assert ("-B" in argv) is ("light" in argv)


def test_the_vetted_commands_of_the_page_exist() -> None:
    named = [line for line in commands() if line.startswith("vetted ")]
    assert named
    for line in named:
        words = shlex.split(line)[1:]
        verbs = [word for word in words if re.fullmatch(r"[a-z]+", word)][:2]
        options = {word for word in words if word.startswith("--")}
        shown = CliRunner().invoke(main, [*verbs, "--help"], env={"COLUMNS": "200"})
        assert shown.exit_code == 0, line
        assert all(option in shown.output for option in options), line
