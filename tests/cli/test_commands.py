from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import Result
from sqlalchemy import inspect, select
from typer.testing import CliRunner

from app.db.session import make_engine
from app.db.tables import ApiToken, ProjectMember, User
from app.secrets import hash_token, password_matches
from tests.factories import make_labeling, make_project, make_user
from vetted.cli import main
from vetted.database import session_at

Vetted = Callable[..., Result]


@pytest.fixture
def vetted(database_url: str, tmp_path: Path) -> Vetted:
    """Runs the command against a fresh database."""

    def run(*words: str, typed: str = "") -> Result:
        environment = {"VETTED_DATABASE_URL": database_url, "VETTED_DATA_DIR": str(tmp_path)}
        return CliRunner().invoke(main, words, input=typed, env=environment)

    return run


def test_a_user_is_added_with_a_hashed_password(vetted: Vetted, database_url: str) -> None:
    result = vetted("user", "add", "Ada", "--lead", typed="correct horse battery\n")
    assert result.exit_code == 0, result.output
    with session_at(database_url) as session:
        ada = session.scalars(select(User)).one()
    assert (ada.login, ada.may_create_projects) == ("ada", True)
    assert ada.password_hash.startswith("$argon2id$")
    assert password_matches(ada.password_hash, "correct horse battery")


@pytest.mark.parametrize(
    ("words", "typed", "says"),
    [
        (("user", "add", "ada"), "short\n", "10 to 1000 characters"),
        (("user", "add", "a b"), "correct horse battery\n", "letters, digits"),
        (("token", "add", "nobody", "--scope", "ingest"), "", "no user 'nobody'"),
        (("member", "add", "nowhere", "nobody"), "", "no project 'nowhere'"),
    ],
)
def test_a_refusal_is_a_sentence_and_not_a_traceback(
    vetted: Vetted, words: tuple[str, ...], typed: str, says: str
) -> None:
    result = vetted(*words, typed=typed)
    assert result.exit_code == 1
    assert says in result.output
    assert "Traceback" not in result.output


def test_no_database_is_begun_by_a_wrong_folder(tmp_path: Path) -> None:
    words = ["token", "add", "ada", "--scope", "ingest", "--data-dir", str(tmp_path / "var")]
    result = CliRunner().invoke(main, words, env={"VETTED_DATABASE_URL": ""})
    assert (result.exit_code, "There is no database in" in result.output) == (1, True)
    assert not (tmp_path / "var").exists()


def test_a_token_is_printed_once_and_kept_as_a_hash(vetted: Vetted, database_url: str) -> None:
    vetted("user", "add", "crawler", typed="correct horse battery\n")
    quota = ("--most-images", "1000", "--most-bytes", "5000000000")
    token = vetted("token", "add", "crawler", "--scope", "ingest", *quota).output.strip()
    with session_at(database_url) as session:
        kept = session.scalars(select(ApiToken)).one()
    assert token.startswith("vetted_")
    assert kept.token_hash == hash_token(token)
    assert (kept.most_images, kept.most_bytes) == (1000, 5_000_000_000)
    assert kept.scopes == ["ingest"]


def test_a_member_gets_a_role(vetted: Vetted, database_url: str) -> None:
    with session_at(database_url) as session:
        make_project(session, make_user(session, "lead", lead=True), "flowers")
        labeler = make_user(session, "lab").id
    assert vetted("member", "add", "flowers", "lab", "--role", "labeler").exit_code == 0
    with session_at(database_url) as session:
        role = session.scalar(select(ProjectMember.role).where(ProjectMember.user_id == labeler))
    assert role == "labeler"


def test_a_version_is_written_to_a_file(vetted: Vetted, database_url: str, tmp_path: Path) -> None:
    with session_at(database_url) as session:
        project = make_project(session, make_user(session, "lead", lead=True), "flowers")
        make_labeling(session, tmp_path / "blobs", project, proposals=1)
    taken = vetted("export", "flowers", str(tmp_path), "--format", "jsonl", "--split", "train")
    assert taken.exit_code == 0, taken.output
    assert "6 pictures" in taken.output
    lines = (tmp_path / "flowers-v1-jsonl-part.jsonl").read_text().splitlines()
    assert len(lines) == 6
    refused = vetted("export", "flowers", str(tmp_path / "no.zip"), "--category", "Nobody")
    assert (refused.exit_code, (tmp_path / "no.zip").exists()) == (1, False)
    assert "no category 'Nobody'" in refused.output


def test_migrate_makes_the_tables(empty_database_url: str) -> None:
    environment = {"VETTED_DATABASE_URL": empty_database_url}
    result = CliRunner().invoke(main, ["migrate"], env=environment)
    assert result.exit_code == 0, result.output
    engine = make_engine(empty_database_url, connections=1)
    assert {"project", "decision"} <= set(inspect(engine).get_table_names())
    engine.dispose()


@pytest.mark.slow
def test_without_a_database_url_the_embedded_one_is_used_and_stopped(tmp_path: Path) -> None:
    environment = {"VETTED_DATABASE_URL": None}
    for login in ("ada", "ada"):
        result = CliRunner().invoke(
            main,
            ["user", "add", login, "--data-dir", str(tmp_path / "var")],
            input="correct horse battery\n",
            env=environment,
        )
    assert "already a user 'ada'" in result.output
    reset = CliRunner().invoke(main, ["demo-reset", "--data-dir", str(tmp_path / "var")])
    assert reset.exit_code == 0, reset.output
    assert not (tmp_path / "var").exists()
