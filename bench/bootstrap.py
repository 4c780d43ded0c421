"""The whole loop on real pictures, driven through the product's REST API by a simulated expert.

    python -m bench.bootstrap --images DIR --weights FILE --rounds 3 --json

Starts a database, a broker, a web process and workers of its own in a temporary folder, seeds a
project, pushes the pool as a crawler would, and runs the rounds. `accuracy` of a round is measured on
the frozen test split AFTER the round's growth, by the model that trains on it; `accuracy_before` is
that of the model trained on the seeds alone.
"""

import argparse
import json
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rich.console import Console

from app.domain.access import Scope
from app.usecases.people import add_user, create_token
from migrations.run import upgrade
from vetted.client import Client
from vetted.database import session_at
from vetted.demo import loop
from vetted.demo.backbone import Choice, choose_backbone
from vetted.demo.folder import SEEDS, Folder, divide, pictures_below
from vetted.demo.progress import Progress
from vetted.embedded.signals import exit_on_signals
from vetted.embedded.stack import Stack, throw_away_dir

PROJECT = "bootstrap"
LEAD, EXPERT = "lead", "expert"


@dataclass(frozen=True)
class Clients:
    """The two callers."""

    lead: Client
    expert: Client


def main() -> None:
    """Run the benchmark."""
    options = _options()
    console = Console(stderr=True)
    choice = choose_backbone(options.weights, console.print)
    folder = divide(
        options.images,
        seeds=options.seeds,
        unknown=options.unknown,
        distractors=pictures_below(options.distractors) if options.distractors else (),
    )
    with exit_on_signals(), throw_away_dir("vetted-bench-") as data_dir:
        if choice.weights is not None:
            os.environ["VETTED_WEIGHTS_DIR"] = str(choice.weights.parent)
        with (
            Stack(data_dir, migrate=upgrade) as stack,
            _clients(stack) as clients,
            Progress(console) as progress,
        ):
            result = _run(options, choice, folder, clients, progress)
    if not options.json:
        _show(result)
    print(json.dumps(result), flush=True)


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m bench.bootstrap", description=__doc__)
    parser.add_argument("--images", type=Path, required=True, help="DIR/<category>/*.jpg")
    parser.add_argument("--weights", type=Path, help="weights of the backbone, named after it")
    parser.add_argument("--distractors", type=Path, help="pictures of no category, any layout")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--seeds", type=int, default=SEEDS, help="seed pictures a category")
    parser.add_argument("--unknown", type=int, default=0, help="categories held out as distractors")
    parser.add_argument("--policy", choices=["disjoint", "rescore"], default="disjoint")
    parser.add_argument("--threshold", type=float, default=0.5)
    parser.add_argument("--json", action="store_true", help="nothing but the JSON on stdout")
    return parser.parse_args()


@contextmanager
def _clients(stack: Stack) -> Iterator[Clients]:
    tokens = {}
    with session_at(stack.database_url) as session:
        for login in (LEAD, EXPERT):
            add_user(session, login, login, "a password of nobody", may_create_projects=True)
            tokens[login] = create_token(session, login, "bench", frozenset(Scope))
    with Client(stack.url, tokens[LEAD]) as lead, Client(stack.url, tokens[EXPERT]) as expert:
        yield Clients(lead, expert)


def _run(
    options: argparse.Namespace,
    choice: Choice,
    folder: Folder,
    clients: Clients,
    progress: Progress,
) -> dict[str, Any]:
    began = time.monotonic()
    plan = {
        "slug": PROJECT,
        "name": "Bootstrap",
        "policy": options.policy,
        "subsets": options.rounds,
        "threshold": options.threshold,
        "backbone": choice.name,
        "weights": choice.weights.name if choice.weights else None,
    }
    loop.create_project(clients.lead, plan)
    clients.lead.put(f"/projects/{PROJECT}/members/{EXPERT}", {"role": "labeler"})
    loop.seed(clients.lead, PROJECT, folder, progress)
    ingesting = time.monotonic()
    ingested = loop.ingest(clients.lead, PROJECT, folder.pool, progress)
    ingest_seconds = time.monotonic() - ingesting
    truth = folder.truth()
    trained, closed = [], []
    for _ in range(options.rounds):
        found = loop.full_round(clients.lead, clients.expert, PROJECT, truth, progress)
        trained.append(found)
        closed.append(_round(found))
    final = _train_once_more(clients.lead, progress)
    for each, after in zip(closed, [*trained[1:], final], strict=True):
        each["accuracy"], each["mean_class"] = after["top1"], after["mean_class"]
    return {
        "images": options.images.name,
        "backbone": choice.name,
        "policy": options.policy,
        "categories": len(folder.divisions),
        "unknown": options.unknown,
        "seeds": sum(len(each.seed) for each in folder.divisions),
        "test": trained[0]["tested_on"],
        "pool": ingested,
        "ingest_seconds": round(ingest_seconds, 1),
        "accuracy_before": trained[0]["top1"],
        "mean_class_before": trained[0]["mean_class"],
        "rounds": closed,
        "seconds": round(time.monotonic() - began, 1),
    }


def _train_once_more(lead: Client, progress: Progress) -> Any:
    """A model trained on what the last round grew, measured; the round itself is then cancelled."""
    # Every part of the pool has been visited: a round needs something to score.
    lead.patch(f"/projects/{PROJECT}", {"policy": "rescore"})
    found = loop.propose(lead, PROJECT, progress)
    lead.post(f"/projects/{PROJECT}/rounds/{found['number']}/cancel")
    return found


def _round(found: dict[str, Any]) -> dict[str, Any]:
    seconds = {job["kind"]: job["seconds"] for job in found["jobs"]}
    return {
        "round": found["number"],
        "candidates": found["candidates"],
        "proposals": found["proposals"],
        "withheld": found["withheld"],
        "yes": found["yes"],
        "no": found["no"],
        "precision": found["precision"],
        "accuracy": None,
        "mean_class": None,
        "embed_seconds": seconds["embed_pool"],
        "train_seconds": seconds["train_round"],
        "score_seconds": seconds["score_pool"],
    }


def _show(result: dict[str, Any]) -> None:
    print(f"before: accuracy {result['accuracy_before']:.3f}")
    for each in result["rounds"]:
        print(
            f"round {each['round']}: {each['proposals']} proposals, {each['yes']} yes, "
            f"{each['no']} no, precision {each['precision']:.3f}, accuracy {each['accuracy']:.3f}, "
            f"train {each['train_seconds']:.1f} s, score {each['score_seconds']:.1f} s"
        )


if __name__ == "__main__":
    main()
