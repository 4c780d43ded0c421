"""The whole job of the product, driven over its REST API: seed, ingest, rounds."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from itertools import islice
from pathlib import Path
from typing import Any, TypeVar

from vetted.client import Client, RefusedError, RoundFailedError
from vetted.demo.expert import answer_round
from vetted.demo.folder import Division, Folder

Item = TypeVar("Item")
Report = Callable[[str, int, int | None], None]
"""Called with what is being done, how far it is, and of how many (None while that is not known)."""

_FILES_A_REQUEST = 50
_REQUESTS_AT_ONCE = 2

WORDS = {
    "embedding": "Computing features",
    "training": "Training",
    "scoring": "Scoring the pool",
}


def create_project(client: Client, plan: dict[str, Any]) -> None:
    """Create the project, unless it is there."""
    try:
        client.post("/projects", plan)
    except RefusedError as refused:
        if refused.name != "taken":
            raise


def seed(client: Client, project: str, folder: Folder, report: Report) -> None:
    """Create the categories and upload their seed and test pictures.

    Raises:
        RefusedError: for a refusal of the whole request.
    """
    for division in folder.divisions:
        _ensure_category(client, project, division, look_alikes=())
    for division in folder.divisions:
        if division.about.get("look_alikes"):
            _describe(client, project, division)
    for done, division in enumerate(folder.divisions, 1):
        for split, files in (("test", division.test), ("train", division.seed)):
            for part in _parts(files, _FILES_A_REQUEST):
                client.seed(project, division.name, split, part)
        report("Seeding the categories", done, len(folder.divisions))


def _ensure_category(
    client: Client, project: str, division: Division, look_alikes: Sequence[str]
) -> None:
    try:
        client.post(f"/projects/{project}/categories", _facts(division, look_alikes))
    except RefusedError as refused:
        if refused.name != "taken":
            raise


def _describe(client: Client, project: str, division: Division) -> None:
    # A second pass: a look-alike must exist before it can be named.
    found = {each["name"]: each["id"] for each in client.get(f"/projects/{project}/categories")}
    named = [name for name in division.about["look_alikes"] if name in found]
    client.put(f"/projects/{project}/categories/{found[division.name]}", _facts(division, named))


def _facts(division: Division, look_alikes: Sequence[str]) -> dict[str, Any]:
    return {
        "name": division.name,
        "scientific_name": division.about.get("scientific_name", ""),
        "definition": division.about.get("definition", ""),
        "look_alikes": list(look_alikes),
    }


def ingest(client: Client, project: str, files: Sequence[Path], report: Report) -> dict[str, int]:
    """Push the pool as a crawler does, and count the answers."""
    counts = {"stored": 0, "duplicate": 0, "rejected": 0}

    def send(part: list[Path]) -> Any:
        # What a crawler knows is the address; the folder's name would give the answer away.
        sources = [{"url": f"https://pool.example/{file.stem}{file.suffix}"} for file in part]
        return client.ingest(project, part, sources)

    done = 0
    parts = list(_parts(files, _FILES_A_REQUEST))
    with ThreadPoolExecutor(_REQUESTS_AT_ONCE) as pool:
        for part, answer in zip(parts, pool.map(send, parts), strict=True):
            done += len(part)
            for outcome in counts:
                counts[outcome] += answer[outcome]
            report("Ingesting the pool", done, len(files))
    return counts


def propose(client: Client, project: str, report: Report) -> Any:
    """Start a round, unless one is open, and follow it until labelers can begin.

    Raises:
        RoundFailedError: when the round ends otherwise.
    """
    try:
        number = client.post(f"/projects/{project}/rounds")["number"]
    except RefusedError as refused:
        if refused.name != "round-in-progress":
            raise
        number = client.get(f"/projects/{project}/rounds")[0]["number"]
    found: Any = None
    for found in client.follow_round(project, number):
        if found["state"] in WORDS:
            step, steps = _work(found)
            report(f"Round {number}: {WORDS[found['state']].lower()}", step, steps)
    if found["state"] != "labeling":
        raise RoundFailedError(f"Round {number} is {found['state']}. {found['error'] or ''}")
    return found


def _work(found: dict[str, Any]) -> tuple[int, int | None]:
    running = [job for job in found["jobs"] if job["state"] == "running"]
    return (running[0]["step"], running[0]["steps"]) if running else (0, None)


def full_round(
    lead: Client, labeler: Client, project: str, truth: dict[str, str], report: Report
) -> Any:
    """A round from its start to its close, answered by the simulated expert; returns it closed."""
    found = propose(lead, project, report)
    number = found["number"]
    answer_round(
        labeler,
        project,
        truth,
        lambda done, total: report(f"Round {number}: the simulated expert answers", done, total),
    )
    return lead.post(f"/projects/{project}/rounds/{number}/close")


def _parts(items: Iterable[Item], size: int) -> Iterator[list[Item]]:
    iterator = iter(items)
    while part := list(islice(iterator, size)):
        yield part
