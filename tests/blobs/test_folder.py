"""A folder of blobs: whole or absent, whatever happens to the writer."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from app.blobs import BadKey, BlobMissing, FolderBlobs


def test_an_object_is_a_file(tmp_path: Path) -> None:
    blobs = FolderBlobs(tmp_path)
    blobs.put("models/7/weights.safetensors", b"abc")
    assert blobs.path("models/7/weights.safetensors").read_bytes() == b"abc"
    with pytest.raises(BlobMissing):
        blobs.path("models/7")


def test_a_failed_put_leaves_the_old_bytes_and_no_rubbish(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    blobs = FolderBlobs(tmp_path)
    blobs.put("a", b"old")

    def full(_: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OSError, match="No space"):
        blobs.put("a", b"new")
    assert blobs.get("a") == b"old"
    assert [file.name for file in tmp_path.rglob("*") if file.is_file()] == ["a"]


# A writer that stops between writing and renaming, the worst moment, and waits to be killed.
_WRITER = """
import os, sys, time
from pathlib import Path
from app.blobs import FolderBlobs

def stop(handle):
    print("writing", flush=True)
    time.sleep(60)

blobs = FolderBlobs(Path(sys.argv[1]))
blobs.put("there", b"old")
os.fsync = stop
blobs.put(sys.argv[2], b"new" * 100_000)
"""


@pytest.mark.parametrize("key", ["there", "fresh"])
def test_a_killed_writer_leaves_no_partial_blob(tmp_path: Path, key: str) -> None:
    writer = subprocess.Popen(
        [sys.executable, "-c", _WRITER, str(tmp_path), key], stdout=subprocess.PIPE
    )
    assert writer.stdout is not None
    with writer.stdout:
        assert writer.stdout.readline() == b"writing\n"
        writer.send_signal(signal.SIGKILL)
        writer.wait()
    blobs = FolderBlobs(tmp_path)
    assert blobs.get("there") == b"old"
    assert blobs.exists("fresh") is False
    leftovers = [file for file in tmp_path.iterdir() if file.name.endswith(".tmp")]
    assert len(leftovers) == 1
    with pytest.raises(BadKey):
        blobs.get(leftovers[0].name)
    # Another writer is not disturbed, and the leftover goes once it is old.
    blobs.put(key, b"newer")
    written = leftovers[0].stat().st_mtime
    assert blobs.remove_leftovers(written - 1) == 0
    assert blobs.remove_leftovers(written + 1) == 1
    assert blobs.get(key) == b"newer"


def test_a_writer_killed_anywhere_leaves_whole_blobs(tmp_path: Path) -> None:
    code = (
        "import sys; from pathlib import Path; from app.blobs import FolderBlobs\n"
        "blobs = FolderBlobs(Path(sys.argv[1]))\n"
        "for n in range(10**6):\n"
        "    blobs.put('key', bytes([n % 256]) * 300_000)\n"
        "    print(n, flush=True)\n"
    )
    for rounds in (1, 3, 6):
        writer = subprocess.Popen(
            [sys.executable, "-c", code, str(tmp_path)], stdout=subprocess.PIPE
        )
        assert writer.stdout is not None
        with writer.stdout:
            for _ in range(rounds):
                writer.stdout.readline()
            writer.kill()
            writer.wait()
        data = FolderBlobs(tmp_path).get("key")
        assert data == data[:1] * 300_000
