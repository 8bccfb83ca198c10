"""What the papers say of a version: the code has it, and the changelog has a dated heading with notes under it."""

from __future__ import annotations

import re
from pathlib import Path

_VERSION = re.compile(r"(0|[1-9]\d*)\.(0|[1-9]\d*)\.(0|[1-9]\d*)")
_IN_CODE = re.compile(r'^__version__ = "([^"]*)"$', re.MULTILINE)
_HEADING = re.compile(r"^## (?P<version>\d\S*) - (?P<date>\d{4}-\d{2}-\d{2})$", re.MULTILINE)


class NotReleasable(Exception):
    """Why no release can be made of this; a sentence for whoever makes it."""


def parsed(version: str) -> tuple[int, int, int]:
    """The three numbers of `1.2.3`. Raises NotReleasable for anything else: pre-releases have no floating tag."""
    if not (found := _VERSION.fullmatch(version)):
        raise NotReleasable(f"{version!r} is no version such as 1.2.3")
    major, minor, patch = (int(part) for part in found.groups())
    return major, minor, patch


def version_in_code(root: Path) -> str:
    """The version, from the one place that has it."""
    path = root / "src/model_stage_deploy/__init__.py"
    found = _IN_CODE.findall(path.read_text(encoding="utf-8"))
    if len(found) != 1:
        raise NotReleasable(f"{path.name} has {len(found)} lines `__version__ = …` and needs one")
    return str(found[0])


def notes_of(changelog: str, version: str) -> str:
    """What the changelog says below `## VERSION - YYYY-MM-DD`, up to the next such heading.

    Raises NotReleasable where the heading is missing, is there twice, or has nothing below it.
    """
    headings = [found for found in _HEADING.finditer(changelog) if found["version"] == version]
    if len(headings) != 1:
        raise NotReleasable(
            f"CHANGELOG.md has {len(headings)} headings `## {version} - YYYY-MM-DD` and needs one; "
            "what is under `## Unreleased` belongs below it"
        )
    text = changelog[headings[0].end() :]
    following = re.search(r"^## ", text, re.MULTILINE)
    notes = text[: following.start()] if following else text
    if not notes.strip():
        raise NotReleasable(f"CHANGELOG.md says nothing below its heading of {version}")
    return notes.strip() + "\n"


def check(root: Path, version: str) -> str:
    """The notes of a version that can be released. Raises NotReleasable where the papers disagree."""
    parsed(version)
    if (in_code := version_in_code(root)) != version:
        raise NotReleasable(f"the code says {in_code}, not {version}: src/model_stage_deploy/__init__.py")
    return notes_of((root / "CHANGELOG.md").read_text(encoding="utf-8"), version)
