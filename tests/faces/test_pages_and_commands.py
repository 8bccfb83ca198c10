"""The pages and the commands say the same of a registry: versions, stages, states, what runs, drift, history.

Registries and logs of deployments come from a seed, so that what was found once is found again.
"""

from __future__ import annotations

import itertools
import json
import random
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from model_stage_deploy.adapters.local_log import PLACE, LocalLog
from model_stage_deploy.core.dashboard import ModelPage, ModelRow, Query
from model_stage_deploy.core.evidence import Evidence
from model_stage_deploy.core.plan import Decision, ModelFacts, Plan
from model_stage_deploy.faces.arguments import parse, run_of
from model_stage_deploy.faces.browsing import Browser
from model_stage_deploy.faces.settings import Settings
from model_stage_deploy.ports import Ending
from model_stage_deploy.report.html.pages import model_page
from model_stage_deploy.report.lifecycle import document
from tests.adapters.git_clones import isolate
from tests.report.html.plain_links import chrome
from tests.standins.registries import FIRST_MOMENT, GitRepository, History

pytestmark = pytest.mark.thorough  # processes, one after the other

MODELS = ("churn", "eu:risk", "a/b:deep", "x-1", "UP", "up")
STAGES = ("dev", "staging", "prod")
VERSIONS = ("v1.0.0", "v1.0.1", "v2.0.0-rc.1", "v10.0.0")
MAPPING = """\
version: 1
stages:
  staging: {environment: "e-{{ stage }}", deploy: {run: "true"}}
  prod: {environment: "e-{{ stage }}", deploy: {run: "true"}}
"""
TAGGED = {model: model.replace(":", "=") for model in MODELS}


@pytest.fixture(autouse=True)
def _alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    isolate(monkeypatch, tmp_path / "home")


class Stopped:
    """A clock that is set by hand."""

    time = float(FIRST_MOMENT)

    def now(self) -> float:
        return self.time

    def monotonic(self) -> float:
        return self.time

    def sleep(self, seconds: float) -> None:
        self.time += seconds


def a_tag(luck: random.Random, counters: Iterator[int]) -> str:
    name = TAGGED[luck.choice(MODELS)]
    number = next(counters)
    kind = luck.random()
    if kind < 0.35:
        return f"{name}@{luck.choice(VERSIONS)}"
    if kind < 0.4:
        return f"{name}@{luck.choice(VERSIONS)}!" + (f"#{number}" if luck.random() < 0.6 else "")
    if kind < 0.43:
        return f"{name}@deprecated" + luck.choice(["", f"#{number}"])
    stage = luck.choice(STAGES)
    if kind < 0.55:
        return f"{name}#{stage}!#{number}"
    return f"{name}#{stage}" + ("" if kind < 0.65 else f"#{number}")


def make(luck: random.Random, path: Path) -> GitRepository:
    """A registry with odd tags in it: several in one second, lightweight ones, deprecated models, moved versions."""
    repository = GitRepository(path)
    history, counters = History(), itertools.count(1)
    commits = [history.commit({"model-stages.yml": MAPPING})]
    now, names = FIRST_MOMENT + 1000, set()
    for _ in range(luck.randrange(5, 60)):
        if luck.random() < 0.4:
            commits.append(history.commit({"f": str(len(commits))}, when=now))
        name = a_tag(luck, counters)
        now += luck.choice([0, 0, 1, 60, 86_400])
        if name in names:
            continue
        names.add(name)
        words = luck.choice([None, "one\n\ntwo <b>", "x" * 300, " "])
        history.tag(name, at=luck.choice(commits), when=now, message=words, annotated=luck.random() > 0.05)
    history.write(repository)
    return repository


def deploy(luck: random.Random, repository: GitRepository) -> None:
    """Records of deployments in the repository's log: any end, of tags and of what no tag names."""
    clock = Stopped()
    log = LocalLog(repository.path / ".git" / PLACE, who="ada", clock=clock)
    tags = [
        (name, commit)
        for name, commit in repository.tags().items()
        if "#" in name and "!" not in name and "@" not in name
    ]
    for number in range(luck.randrange(0, 16) if tags else 0):
        tag, commit = luck.choice(tags)
        model = next(model for model in MODELS if tag.startswith(f"{TAGGED[model]}#"))
        stage = tag.split("#")[1]
        version = luck.choice([*VERSIONS, commit])
        clock.time = FIRST_MOMENT + luck.randrange(0, 3_000_000)
        plan = Plan(
            Decision(model, version, stage, tag, commit, rollback=luck.random() < 0.2),
            ModelFacts(model, model.split("/")[-1]),
            environment="another" if luck.random() < 0.1 else f"e-{stage}",
            deployer="shell",
        )
        deployment = log.start(plan, str(number), Evidence(actor="ada"))
        clock.time += 5
        if luck.random() < 0.6:
            log.placed(plan, deployment)
        if luck.random() < 0.9:
            log.finish(plan, str(number), deployment, Ending(luck.choice(["success", "success", "failure"]), "said"))


def asked(repository: GitRepository, capsys: pytest.CaptureFixture[str], *words: str) -> dict[str, Any]:
    given = parse(
        [*words, "--repo", str(repository.path), "--json", *(["--no-github"] if words[0] == "status" else [])]
    )
    assert run_of(words[0])(given) == 0
    found: dict[str, Any] = json.loads(capsys.readouterr().out)
    return found


@pytest.mark.parametrize("seed", range(4))
def test_everything_is_equal(seed: int, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    luck = random.Random(seed)
    repository = make(luck, tmp_path / "registry")
    deploy(luck, repository)
    browser = Browser(Settings(command="serve", repo=str(repository.path), no_github=True), {})
    overview = browser.overview(Query(deprecated=True))
    whole, shown = asked(repository, capsys, "status"), asked(repository, capsys, "show")
    assert (overview.recorded_in or None) == whole["recorded_in"]
    assert {row.name for row in overview.rows} == set(shown["models"])
    for row in overview.rows:
        one, page = shown["models"][row.name], browser.model(row.name)
        stages = [stage for stage in whole["stages"] if stage["model"] == row.name]
        same_row(row, one, stages, whole)
        same_page(page, one, stages, whole)
        history = asked(repository, capsys, "history", row.name)["events"]
        assert sorted(event.tag.text for event in page.model.events) == sorted(event["tag"] for event in history)


@pytest.mark.parametrize("seed", range(2))
def test_the_report_is_the_page(seed: int, tmp_path: Path) -> None:
    luck = random.Random(seed)
    repository = make(luck, tmp_path / "registry")
    deploy(luck, repository)
    browser = Browser(Settings(command="serve", repo=str(repository.path), no_github=True), {})
    patient = Browser(Settings(command="report", repo=str(repository.path), no_github=True), {}, patient=True)
    around = chrome()
    for page in patient.pages():
        live = browser.model(page.model.name)
        assert model_page(page._replace(now=0.0), around) == model_page(live._replace(now=0.0), around)


def same_row(row: ModelRow, one: dict[str, Any], stages: list[dict[str, Any]], whole: dict[str, Any]) -> None:
    """A row of the table, beside `show` and `status`."""
    assert (row.latest or None, row.deprecated) == (one["latest"], one["deprecated"])
    assert row.versions == sum(version["registered"] for version in one["versions"])
    held = {stage: (cell.version, cell.commit, cell.tag) for stage, cell in row.stages.items() if cell.version}
    assert held == {name: (has["version"], has["commit"], has["tag"]) for name, has in one["stages"].items() if has}
    if whole["asked"]:
        states = {stage: cell.row.state.value for stage, cell in row.stages.items() if cell.row is not None}
        assert states == {stage["stage"]: stage["state"] for stage in stages}


def same_page(page: ModelPage, one: dict[str, Any], stages: list[dict[str, Any]], whole: dict[str, Any]) -> None:
    """The page of a model, likewise; its versions are made by what `show` is made by."""
    told = document(page.rows, (), page.findings, recorded_in=page.recorded_in)
    assert told["recorded_in"] == whole["recorded_in"]
    assert sorted(told["stages"], key=_stage) == sorted(stages, key=_stage)
    assert {(each["version"], each["commit"]) for each in one["versions"]} == {
        (version.name, version.commit) for version in page.model.versions
    }
    assert {span.stage: span.version for span in page.decided if span.end is None} == {
        row.stage: row.holder.version.name for row in page.rows if row.holder is not None
    }
    running = {row.stage: row.running.version for row in page.rows if row.running is not None}
    assert {span.stage: span.version for span in page.ran if span.end is None} == running


def _stage(told: dict[str, Any]) -> str:
    return str(told["stage"])
