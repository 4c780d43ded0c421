"""A round's replay at the command line."""

import json
from pathlib import Path

from app.blobs import Blobs
from app.db.session import make_engine, make_sessions, transaction
from app.usecases.rounds.round_manifest import manifest_chunks, round_to_tell
from vetted.database import project_named
from workers.replay import Replayed, ReplayError, replay


def replay_round(
    url: str, blobs: Blobs, project: str, number: int, manifest: Path | None
) -> Replayed:
    """Replay a round of the database at `url` from a manifest in a file, or from its own.

    Raises:
        NotFoundError: when there is no such project or round.
        NotReplayableError: for a round that has no manifest.
        ReplayError: when the manifest does not fit what is there.
    """
    engine = make_engine(url, connections=2)
    sessions = make_sessions(engine)
    try:
        with transaction(sessions) as session:
            found = project_named(session, project)
            own = b"".join(manifest_chunks(session, found, round_to_tell(session, found, number)))
        told = json.loads(own if manifest is None else manifest.read_bytes())
        if not isinstance(told, dict) or (told.get("project"), told.get("round")) != (
            project,
            number,
        ):
            raise ReplayError(f"The manifest is not of round {number} of {project!r}.")
        return replay(sessions, blobs, told)
    finally:
        engine.dispose()
