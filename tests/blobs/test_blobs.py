"""Stored bytes: whole or absent, whatever happens to the writer."""

import os
import signal
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from app.blobs import BadKey, BlobMissing, Blobs, FolderBlobs, derivative_key, original_key

SHA = "ab" * 2 + "0" * 60


@pytest.fixture
def blobs(tmp_path: Path) -> FolderBlobs:
    return FolderBlobs(tmp_path / "not" / "yet")


def test_bytes_come_back(blobs: Blobs) -> None:
    blobs.put("models/7/weights.safetensors", b"abc")
    assert blobs.get("models/7/weights.safetensors") == b"abc"
    assert blobs.exists("models/7/weights.safetensors")
    assert blobs.size("models/7/weights.safetensors") == 3
    with blobs.open("models/7/weights.safetensors") as file:
        assert file.read(2) == b"ab"
    path = blobs.path("models/7/weights.safetensors")
    assert path is not None
    assert path.read_bytes() == b"abc"


def test_a_put_replaces_and_repeats(blobs: Blobs) -> None:
    for data in (b"one", b"one", b"", b"three"):
        blobs.put("a", data)
        assert blobs.get("a") == data


@pytest.mark.parametrize("verb", ["get", "open", "size", "path"])
@pytest.mark.parametrize("key", ["absent", "folder", "folder/file/below", "no/such/folder"])
def test_what_is_not_stored_is_missing(blobs: FolderBlobs, verb: str, key: str) -> None:
    blobs.put("folder/file", b"x")
    assert not blobs.exists(key)
    with pytest.raises(BlobMissing, match=key) as caught:
        getattr(blobs, verb)(key)
    assert caught.value.key == key
    assert issubclass(BlobMissing, KeyError)


def test_delete_forgets_and_repeats(blobs: Blobs) -> None:
    blobs.put("a/b", b"x")
    for key in ("a/b", "a/b", "a/b/c", "a", "never"):
        blobs.delete(key)
        assert not blobs.exists(key)
    blobs.put("a/b", b"y")
    assert blobs.get("a/b") == b"y"


@pytest.mark.parametrize(
    "key",
    [
        *("", "/", "/etc/passwd", "a/", "a//b", "..", "../a", "a/../b", "a/..", ".", "./a"),
        *(".hidden", "a/.b", "a..b", "A", "a b", "a\\b", "a\0b", "a\n", "ä", "a" * 201, "a/" * 300),
    ],
)
@pytest.mark.parametrize("verb", ["get", "open", "exists", "size", "delete", "path", "put"])
def test_bad_keys_are_refused(blobs: FolderBlobs, verb: str, key: str) -> None:
    arguments = (key, b"x") if verb == "put" else (key,)
    with pytest.raises(BadKey, match="is no key"):
        getattr(blobs, verb)(*arguments)


def test_keys_spread_over_folders() -> None:
    assert original_key(SHA) == f"originals/ab/ab/{SHA}"
    assert derivative_key(SHA, "thumbnail") == f"derivatives/thumbnail/ab/ab/{SHA}.webp"


@pytest.mark.parametrize("sha256", ["", "ab", SHA.upper(), SHA + "0", SHA[:-1] + "g", SHA + "\n"])
def test_keys_need_a_hash(sha256: str) -> None:
    with pytest.raises(BadKey, match="no SHA-256"):
        original_key(sha256)


def test_keys_need_a_size_name() -> None:
    with pytest.raises(BadKey, match="size"):
        derivative_key(SHA, "../up")


def test_concurrent_puts_of_one_key_leave_one_of_them(blobs: FolderBlobs, tmp_path: Path) -> None:
    contents = [bytes([letter]) * 200_000 for letter in range(16)]
    seen = []

    def put_and_read(content: bytes) -> None:
        blobs.put("new/folder/key", content)
        seen.append(blobs.get("new/folder/key"))

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(put_and_read, contents))
    assert set(seen) <= set(contents)
    assert [file.name for file in tmp_path.rglob("*") if file.is_file()] == ["key"]


def test_a_failed_put_leaves_the_old_bytes_and_no_rubbish(
    blobs: FolderBlobs, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
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
