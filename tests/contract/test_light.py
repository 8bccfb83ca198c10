"""What the questions that scripts ask may load, written down: a new import there is a choice, not an accident.

Each module costs every start: dataclasses 8 ms, pathlib 3 ms, where git itself answers in 3.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.faces.command_lines import environment, run
from tests.standins.example_registry import build
from tests.standins.registries import GitRepository

OURS = {
    *("model_stage_deploy", "faces", "faces.arguments", "faces.cli", "faces.commands", "faces.commands.reading"),
    *("faces.opening", "faces.printing", "faces.signals", "adapters", "adapters.git_process"),
    *(
        "adapters.git_repository",
        "core",
        "core.errors",
        "core.inert",
        "core.model",
        "core.reasons",
        "core.registry",
        "core.results",
    ),
    *("core.tags", "core.versions", "report", "report.columns", "report.pages", "report.registry"),
}
STANDARD = {
    *("__future__", "argparse", "gettext", "locale"),  # the grammar
    *("subprocess", "selectors", "select", "signal", "threading", "fcntl", "errno", "warnings"),  # one git process
    *("re", "enum", "functools", "collections", "keyword", "operator", "reprlib", "itertools", "types", "copyreg"),
    *("typing", "contextlib", "importlib", "io", "os", "gc", "math", "abc", "stat"),
}
"""Names without a dot; those with a leading underscore are the interpreter's own affair."""
JSON = {"json", "datetime"}
COMMANDS: list[tuple[list[str], set[str], set[str]]] = [
    (["parse", "churn#prod#4"], set(), set()),
    (["parse", "churn#prod#4", "--json"], set(), {"json"}),
    (["which", "churn", "prod"], set(), set()),
    (["which", "churn", "prod", "--json"], set(), JSON),
    (["which", "churn", "prod", "--all"], {"core.fallback"}, set()),
    (["resolve", "churn#prod"], {"core.shortcuts"}, set()),
    (["resolve", "churn@latest", "--json"], {"core.shortcuts"}, JSON),
    (["show"], {"adapters.git_all_tags"}, {"encodings"}),
    (["show", "--json"], {"adapters.git_all_tags"}, {*JSON, "encodings"}),
    (["history", "--json"], set(), JSON),
    (["versions", "churn", "--json"], {"report.versions"}, JSON),
    (["show", "--at", "@1700000000"], {"adapters.git_all_tags", "core.moments"}, {"datetime", "encodings"}),
]
PROGRAM = """
import sys
before = set(sys.modules)
from model_stage_deploy.faces.cli import main
code = main(sys.argv[1:])
print(*sorted(set(sys.modules) - before), file=sys.stderr)
sys.exit(code)
"""


@pytest.fixture(scope="module")
def registry(tmp_path_factory: pytest.TempPathFactory) -> Path:
    directory = tmp_path_factory.mktemp("demo") / "registry"
    build(directory, 9)
    return directory


def loaded(registry: Path, arguments: list[str]) -> set[str]:
    """Every module that a command loads, besides those that the interpreter starts with."""
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM, *arguments],
        cwd=registry,
        env=environment(registry.parent),
        capture_output=True,
        text=True,
        check=True,
    )
    return set(done.stderr.split())


@pytest.mark.parametrize(
    ("arguments", "ours", "standard"),
    COMMANDS,
    ids=lambda value: " ".join(value if isinstance(value, list) else sorted(value)),
)
def test_what_a_command_loads(registry: Path, arguments: list[str], ours: set[str], standard: set[str]) -> None:
    modules = loaded(registry, arguments)
    own = {name.removeprefix("model_stage_deploy.") for name in modules if name.startswith("model_stage_deploy")}
    others = {name.partition(".")[0] for name in modules if not name.startswith(("model_stage_deploy", "_"))}

    assert own == OURS | ours
    assert others - STANDARD - standard == set()


def test_a_heavy_module_would_be_seen(registry: Path) -> None:
    modules = loaded(registry, ["check"])
    assert {"dataclasses", "pathlib", "pydantic"} <= modules


@pytest.fixture
def heard(tmp_path: Path) -> tuple[dict[str, str], Path]:
    """An environment whose `git` writes down its arguments, and where."""
    log, real = tmp_path / "git.log", shutil.which("git")
    wrapper = tmp_path / "bin" / "git"
    wrapper.parent.mkdir()
    wrapper.write_text(f'#!/bin/sh\nprintf "%s\\n" "$*" >>"{log}"\nexec "{real}" "$@"\n')
    wrapper.chmod(0o755)
    log.touch()
    return {"PATH": f"{wrapper.parent}{os.pathsep}{os.environ['PATH']}"}, log


@pytest.mark.parametrize("kind", ["made here", "cloned", "below its top", "bare", "cloned bare", "mirror"])
@pytest.mark.parametrize("question", [["which", "churn", "prod"], ["resolve", "churn#prod"], ["show"], ["history"]])
def test_one_question_is_one_git_process(
    registry: Path, tmp_path: Path, heard: tuple[dict[str, str], Path], kind: str, question: list[str]
) -> None:
    place = {"made here": registry, "below its top": registry / "models"}.get(kind, tmp_path / "clone")
    if not place.exists():
        options = {"cloned": [], "mirror": ["--mirror"]}.get(kind, ["--bare"])
        GitRepository(registry).git("clone", "--quiet", *options, registry.as_uri(), str(place))
    if kind == "bare":
        GitRepository(place, bare=True).git("remote", "remove", "origin")
    environ, log = heard

    done = run(place, *question, env=environ)

    assert done.exit_code == 0
    lines = log.read_text().splitlines()
    if kind == "mirror":  # it says `mirror` in its settings, so git is asked what that means for tags
        assert len([line for line in lines if "for-each-ref" in line]) == 1
    else:
        assert "for-each-ref" in lines[0]
        assert ["cat-file" in line for line in lines[1:]] == [True] * (question == ["show"])  # for all models at once
