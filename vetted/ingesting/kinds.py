"""What a person may name on the command line, and how the service is asked to take it."""

import json
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import BinaryIO

from app.domain.ingestion import SourceFacts
from app.imports.rows import is_hidden, suffix_of
from app.imports.sidecars import is_beside
from vetted.client import Client

_LISTS = {
    ".csv": "text/csv",
    ".tsv": "text/csv",
    ".jsonl": "application/x-ndjson",
    ".ndjson": "application/x-ndjson",
}
_ARCHIVES = (".zip", ".tar", ".tgz", ".tbz2", ".tar.gz", ".tar.bz2")
_LOCATIONS = ("s3://", "server:")


def is_location(what: str) -> bool:
    """Whether the service is to look somewhere itself."""
    return what.startswith(_LOCATIONS)


def is_address(what: str) -> bool:
    """Whether the service is to fetch a picture there."""
    return what.startswith(("http://", "https://"))


def is_list(path: Path) -> bool:
    """Whether a file lists addresses."""
    return suffix_of(path.name) in _LISTS


def is_archive(path: Path) -> bool:
    """Whether a file is an archive, by its name."""
    return path.name.lower().endswith(_ARCHIVES)


def check_sendable(what: str) -> None:
    """Find out before anything is sent whether it can be.

    Raises:
        FileNotFoundError: when it is not there.
        ValueError: when it is a file by whose name it says something of a picture.
    """
    if is_location(what) or is_address(what):
        return
    path = Path(what)
    if not path.exists():
        raise FileNotFoundError(f"There is no {what}.")
    if path.is_file() and is_beside(path.name):
        raise ValueError(
            f"{what} is neither a picture nor an archive (.zip, .tar) nor a list (.csv, .jsonl)."
        )


def archives_in(folder: Path) -> Iterator[Path]:
    """Archives below a folder, as WebDataset shards, in order of their names."""
    for path in sorted(folder.rglob("*")):
        hidden = is_hidden(path.relative_to(folder).as_posix())
        if is_archive(path) and path.is_file() and not hidden and not path.is_symlink():
            yield path


def look_of(path: Path) -> str:
    """What tells this state of a file from another."""
    facts = path.stat()
    return f"{facts.st_size}:{facts.st_mtime_ns}"


def texts_of(source: SourceFacts) -> dict[str, str]:
    """The facts as an upload is announced with them."""
    return source.as_json | ({"tags": "|".join(source.tags)} if source.tags else {})


def send_addresses(client: Client, project: str, path: Path, otherwise: SourceFacts) -> int:
    """Have the pictures of a list fetched by the service; gives the batch. Raises RefusedError."""
    with path.open("rb") as file:
        return _sent(client, project, path.name, file, _LISTS[suffix_of(path.name)], otherwise)


def send_few_addresses(
    client: Client, project: str, addresses: Sequence[str], source: SourceFacts
) -> int:
    """The same for addresses that are at hand."""
    lines = "".join(json.dumps({"url": each}) + "\n" for each in addresses)
    name = addresses[0] if len(addresses) == 1 else f"{len(addresses)} addresses"
    return _sent(client, project, name, lines.encode(), "application/x-ndjson", source)


def _sent(
    client: Client,
    project: str,
    name: str,
    content: bytes | BinaryIO,
    kind: str,
    otherwise: SourceFacts,
) -> int:
    # The addresses are where the pictures come from, whatever else was said.
    query = {"name": name[:200]} | replace(otherwise, url=None).as_json
    sent = client.send_list(f"/projects/{project}/addresses", content, kind, query)
    return int(sent["batch_id"])


def start_sync(client: Client, project: str, what: str, otherwise: SourceFacts) -> int:
    """Have the service bring in what is new at a location; gives the batch. Raises RefusedError."""
    named = what.removeprefix("server:")
    if named.startswith(("/", "s3://")):
        where = {"location": named}
    else:
        location, _, prefix = named.strip("/").partition("/")
        where = {"location": location, "prefix": prefix}
    body = where | {"source": otherwise.as_json}
    return int(client.post(f"/projects/{project}/syncs", body)["batch"])
