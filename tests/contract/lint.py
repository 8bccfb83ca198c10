"""Linters over what is no Python: workflows, actions, mappings, the Dockerfile. `python -m tests.contract.lint`.

What users copy is held to the same as what we run: every example, the starter files, and the workflows in the docs.
"""

from __future__ import annotations

import re
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

from tests.contract.generate import ROOT

EXAMPLES = ROOT / "workflows-examples"
STARTER = ROOT / "src/model_stage_deploy/starter"
_BLOCK = re.compile(r"^( *)```yaml\n(.*?)^ *```$", re.MULTILINE | re.DOTALL)


class Papers(NamedTuple):
    """Files by what they are."""

    workflows: list[Path]
    actions: list[Path]
    mappings: list[Path]
    gitlab: list[Path]
    dependabot: list[Path]


def papers(scratch: Path) -> Papers:
    """All that is linted. What a page of the docs shows is written to `scratch`, under the name of the page."""
    shown = {kind: list(_written(kind, scratch)) for kind in ("workflow", "mapping", "gitlab")}
    found = [path for room in (EXAMPLES, STARTER) for path in sorted(room.rglob("*.yml"))]
    kinds = {path: _kind_of_file(path) for path in found}
    return Papers(
        workflows=[
            *sorted((ROOT / ".github/workflows").glob("*.yml")),
            *(path for path, kind in kinds.items() if kind == "workflow"),
            *shown["workflow"],
        ],
        actions=[path for path in (ROOT / "action.yml", ROOT / "host/action.yml") if path.is_file()],
        mappings=[*(path for path, kind in kinds.items() if kind == "mapping"), *shown["mapping"]],
        gitlab=[*(path for path, kind in kinds.items() if kind == "gitlab"), *shown["gitlab"]],
        dependabot=[ROOT / ".github/dependabot.yml"],
    )


def _kind_of_file(path: Path) -> str:
    if path.name.startswith("model-stages"):
        return "mapping"
    return "gitlab" if "gitlab" in path.relative_to(ROOT).as_posix() else "workflow"


def _kind_of_block(text: str) -> str | None:
    if re.search(r"^version: 1$", text, re.MULTILINE):
        return "mapping"
    if re.search(r"^on:", text, re.MULTILINE) and re.search(r"^jobs:", text, re.MULTILINE):
        return "workflow"
    return "gitlab" if "$CI_COMMIT_TAG" in text else None


def _written(kind: str, scratch: Path) -> Iterator[Path]:
    room = scratch / kind
    room.mkdir()
    for page in sorted([*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")]):
        found = _BLOCK.findall(page.read_text(encoding="utf-8"))
        blocks = [re.sub(rf"^{indent}", "", text, flags=re.MULTILINE) for indent, text in found]
        name = page.relative_to(ROOT).with_suffix("").as_posix().replace("/", "-")
        for number, text in enumerate(block for block in blocks if _kind_of_block(block) == kind):
            path = room / f"{name}-{number}.yml"
            path.write_text(text, encoding="utf-8")
            yield path


def commands(of: Papers) -> Iterator[list[str]]:
    """The linters, each with all its files."""
    bin_ = Path(sys.executable).parent
    yield [
        str(bin_ / "zizmor"),
        *("--offline", "--no-progress", "--quiet", "--strict-collection", "--config", str(ROOT / ".github/zizmor.yml")),
        *map(str, [*of.workflows, *of.actions, *of.dependabot]),
    ]
    yield [str(bin_ / "hadolint"), str(ROOT / "Dockerfile")]
    check = [str(bin_ / "check-jsonschema")]
    for schema, paths in (
        ("github-workflows", of.workflows),
        ("github-actions", of.actions),
        ("gitlab-ci", of.gitlab),
        ("dependabot", of.dependabot),
    ):
        if paths:
            # GitLab's files may hold `!reference [...]`.
            reading = ["--data-transform", "gitlab-ci"] if schema == "gitlab-ci" else []
            yield [*check, *reading, "--builtin-schema", f"vendor.{schema}", *map(str, paths)]
    schema_of_mappings = ROOT / "src/model_stage_deploy/mapping.schema.json"
    if of.mappings:
        yield [*check, "--schemafile", str(schema_of_mappings), *map(str, of.mappings)]


def complaints(of: Papers) -> list[str]:
    """What the linters say; nothing where all is well."""
    running = [(command, _start(command)) for command in commands(of)]
    said = [(Path(command[0]).name, process.communicate()[0], process.returncode) for command, process in running]
    return [f"{name} (exit code {code}):\n{text}" for name, text, code in said if code]


def _start(command: Sequence[str]) -> subprocess.Popen[str]:
    return subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)


def main() -> int:
    """Exit code 1, with what is wrong, where a linter complains."""
    with tempfile.TemporaryDirectory() as scratch:
        found = papers(Path(scratch))
        said = complaints(found)
    counted = ", ".join(f"{len(paths)} {kind}" for kind, paths in found._asdict().items())
    print("\n".join(said) or f"{counted}: all well")
    return bool(said)


if __name__ == "__main__":
    sys.exit(main())
