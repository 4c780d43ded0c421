"""What `vetted import` prints."""

import tempfile
from dataclasses import dataclass
from pathlib import Path

from rich.console import Console
from rich.table import Table

from app.domain.importing import ImportFormat
from app.usecases.imports.import_plan import ImportOptions
from vetted.client import Client
from vetted.demo.progress import Progress
from vetted.importing.fetch import Fetcher
from vetted.importing.run import MOST_BYTES, Import, Look, Outcome
from vetted.importing.source import opened

_SHOWN = 20


@dataclass(frozen=True)
class Wanted:
    """What is imported where."""

    path: Path
    project: str
    url: str
    token: str
    kind: ImportFormat | None
    options: ImportOptions
    kept: Path | None
    dry_run: bool


def import_pictures(wanted: Wanted, console: Console) -> Outcome:
    """Do it, or only tell what would be done."""
    with (
        tempfile.TemporaryDirectory() as temporary,
        Client(wanted.url.rstrip("/"), wanted.token) as client,
        opened(wanted.path, wanted.kind) as source,
        Progress(console) as progress,
    ):
        fetcher = Fetcher(wanted.kept or Path(temporary), MOST_BYTES)
        made = Import(client, wanted.project, source, wanted.options, fetcher, progress)
        try:
            if wanted.dry_run:
                looked = made.look()
                _show(looked, source.draft.format, console)
                return looked.outcome
            outcome = made.run()
        finally:
            fetcher.close()
    counts = outcome.counts
    console.print(
        f"{counts['stored']} stored, {counts['duplicate']} there already, "
        f"{sum(outcome.reasons.values())} left out.",
        highlight=False,
    )
    _tell(outcome, console)
    return outcome


def _show(looked: Look, kind: ImportFormat, console: Console) -> None:
    table = Table(title=f"What would be imported ({kind})", title_justify="left")
    for column in ("category", "into", "pictures"):
        table.add_column(column, justify="right" if column == "pictures" else "left")
    for (category, split), number in sorted(looked.places.items()):
        new = " (new)" if category in looked.new else ""
        table.add_row(f"{category}{new}", split, str(number))
    console.print(table)
    _tell(looked.outcome, console)


def _tell(outcome: Outcome, console: Console) -> None:
    """Why files are left out, and the first of them by name."""
    for reason, number in outcome.reasons.most_common():
        console.print(f"  {number} x {reason}", highlight=False, markup=False, soft_wrap=True)
    for name, why in outcome.told[:_SHOWN]:
        console.print(f"    {name}: {why}", highlight=False, markup=False, soft_wrap=True)
    if len(outcome.told) > _SHOWN:
        console.print(f"    and {sum(outcome.reasons.values()) - _SHOWN} more", highlight=False)
