# ruff: noqa: INP001 - a script, not a package
"""Print the pinned dependencies of pyproject.toml that an image needs.

`python requirements.py web` prints all but the learning stack, which the web process and the light
worker never import; `python requirements.py learning` prints the learning stack, which is gigabytes.
"""

import re
import sys
import tomllib
from pathlib import Path

LEARNING = {"torch", "torchvision", "opentsne"}


def requirements(pyproject: Path, part: str) -> list[str]:
    """The dependencies of one part; the two parts together are all of them."""
    wanted = {"web": False, "learning": True}[part]
    dependencies = tomllib.loads(pyproject.read_text())["project"]["dependencies"]
    return [line for line in dependencies if (_name(line) in LEARNING) is wanted]


def _name(requirement: str) -> str:
    match = re.match(r"[A-Za-z0-9._-]+", requirement)
    if match is None:
        raise ValueError(f"{requirement!r} does not start with the name of a package")
    return match[0].lower()


if __name__ == "__main__":
    sys.stdout.write("\n".join(requirements(Path("pyproject.toml"), sys.argv[1])) + "\n")
