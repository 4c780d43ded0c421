"""The `vetted` command."""

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated

import httpx
import typer
from rich.console import Console

from app.blobs import open_blobs
from app.domain.access import Role, Scope
from app.domain.dataset import Split
from app.domain.errors import DomainError
from app.domain.event import Verb
from app.domain.importing import ImportFormat, Into, Rest, SplitBy
from app.domain.ingestion import SourceFacts, check_source
from app.domain.quota import Quota
from app.domain.takedown import check_reason, named
from app.export.formats import Format, file_name, write
from app.settings import StorageSettings
from app.usecases import people
from app.usecases.dataset.export_dataset import Filters, select_rows, version_to_export
from app.usecases.dataset.export_dataset import Wanted as WantedPart
from app.usecases.dataset.export_model import model_to_export
from app.usecases.events import record
from app.usecases.imports.import_plan import ImportOptions
from app.usecases.rounds.round_manifest import manifest_chunks, round_to_tell
from app.usecases.takedowns.tombstones import Asked
from migrations.run import upgrade
from vetted.client import BrokenOffError, Client, RefusedError, RoundFailedError
from vetted.database import URL, database, project_named, session_at
from vetted.embedded.errors import EmbeddedError
from vetted.embedded.signals import exit_on_signals
from vetted.embedded.stack import Stack, forget, running_environment
from vetted.importing.command import Wanted, import_pictures
from vetted.ingesting.command import Wanted as WantedIngest
from vetted.ingesting.command import ingest as ingest_pictures
from vetted.negatives import GENERIC, LICENCE, Generic, send_negatives
from vetted.takedowns import lift_on_server, preview_on_server, take_down_on_server

main = typer.Typer(no_args_is_help=True, help="Grow a fine-grained image dataset with experts.")
user = typer.Typer(no_args_is_help=True, help="People who sign in.")
member = typer.Typer(no_args_is_help=True, help="Who is in a project, and as what.")
model = typer.Typer(no_args_is_help=True, help="What rounds have trained.")
rounds = typer.Typer(no_args_is_help=True, help="What rounds were computed from.")
token = typer.Typer(no_args_is_help=True, help="Keys for programs.")
coarse = typer.Typer(no_args_is_help=True, help="What is out of a project's domain.")
main.add_typer(coarse, name="filter")
main.add_typer(user, name="user")
main.add_typer(member, name="member")
main.add_typer(token, name="token")
main.add_typer(model, name="model")
main.add_typer(rounds, name="round")

DataDir = Annotated[
    Path,
    typer.Option(envvar="VETTED_DATA_DIR", help="Folder of the embedded database and the pictures"),
]
VAR = Path("var")
DEMO = VAR / "demo"
CACHE = Path("~/.cache/vetted").expanduser()


@contextmanager
def _plain_refusals() -> Iterator[None]:
    """A refusal is a sentence, not a traceback."""
    try:
        yield
    except (
        DomainError, EmbeddedError, RefusedError, RoundFailedError, BrokenOffError, OSError,
        httpx.TransportError, ValueError,
    ) as error:  # fmt: skip
        typer.secho(str(error), fg="red", err=True)
        raise typer.Exit(1) from None


@main.command()
def up(
    data_dir: DataDir = VAR,
    host: Annotated[str, typer.Option(help="Where the web service listens")] = "127.0.0.1",
    port: Annotated[int | None, typer.Option(help="Its port; any free one without it")] = None,
    workers: Annotated[int, typer.Option(min=1, help="Processes that compute")] = 1,
    web: Annotated[int, typer.Option(min=1, help="Processes that answer requests")] = 1,
) -> None:
    """Run everything on this machine: database, broker, web service, workers. Ctrl+C stops it."""
    with (
        _plain_refusals(),
        exit_on_signals(),
        Stack(
            data_dir, migrate=upgrade, host=host, port=port, workers=workers, web_processes=web
        ) as stack,
    ):
        typer.echo(f"Vetted is at {stack.url}   (Ctrl+C stops it)")
        typer.echo("No account yet? In another terminal: vetted user add LOGIN --lead")
        stack.wait()


@main.command()
def migrate() -> None:
    """Bring the database of VETTED_DATABASE_URL to the newest schema (`up` does it by itself)."""
    url = os.environ.get(URL)
    if not url:
        typer.secho(f"Set {URL} to the database to migrate.", fg="red", err=True)
        raise typer.Exit(1)
    upgrade(url)
    typer.echo("The database is up to date.")


@user.command("add")
def user_add(
    login: str,
    name: Annotated[str | None, typer.Option(help="Shown to others; the login without it")] = None,
    lead: Annotated[bool, typer.Option("--lead", help="May create projects")] = False,  # noqa: FBT002
    data_dir: DataDir = VAR,
) -> None:
    """Create a user. The password is asked for, or read from standard input when that is a pipe."""
    if sys.stdin.isatty():
        password = typer.prompt("Password", hide_input=True, confirmation_prompt=True)
    else:
        password = sys.stdin.readline().rstrip("\n")
    with (
        _plain_refusals(),
        database(data_dir, may_begin=True) as url,
        session_at(url) as session,
    ):
        people.add_user(session, login, name or login, password, may_create_projects=lead)
    typer.echo(f"{login} can sign in.")


@member.command("add")
def member_add(
    project: str,
    login: str,
    role: Annotated[Role, typer.Option(help="What they may do")] = Role.LABELER,
    data_dir: DataDir = VAR,
) -> None:
    """Give a user a role in a project."""
    with _plain_refusals(), database(data_dir) as url, session_at(url) as session:
        found = project_named(session, project)
        people.set_member(session, found, login, role)
        record(session, found.id, None, Verb.SET_MEMBER, login, role=role)
    typer.echo(f"{login} is {role} of {project}.")


@token.command("add")
def token_add(
    login: str,
    scope: Annotated[list[Scope], typer.Option(help="What it may be used for; may be repeated")],
    name: Annotated[str, typer.Option(help="What it is for")] = "token",
    most_images: Annotated[
        int | None, typer.Option(min=1, help="Most pictures that it may bring in a day (UTC)")
    ] = None,
    most_bytes: Annotated[
        int | None, typer.Option(min=1, help="Most bytes of pictures in a day")
    ] = None,
    data_dir: DataDir = VAR,
) -> None:
    """Make an API token of a user and print it: it cannot be shown again."""
    with _plain_refusals(), database(data_dir) as url, session_at(url) as session:
        quota = Quota(most_images, most_bytes)
        made = people.create_token(session, login, name, frozenset(scope), quota)
    typer.echo(made)


@main.command("import")
def import_(
    path: Annotated[Path, typer.Argument(exists=True, help="Folder, zip, tar, CSV or JSON")],
    project: Annotated[str, typer.Option(help="Into which project")],
    url: Annotated[str, typer.Option(help="Where the service is")],
    token: Annotated[
        str, typer.Option(envvar="VETTED_TOKEN", help="A key with the scopes lead and ingest")
    ],
    kind: Annotated[
        ImportFormat | None, typer.Option("--format", help="Found out without it")
    ] = None,
    split: Annotated[SplitBy, typer.Option(help="Who decides train or test")] = SplitBy.GIVEN,
    rest: Annotated[Rest, typer.Option(help="Pictures without a category")] = Rest.SKIP,
    pool: Annotated[bool, typer.Option("--pool", help="Candidates, not examples")] = False,  # noqa: FBT002
    create: Annotated[bool, typer.Option(help="Make categories that are missing")] = True,  # noqa: FBT002
    keep: Annotated[
        Path | None,
        typer.Option(help="Folder that keeps fetched pictures, so that none is fetched twice"),
    ] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only say what would happen")] = False,  # noqa: FBT002
) -> None:
    """Push labelled pictures into a project. Addresses are fetched by this machine."""
    options = ImportOptions(Into.POOL if pool else Into.EXAMPLES, split, rest, create)
    wanted = Wanted(path, project, url, token, kind, options, keep, dry_run)
    with _plain_refusals():
        import_pictures(wanted, Console())


@main.command()
def ingest(
    what: Annotated[
        list[str],
        typer.Argument(
            help="Folders, pictures, archives (zip, tar), lists of addresses (.csv, .jsonl), "
            "addresses, or locations that the service knows (s3://bucket/prefix, server:/folder)"
        ),
    ],
    project: Annotated[str, typer.Option(help="Into which project")],
    url: Annotated[str, typer.Option(envvar="VETTED_URL", help="Where the service is")],
    token: Annotated[str, typer.Option(envvar="VETTED_TOKEN", help="A key with the scope ingest")],
    source: Annotated[
        str | None, typer.Option(help="Address that the pictures come from, where none is told")
    ] = None,
    author: Annotated[str | None, typer.Option(help="Where none is told")] = None,
    licence: Annotated[str | None, typer.Option(help="Where none is told")] = None,
    tag: Annotated[
        list[str] | None, typer.Option(help="Where none is told; may be repeated")
    ] = None,
    threads: Annotated[int, typer.Option(min=1, max=32, help="Requests at once")] = 4,
    patience: Annotated[
        float, typer.Option(min=0, help="Seconds that a service out of reach is waited for")
    ] = 3600,
    state: Annotated[
        Path | None, typer.Option(dir_okay=False, help="File that remembers what was acknowledged")
    ] = None,
    afresh: Annotated[bool, typer.Option("--afresh", help="Forget what was acknowledged")] = False,  # noqa: FBT002
    wait: Annotated[bool, typer.Option(help="Follow what the service does to the end")] = True,  # noqa: FBT002
) -> None:
    """Push crawled pictures into a pool. Run it again to go on: only what is missing is sent.

    Ends with 0 when all was taken, 3 when some pictures were rejected, 4 when the service was out of
    reach for too long, 1 when it refused, 130 after Ctrl+C.
    """
    with _plain_refusals():
        facts = check_source(SourceFacts(source, tuple(tag or ()), author, licence))
        wanted = WantedIngest(
            what, project, url, token, facts, threads, patience, state, afresh, wait
        )
        ended = ingest_pictures(wanted, Console())
    raise typer.Exit(ended)


@coarse.command("negatives")
def filter_negatives(
    project: Annotated[str, typer.Option(help="Of which project")],
    url: Annotated[str, typer.Option(envvar="VETTED_URL", help="Where the service is")],
    token: Annotated[str, typer.Option(envvar="VETTED_TOKEN", help="A key with the scope lead")],
    path: Annotated[
        Path | None, typer.Argument(exists=True, help="Folder of pictures, or one picture")
    ] = None,
    generic: Annotated[  # noqa: FBT002
        bool, typer.Option("--generic", help=f"Pictures of {GENERIC}, {LICENCE}, instead")
    ] = False,
    leave_out: Annotated[
        list[str] | None,
        typer.Option(help="A class of the generic set that is in the domain; may be repeated"),
    ] = None,
    each: Annotated[int, typer.Option(min=1, help="Pictures of each generic class")] = 20,
    keep: Annotated[
        Path, typer.Option(file_okay=False, help="Folder that keeps the generic set")
    ] = CACHE,
) -> None:
    """Give the coarse filter pictures of anything but the project's domain. Again is harmless."""
    with _plain_refusals():
        if generic == (path is not None):
            raise ValueError("Name a folder of pictures, or ask for --generic: one of the two.")
        wanted = path or Generic(keep, tuple(leave_out or ()), each)
        with Client(url.rstrip("/"), token) as client:
            counts = send_negatives(client, project, wanted, Console())
    for how, number in counts.most_common():
        typer.echo(f"{number} {how}")


@main.command()
def export(
    project: str,
    target: Annotated[Path, typer.Argument(help="File to write; a folder takes it by its name")],
    kind: Annotated[Format, typer.Option("--format", help="As what")] = Format.IMAGE_FOLDER,
    version: Annotated[int | None, typer.Option(help="Without it, the newest")] = None,
    part: Annotated[WantedPart | None, typer.Option(help="Without it, everything")] = None,
    split: Annotated[list[Split] | None, typer.Option(help="Of the examples")] = None,
    category: Annotated[list[str] | None, typer.Option(help="By name; may be repeated")] = None,
    licence: Annotated[list[str] | None, typer.Option(help="May be repeated")] = None,
    data_dir: DataDir = VAR,
) -> None:
    """Write a dataset version to a file, as the web service would send it."""
    filters = Filters(part, tuple(split or ()), tuple(category or ()), tuple(licence or ()))
    with _plain_refusals(), database(data_dir) as url:
        with session_at(url) as session:
            found = project_named(session, project)
            frozen = version_to_export(session, found, version)
            blobs = open_blobs(StorageSettings(), data_dir)
            selection = select_rows(session, blobs, found, frozen, filters)
            details = {"format": kind, **filters.told()}
            record(session, found.id, None, Verb.EXPORT_DATASET, frozen.number, **details)
        if target.is_dir():
            target /= file_name(selection.about, kind)
        with target.open("wb") as file:
            file.writelines(write(kind, selection))
    typer.echo(f"{sum(selection.about.rows.values())} pictures are in {target}.")
    if selection.about.taken_down:
        typer.echo(f"Taken down since, and left out: {selection.about.taken_down}.")


@main.command()
def takedown(
    what: Annotated[
        str,
        typer.Argument(help="SHA-256 of a picture, its link on this server, or another address"),
    ],
    reason: Annotated[str, typer.Option(help="Kept, for whoever looks later")] = "",
    copies: Annotated[bool, typer.Option("--copies", help="Near-duplicates as well")] = False,  # noqa: FBT002
    lift: Annotated[bool, typer.Option("--lift", help="Let it come again")] = False,  # noqa: FBT002
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask")] = False,  # noqa: FBT002
    data_dir: DataDir = VAR,
) -> None:
    """Remove pictures from all projects and from storage, and keep them out from now on."""
    with _plain_refusals(), database(data_dir) as url:
        named_here = named(what, copies=copies)
        if lift:
            typer.echo(lift_on_server(url, named_here))
            return
        asked = Asked(named_here, check_reason(reason))
        for line in preview_on_server(url, named_here):
            typer.echo(line)
        if not yes:
            typer.confirm("This cannot be undone: the pictures are erased. Go on?", abort=True)
        blobs = open_blobs(StorageSettings(), data_dir)
        for line in take_down_on_server(url, blobs, asked):
            typer.echo(line)


@model.command("export")
def model_export(
    project: str,
    number: Annotated[int, typer.Argument(metavar="ROUND", help="Whose model")],
    folder: Annotated[Path, typer.Argument(help="New folder to write")],
    weights_dir: Annotated[
        Path | None,
        typer.Option(
            envvar="VETTED_WEIGHTS_DIR", help="Folder of weights files, as workers have it"
        ),
    ] = None,
    data_dir: DataDir = VAR,
) -> None:
    """Write a round's model: safetensors, config, ONNX that was compared, a script that uses it."""
    # Here and not above: it brings in torch.
    from vetted.trained import export_model  # noqa: PLC0415

    with _plain_refusals(), database(data_dir) as url:
        with session_at(url) as session:
            found = project_named(session, project)
            trained = model_to_export(session, found, number)
            record(session, found.id, None, Verb.EXPORT_MODEL, number)
        apart = export_model(trained, open_blobs(StorageSettings(), data_dir), weights_dir, folder)
    if apart is None:
        typer.echo(f"{folder} holds the model, without ONNX: it cannot express {trained.backbone}.")
    else:
        typer.echo(f"{folder} holds the model. ONNX and torch differ by {apart:.1g} at most.")


@rounds.command("manifest")
def round_manifest(
    project: str,
    number: int,
    target: Annotated[Path, typer.Argument(help="File to write")],
    data_dir: DataDir = VAR,
) -> None:
    """Write what a round was computed from, and all that was asked and answered, as JSON."""
    with _plain_refusals(), database(data_dir) as url, session_at(url) as session:
        found = project_named(session, project)
        of = round_to_tell(session, found, number)
        with target.open("wb") as file:
            file.writelines(manifest_chunks(session, found, of))
    typer.echo(f"{target} holds the manifest.")


@rounds.command("replay")
def round_replay(
    project: str,
    number: int,
    manifest: Annotated[
        Path | None,
        typer.Option(
            exists=True, dir_okay=False, help="A kept manifest; the database's without it"
        ),
    ] = None,
    data_dir: DataDir = VAR,
) -> None:
    """Train and score a round again and say whether it proposes the same. Writes nothing."""
    # Here and not above: it brings in torch.
    from vetted.replaying import replay_round  # noqa: PLC0415

    with _plain_refusals(), database(data_dir) as url:
        replayed = replay_round(
            url, open_blobs(StorageSettings(), data_dir), project, number, manifest
        )
    found = replayed.comparison
    typer.echo(
        f"{replayed.proposals} proposals; {found.missing} are missing, {found.extra} are new, "
        f"{found.moved} stand elsewhere; confidences differ by {found.apart:.2g} at most; "
        f"the model is {'the same' if replayed.same_model else 'another one'}."
    )
    if replayed.taken_down:
        typer.echo(f"Left out, because they were taken down since: {replayed.taken_down} pictures.")
    if not found.identical:
        typer.secho("The proposals are not identical.", fg="red", err=True)
        raise typer.Exit(1)
    typer.echo("The proposals are identical.")


@main.command()
def demo(
    images: Annotated[
        Path | None,
        typer.Option(exists=True, file_okay=False, help="Folder of pictures: DIR/<category>/*.jpg"),
    ] = None,
    weights: Annotated[
        Path | None, typer.Option(exists=True, dir_okay=False, help="Weights of the backbone")
    ] = None,
    rounds: Annotated[
        int, typer.Option(min=0, help="Rounds that a simulated expert answers first")
    ] = 2,
    data_dir: Annotated[Path, typer.Option(help="Where the demo lives")] = DEMO,
    host: Annotated[str, typer.Option(help="Where the web service listens")] = "127.0.0.1",
    port: Annotated[int | None, typer.Option(help="Its port; any free one without it")] = None,
) -> None:
    """Run a demonstration project. Ctrl+C stops it, the same command resumes it."""
    # Here and not above: it brings in torch, which no other command needs.
    from vetted.demo.run import Demo, run_demo  # noqa: PLC0415

    with _plain_refusals(), exit_on_signals():
        run_demo(Demo(data_dir, images, weights, rounds), host=host, port=port)


@main.command("demo-reset")
def demo_reset(data_dir: Annotated[Path, typer.Option(help="Where the demo lives")] = DEMO) -> None:
    """Forget the demonstration project, so that the next one starts afresh."""
    if running_environment(data_dir) is not None:
        typer.secho("The demo is running. Stop it with Ctrl+C first.", fg="red", err=True)
        raise typer.Exit(1)
    forget(data_dir)
    typer.echo("The next `make demo` starts afresh.")
