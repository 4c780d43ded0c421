"""`vetted demo`: everything started, a project made and answered for some rounds, then yours."""

import json
import os
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.panel import Panel

from app.domain.access import Scope
from app.domain.errors import TakenError
from app.usecases.people import add_user, create_token
from migrations.run import upgrade
from vetted.client import Client
from vetted.database import session_at
from vetted.demo import loop
from vetted.demo.backbone import choose_backbone
from vetted.demo.drawing import write_folder
from vetted.demo.folder import Folder, divide
from vetted.demo.progress import Progress
from vetted.embedded.stack import Stack

SLUG = "demo"
STATE = "demo.json"
DRAWN_PER_CATEGORY = 50
DRAWN_DISTRACTORS = 120
LEAD, LABELER, EXPERT = "lead", "labeler", "expert"


@dataclass(frozen=True)
class Demo:
    """What the command was asked for. `images` and `weights` None: drawn flowers, found weights."""

    data_dir: Path
    images: Path | None
    weights: Path | None
    rounds: int


@dataclass
class State:
    """What a second `make demo` must know to resume; kept private, since it holds passwords."""

    images: str | None
    backbone: str
    weights: str | None
    rounds: int
    passwords: dict[str, str]
    tokens: dict[str, str]
    ingested: bool = False
    released: bool = False


def run_demo(demo: Demo, *, host: str, port: int | None) -> None:
    """Start or resume the demo and stay until it is stopped.

    Raises:
        ValueError: when the folder of pictures cannot be used, or the demo that is there was made
            with other pictures.
    """
    console = Console()
    demo.data_dir.mkdir(parents=True, exist_ok=True)
    state = _load(demo)
    with Progress(console) as progress:
        if state is None:
            state = _new_state(demo, console)
        folder = divide(_pictures(demo, progress))
        if state.weights is not None:
            os.environ["VETTED_WEIGHTS_DIR"] = str(Path(state.weights).parent)
    console.print("Starting the database, the broker, the web service and the workers ...")
    with Stack(demo.data_dir, migrate=upgrade, host=host, port=port) as stack:
        _ensure_people(stack.database_url, demo.data_dir, state)
        _welcome(console, stack.url, state, "The demo is being prepared; you can look on:")
        with Progress(console) as progress, _clients(stack.url, state) as (lead, expert):
            _prepare(demo.data_dir, state, folder, lead, progress)
            _run_rounds(state, folder, lead, expert, progress)
        state.released = True
        _save(demo.data_dir, state)
        _report(console, stack.url, state)
        _welcome(console, stack.url, state, "The next round waits for you:")
        stack.wait()


def _load(demo: Demo) -> State | None:
    file = demo.data_dir / STATE
    if not file.is_file():
        return None
    state = State(**json.loads(file.read_text(encoding="utf-8")))
    for option, asked, kept in (
        ("IMAGES", demo.images, state.images),
        ("WEIGHTS", demo.weights, state.weights),
    ):
        if asked is not None and str(asked.resolve()) != kept:
            raise ValueError(
                f"The demo that is there was made with other {option}. "
                "Run `make demo-reset` first, then `make demo` again."
            )
    return state


def _new_state(demo: Demo, console: Console) -> State:
    choice = choose_backbone(demo.weights, partial(console.print, soft_wrap=True))
    state = State(
        images=str(demo.images.resolve()) if demo.images else None,
        backbone=choice.name,
        weights=str(choice.weights) if choice.weights else None,
        rounds=demo.rounds,
        passwords={login: secrets.token_urlsafe(9) for login in (LEAD, LABELER, EXPERT)},
        tokens={},
    )
    _save(demo.data_dir, state)
    return state


def _save(data_dir: Path, state: State) -> None:
    file = data_dir / STATE
    temporary = file.with_suffix(".tmp")
    temporary.touch(mode=0o600)
    temporary.write_text(json.dumps(asdict(state), indent=1), encoding="utf-8")
    temporary.replace(file)


def _pictures(demo: Demo, progress: Progress) -> Path:
    """The folder of pictures; without one, flowers are drawn once."""
    state = _load(demo)
    if state is not None and state.images is not None:
        return Path(state.images)
    drawn = demo.data_dir / "drawn"
    if not (drawn / "categories.json").is_file():  # written last
        write_folder(
            drawn,
            per_category=DRAWN_PER_CATEGORY,
            distractors=DRAWN_DISTRACTORS,
            progress=lambda done, total: progress("Drawing flowers", done, total),
        )
    return drawn


def _ensure_people(database_url: str, data_dir: Path, state: State) -> None:
    wanted = {LEAD: [Scope.LEAD, Scope.INGEST, Scope.LABEL], EXPERT: [Scope.LABEL], LABELER: []}
    names = {LEAD: "Demo lead", EXPERT: "Simulated expert", LABELER: "Demo labeler"}
    for login, scopes in wanted.items():
        with session_at(database_url) as session:
            try:
                add_user(
                    session,
                    login,
                    names[login],
                    state.passwords[login],
                    may_create_projects=login == LEAD,
                )
            except TakenError:
                session.rollback()
        if scopes and login not in state.tokens:
            with session_at(database_url) as session:
                state.tokens[login] = create_token(session, login, "demo", frozenset(scopes))
            _save(data_dir, state)


@contextmanager
def _clients(url: str, state: State) -> Iterator[tuple[Client, Client]]:
    with Client(url, state.tokens[LEAD]) as lead, Client(url, state.tokens[EXPERT]) as expert:
        yield lead, expert


def _prepare(
    data_dir: Path, state: State, folder: Folder, lead: Client, progress: Progress
) -> None:
    if state.ingested:
        return
    loop.create_project(lead, _plan(state))
    for login in (EXPERT, LABELER):
        lead.put(f"/projects/{SLUG}/members/{login}", {"role": "labeler"})
    loop.seed(lead, SLUG, folder, progress)
    loop.ingest(lead, SLUG, folder.pool, progress)
    state.ingested = True
    _save(data_dir, state)


def _plan(state: State) -> dict[str, Any]:
    return {
        "slug": SLUG,
        "name": Path(state.images).name if state.images else "Drawn flowers",
        "description": "A demonstration: a simulated expert answered the first rounds.",
        # One part of the pool for each answered round and one for the round that is left to you.
        "policy": "disjoint",
        "subsets": state.rounds + 1,
        "backbone": state.backbone,
        "weights": Path(state.weights).name if state.weights else None,
    }


def _run_rounds(
    state: State, folder: Folder, lead: Client, expert: Client, progress: Progress
) -> None:
    """Answer the first rounds, then leave one open. Resumes where it was; never touches yours."""
    if state.released:
        return
    truth = folder.truth()
    while _closed(lead) < state.rounds:
        loop.full_round(lead, expert, SLUG, truth, progress)
    loop.propose(lead, SLUG, progress)


def _closed(lead: Client) -> int:
    return sum(each["state"] == "closed" for each in lead.get(f"/projects/{SLUG}/rounds"))


def _report(console: Console, url: str, state: State) -> None:
    with Client(url, state.tokens[LEAD]) as lead:
        rounds = lead.get(f"/projects/{SLUG}/rounds")
    for found in reversed(rounds):
        accuracy = "-" if found["top1"] is None else f"{found['top1']:.1%}"
        precision = "-" if found["precision"] is None else f"{found['precision']:.1%}"
        console.print(
            f"Round {found['number']} ({found['state']}): accuracy on the test split {accuracy}, "
            f"{found['proposals'] or 0} proposals, {found['yes']} yes, {found['no']} no, "
            f"precision {precision}",
            highlight=False,
        )


def _welcome(console: Console, url: str, state: State, title: str) -> None:
    console.print(
        Panel.fit(
            f"{url}\n\n"
            f"labeler   login [b]{LABELER}[/b]   password [b]{state.passwords[LABELER]}[/b]\n"
            f"lead      login [b]{LEAD}[/b]      password [b]{state.passwords[LEAD]}[/b]\n\n"
            "Ctrl+C stops everything; `make demo` resumes; `make demo-reset` starts afresh.",
            title=title,
        ),
        highlight=False,
    )
