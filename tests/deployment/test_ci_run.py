"""`.ci/run` against a stand-in Makefile: what it prints last, and when it fails."""

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PASSED = "=========== 7 passed, 1 skipped in 61.20s (0:01:01) ==========="
FAILED = "=========== 1 failed, 6 passed in 9.05s ==========="
# All that the script and the recipes call, each to be found in the PATH.
NEEDED = """
bash dirname echo env false grep make mktemp printf rm sed sh tail tee timeout tr true
"""


def run_with(folder: Path, *, lint: str, tests: str, browser: bool) -> subprocess.CompletedProcess:
    """Run a copy of the script on a machine where apt-get fails."""
    (folder / ".ci").mkdir()
    shutil.copy(ROOT / ".ci" / "run", folder / ".ci")
    recipes = f"lint:\n\t@{lint}\ntest:\n\t@{tests}\n"
    (folder / "Makefile").write_text(".PHONY: lint test\n" + recipes)
    tools = folder / "tools"
    tools.mkdir()
    (tools / "python3").symlink_to(Path(sys.executable).resolve())
    for name in NEEDED.split():
        found = shutil.which(name)
        assert found, name
        (tools / name).symlink_to(found)
    for name in ["apt-get", "chromium"] if browser else ["apt-get"]:
        (tools / name).write_text("#!/bin/sh\nexit 1\n")
        (tools / name).chmod(0o755)
    return subprocess.run(
        [folder / ".ci" / "run"],
        env={"PATH": str(tools)},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


@pytest.mark.parametrize(
    ("lint", "tests", "returncode", "last"),
    [
        ("true", f"echo '{PASSED}'", 0, PASSED),
        ("true", f"printf '\\033[32m%s\\033[0m\\n' '{PASSED}'", 0, PASSED),
        ("true", f"echo '{FAILED}'; exit 1", 1, FAILED),
        ("false", f"echo '{PASSED}'", 1, PASSED),
        ("true", "echo nothing of pytest", 1, "pytest did not come to its end."),
        ("true", f"read line || echo '{PASSED}'", 0, PASSED),
    ],
    ids=["passes", "in colours", "tests fail", "lint fails", "no closing line", "no input"],
)
def test_closing_line_and_exit_status(
    tmp_path: Path, lint: str, tests: str, returncode: int, last: str
) -> None:
    done = run_with(tmp_path, lint=lint, tests=tests, browser=True)
    assert done.returncode == returncode, done.stdout + done.stderr
    assert done.stdout.splitlines()[-1] == last


def test_goes_on_where_a_browser_cannot_be_installed(tmp_path: Path) -> None:
    done = run_with(tmp_path, lint="true", tests=f"echo '{PASSED}'", browser=False)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "Missing here: chromium" in done.stdout
    assert "No browser: the browser tests will say so and be skipped." in done.stdout
    assert done.stdout.splitlines()[-1] == PASSED
