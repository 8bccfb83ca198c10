"""The JSON documents that the docs show have the keys of the real ones, all of them and no other."""

from __future__ import annotations

import contextlib
import io
import json
import tempfile
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest

from model_stage_deploy.adapters.github_client import GitHubClient
from model_stage_deploy.adapters.github_deployments import GitHubDeployments
from model_stage_deploy.core.evidence import Evidence
from model_stage_deploy.core.policy import Check
from model_stage_deploy.core.redaction import Secret
from model_stage_deploy.core.verdict import passed
from model_stage_deploy.deployers.webhook_payload import default_payload
from model_stage_deploy.faces.cli import main
from model_stage_deploy.ports import Ending
from model_stage_deploy.report.deployments import Tried, document
from tests.contract.consoles import FENCE
from tests.contract.generate import ROOT
from tests.fakes.plans import a_plan
from tests.standins.example_registry import build
from tests.standins.github import GitHubStandIn
from tests.standins.mlflow import MlflowStandIn, create_version
from tests.standins.registries import GitRepository

COMMANDS: Mapping[str, list[str]] = {
    "outcome": ["deploy", "churn#dev#4", "--dry-run"],
    "complaint": ["show", "--nope"],
    "parse": ["parse", "churn#prod#4"],
    "plan": ["plan", "churn#dev#4"],
    "show": ["show"],
    "which": ["which", "churn", "prod"],
    "history": ["history", "churn"],
    "which-all": ["which", "churn", "dev", "--all"],
    "resolved": ["resolve", "churn#prod"],
    "versions": ["versions", "churn"],
    "check": ["check"],
    "status": ["status", "churn"],
    "targets": ["targets", "churn", "prod"],
    "doctor": ["doctor"],
    "report": ["report", "--file", "registry.html", "--force"],
    "badge": ["report", "--badge", "churn#prod"],
    "locks": ["locks"],
    "sweep": ["sweep", "--dry-run"],
    "drift": ["reconcile", "churn", "--no-github", "--apply", "--dry-run"],
    "approve": ["approve", "churn", "v3.1.0", "prod", "-m", "as agreed on Monday"],
    "lock-change": ["lock", "churn", "prod", "-m", "incident 42"],
    "change": ["promote", "churn", "--version", "v3.1.0", "--to", "prod", "--dry-run"],
}
PLAN = a_plan(verify=(Check(run="true"),))
EVIDENCE = Evidence(gates=(passed("metrics", "accuracy 0.93 >= 0.9", accuracy=0.93),))
FREE = {"models", "stages", "origins", "options", "versions"}
"""Keys whose own keys are names of the user's choice."""
ELSEWHERE = {"outcome"}
"""Keys that hold a document with a page of its own."""


def shown() -> dict[str, Any]:
    """The documents in the docs, by name."""
    pages = [
        ROOT / f"docs/reference/{page}.md"
        for page in ("json", "outcome", "status", "changes", "records", "locks", "log", "targets")
    ]
    fences = [fence for page in pages for fence in FENCE.finditer(page.read_text(encoding="utf-8"))]
    found = [(fence["note"] or "").partition("document: ")[2] for fence in fences]
    return {name: json.loads(fence["text"]) for name, fence in zip(found, fences, strict=True) if name}


def keys(value: Any) -> Any:
    """The keys of a document, of what is in it, and of the first item of its lists."""
    if isinstance(value, Mapping):
        return {
            key: (keys(next(iter(item.values()), None)) if key in FREE and isinstance(item, Mapping) else keys(item))
            if key not in ELSEWHERE
            else None
            for key, item in value.items()
        }
    if isinstance(value, list):
        return keys(value[0]) if value else None
    return None


def differences(documented: Any, real: Any, path: str = "") -> list[str]:
    """Where the keys of two documents differ; what is null or empty in one is not compared further."""
    if documented is None or real is None:
        return []
    if not (isinstance(documented, dict) and isinstance(real, dict)):
        return [f"{path}: one is a mapping, the other is not"]
    wrong = [f"{path}.{key}" for key in documented.keys() ^ real.keys()]
    for key in documented.keys() & real.keys():
        wrong += differences(documented[key], real[key], f"{path}.{key}")
    return wrong


def printed(arguments: list[str]) -> Any:
    """What a command prints with --json."""
    out = io.StringIO()
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(io.StringIO()):
        main([*arguments, "--json"])
    return json.loads(out.getvalue())


def _deployment() -> dict[str, Any]:
    with GitHubStandIn(repository="org/models", token="t") as github:
        client = GitHubClient(github.url, "org/models", Secret("t"))
        GitHubDeployments(client, lambda text: text).start(PLAN, "attempt", EVIDENCE)
        [call] = [call for call in github.calls if call.method == "POST" and call.path.endswith("/deployments")]
    payload: dict[str, Any] = call.body["payload"]
    return payload


def _deployments() -> dict[str, Any]:
    with GitHubStandIn(repository="org/models", token="t") as github:
        host = GitHubDeployments(GitHubClient(github.url, "org/models", Secret("t")), lambda text: text)
        made = host.start(PLAN, "attempt", EVIDENCE)
        host.finish(PLAN, "attempt", made, Ending("success", "churn v3.1.0 deployed to prod"))
        record = host.records("churn", "prod", "production", limit=1).newest_first[0]
    return document([Tried("churn", "prod", record)], [], recorded_in="github")


def _import() -> Any:
    with MlflowStandIn() as server, tempfile.TemporaryDirectory() as place:
        repository = GitRepository(Path(place, "repository"))
        tags = [{"key": "git_commit", "value": repository.commit({"weights": "1"})}]
        server.state.models["churn"] = {
            "name": "churn",
            "created": 1,
            "versions": {},
            "aliases": {"a": "1"},
            "tags": {},
        }
        create_version(server.state, {"name": "churn", "source": "s3://bucket/path", "tags": tags})
        words = ["--tracking-uri", server.url, "--repo", str(repository.path), "--alias-map", "a=prod"]
        return printed(["import-mlflow", *words])


OTHERS: Mapping[str, Callable[[], Any]] = {
    "import": _import,
    "webhook": lambda: default_payload(a_plan(), "attempt"),
    "deployment": _deployment,
    "deployments": _deployments,
}


@pytest.mark.parametrize("name", COMMANDS)
def test_what_commands_print(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    build(tmp_path / "registry", 1)
    monkeypatch.chdir(tmp_path / "registry")
    for variable in ("GITHUB_ACTIONS", "GITHUB_TOKEN", "GITHUB_REPOSITORY", "GITHUB_EVENT_PATH"):
        monkeypatch.delenv(variable, raising=False)
    documented, real = shown()[name], printed(COMMANDS[name])

    assert differences(keys(documented), keys(real)) == []
    assert documented.get("schema") == real.get("schema")


@pytest.mark.parametrize("name", OTHERS)
def test_what_is_sent(name: str) -> None:
    documented, real = shown()[name], OTHERS[name]()

    assert differences(keys(documented), keys(real)) == []
    assert documented["schema"] == real["schema"]


def test_every_document_is_compared() -> None:
    assert set(shown()) == {*COMMANDS, *OTHERS}


def test_a_difference_is_seen() -> None:
    assert differences(keys({"a": [{"b": 1}]}), keys({"a": [{"c": 1}]})) in ([".a.b", ".a.c"], [".a.c", ".a.b"])
    assert differences(keys({"a": {"b": 1}}), keys({"a": 1})) == []
    assert differences({"a": {"b": None}}, {"a": "text"}) == [".a: one is a mapping, the other is not"]
