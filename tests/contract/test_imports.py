"""Who may import whom, read from the source: core decides, adapters touch the world, wiring.py joins them."""

from __future__ import annotations

import ast
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.contract.generate import ROOT

PACKAGE = "model_stage_deploy"
SOURCE = ROOT / "src" / PACKAGE
FILES = sorted(path for path in SOURCE.rglob("*.py"))

MEMBERS = ("deployers", "gates", "verifiers", "mirrors")
# Room -> rooms of ours that it may import, besides itself. `""` is the package itself (its version).
ROOMS: dict[str, set[str]] = {
    "core": set(),
    "ports": {"core"},
    "deployers": {"", "core", "ports", "receiving"},
    "receiving": set(),  # receivers may copy it
    "gates": {"core", "ports"},
    "verifiers": {"", "core", "ports"},
    "mirrors": {"", "core", "ports"},
    "adapters": {"", "core", "ports"},
    "report": {"", "core"},
    "flows": {"core", "ports", *MEMBERS, "report"},
    "faces": {"", "core", "ports", *MEMBERS, "adapters", "report", "flows", "demo", "starter"},
    "demo": {"", "core", "ports", "receiving", *MEMBERS, "adapters", "report", "flows", "faces"},
    "starter": set(),
    "": {"faces"},  # __init__.py, __main__.py
}
# Room -> modules of a sibling room that it may import all the same: verifiers look at what a deployer was given.
CONTRACTS = {"verifiers": {f"{PACKAGE}.deployers.contract"}}
# Room -> outside libraries. An adapter's are in ADAPTERS.
OUTSIDE: dict[str, set[str]] = {
    "core": {"pydantic", "pydantic_core", "semver"},
    "deployers": {"pydantic"},
    "report": {"jinja2", "markupsafe", "rich"},
}
# Adapter -> its one outside library; all others have none.
ADAPTERS: dict[str, set[str]] = {
    "git_checkout": {"git"},
    "github_client": {"github", "requests", "urllib3"},  # PyGithub lets exceptions of those on which it stands through
    "gitlab_client": {"requests"},
    "jinja_limits": {"jinja2"},
    "jinja_templates": {"jinja2"},
    "safe_yaml": {"yaml"},
    "terminal_progress": {"rich"},
    "web_connections": {"requests", "urllib3"},  # requests does not let its sockets be pulled away
    "web_problems": {"requests", "urllib3"},  # the failures that requests wraps say more than it does
    "web_requests": {"requests", "urllib3"},  # to know their failures from others
    "yaml_events": {"yaml"},
    "yaml_scalars": {"yaml"},
}
# File of faces/ -> outside libraries: the pages' server is all that has one.
WEB: dict[str, set[str]] = {"faces/web/server.py": {"uvicorn"}}
# Faces that may name adapters: the composition root, and those that make announcers and readers themselves.
NAMERS = {
    "acting",
    "wiring",
    "hosting",
    "members",
    "action",
    "cli",
    "checking",
    "delivering",
    "doctor",
    "locking",
    "opening",
} | {
    "looking",
    "reporting",
    "mlflow",
    "progress",
    "browsing",
    "configurations",
    "glancing",
    "kept_registry",
    "news",
}


def imported(path: Path) -> Iterator[str]:
    """Dotted names of modules that a file imports anywhere, also inside functions and for type checking."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (name.name for name in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path} imports by a relative name"
            # `from package import room` names a module too.
            submodules = [f"{node.module}.{name.name}" for name in node.names]
            known = [name for name in submodules if _is_module(name)]
            yield from known or [str(node.module)]


def _is_module(name: str) -> bool:
    if not name.startswith(PACKAGE):
        return False
    place = SOURCE.joinpath(*name.split(".")[1:])
    return place.is_dir() or place.with_suffix(".py").is_file()


def room(path: Path) -> str:
    """The room that a file is in: `core`, `adapters`, …, `ports` for ports.py, `""` for the top."""
    parts = path.relative_to(SOURCE).with_suffix("").parts
    if len(parts) > 1:
        return parts[0]
    return parts[0] if parts[0] in ROOMS else ""


def wrong_imports(path: Path) -> list[str]:
    """What a file imports and may not."""
    here = room(path)
    wrong = []
    for name in imported(path):
        top, *below = name.split(".")
        if top in sys.stdlib_module_names:
            continue
        if top == PACKAGE:
            there = below[0] if below else ""
            if there != here and there not in ROOMS[here] and name not in CONTRACTS.get(here, ()):
                wrong.append(name)
            elif there == "adapters" and here == "faces" and path.stem not in NAMERS:
                wrong.append(f"{name} (only {', '.join(sorted(NAMERS))} may name adapters)")
        elif top not in allowed_outside(path):
            wrong.append(name)
    return wrong


def allowed_outside(path: Path) -> set[str]:
    """Outside libraries that a file may import."""
    here, place = room(path), path.relative_to(SOURCE).as_posix()
    if here == "adapters":
        return ADAPTERS.get(path.stem, set())
    if place.startswith("faces/web/"):
        return {"starlette", "markupsafe"} | WEB.get(place, set())
    return OUTSIDE.get(here, set())


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(SOURCE)))
def test_imports_run_one_way(path: Path) -> None:
    assert wrong_imports(path) == []


def test_every_room_has_a_rule() -> None:
    assert {room(path) for path in FILES} <= set(ROOMS)
    assert {path.stem for path in (SOURCE / "adapters").glob("*.py")} >= set(ADAPTERS)


@pytest.mark.parametrize(
    ("place", "text", "wrong"),
    [
        ("core/new.py", "import requests", ["requests"]),
        ("core/new.py", "def f():\n    from model_stage_deploy.ports import Web", ["model_stage_deploy.ports"]),
        ("flows/new.py", "from model_stage_deploy import adapters", ["model_stage_deploy.adapters"]),
        (
            "gates/new.py",
            "from model_stage_deploy.deployers.contract import Job",
            ["model_stage_deploy.deployers.contract"],
        ),
        ("verifiers/new.py", "from model_stage_deploy.deployers.contract import Job", []),
        ("verifiers/new.py", "from model_stage_deploy.deployers import shell", ["model_stage_deploy.deployers.shell"]),
        ("adapters/new.py", "import yaml", ["yaml"]),
        ("report/new.py", "from model_stage_deploy.flows.deploy import carry_out", ["model_stage_deploy.flows.deploy"]),
        ("deployers/new.py", "from model_stage_deploy.core.plan import Plan\nimport json, pydantic", []),
        ("faces/new.py", "import starlette, uvicorn", ["starlette", "uvicorn"]),
        ("faces/web/new.py", "import starlette, uvicorn", ["uvicorn"]),
        ("faces/web/server.py", "import uvicorn", []),
    ],
)
def test_a_wrong_import_is_seen(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, place: str, text: str, wrong: list[str]
) -> None:
    for name in ROOMS:
        (tmp_path / name).mkdir(exist_ok=True)
    for known in ("ports.py", "flows/deploy.py", "core/plan.py", "deployers/contract.py", "deployers/shell.py"):
        (tmp_path / known).touch()
    monkeypatch.setattr(sys.modules[__name__], "SOURCE", tmp_path)
    (tmp_path / place).parent.mkdir(exist_ok=True)
    (tmp_path / place).write_text(text, encoding="utf-8")

    assert wrong_imports(tmp_path / place) == wrong
