"""The registry from Python, as the page for notebooks tells it and on odd registries."""

from __future__ import annotations

import doctest
import re
import subprocess
import sys
from pathlib import Path

import pytest

import model_stage_deploy
from model_stage_deploy import Registry
from model_stage_deploy.core.errors import ModelStageError
from model_stage_deploy.core.reasons import Reason
from tests.contract.generate import ROOT
from tests.standins.example_registry import build
from tests.standins.registries import GitRepository

PAGE = ROOT / "docs" / "howto" / "use-from-python.md"


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A place where `demo-registry` is the example registry, and nobody's own settings count."""
    for name, value in (("HOME", str(tmp_path)), ("GIT_CONFIG_NOSYSTEM", "1"), ("GITHUB_ACTIONS", "false")):
        monkeypatch.setenv(name, value)
    for who in ("AUTHOR", "COMMITTER"):
        monkeypatch.setenv(f"GIT_{who}_NAME", "Ada")
        monkeypatch.setenv(f"GIT_{who}_EMAIL", "ada@example.com")
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_every_line_of_the_page_is_so(here: Path) -> None:
    build(here / "demo-registry", 9)
    text = "\n".join(re.findall(r"^```pycon\n(.*?)^```", PAGE.read_text(encoding="utf-8"), re.MULTILINE | re.DOTALL))
    example = doctest.DocTestParser().get_doctest(text, {}, PAGE.name, str(PAGE), 0)
    told: list[str] = []
    runner = doctest.DocTestRunner(verbose=False)
    runner.run(example, out=told.append)
    assert len(example.examples) > 10
    assert told == []


def test_a_url_is_read_without_a_clone_and_refreshed(here: Path) -> None:
    repository = GitRepository(here / "repository")
    repository.commit({"a": "a"})
    repository.tag("churn@v1.0.0")
    registry = Registry(repository.path.as_uri())
    assert [model.latest for model in registry.models()] == ["v1.0.0"]
    assert registry.which("churn", "prod") is None

    repository.tag("churn#prod#1")
    assert registry.which("churn", "prod") is None, "what was read is kept"
    registry.refresh()
    assert str(registry.which("churn", "prod")) == "v1.0.0"
    assert [model.name for model in registry] == ["churn"]


def test_one_bad_model_hides_no_other(here: Path) -> None:
    repository = GitRepository(here / "repository")
    repository.commit({"a": "a"})
    for tag in ("bad@v1.0.0", "bad@v2.0.0", "bad#prod#1", "good@v1.0.0", "good#prod#1", "good@deprecated"):
        repository.tag(tag)
    repository.tag("good#dev#9", annotated=False)
    registry = Registry(repository.path)
    bad, good = registry.models()
    assert (bad.ambiguous, bad.stages, str(good.stages["prod"]), good.deprecated) == (True, {}, "v1.0.0", True)
    with pytest.raises(ModelStageError) as refused:
        registry.which("bad", "prod")
    assert refused.value.reason is Reason.AMBIGUOUS_VERSION
    assert {finding.code for finding in registry.findings()} == {"ambiguous-version", "lightweight-tag"}
    assert [event.version for event in registry.history("bad")] == [None, "v2.0.0", "v1.0.0"]


def test_dates_that_calendars_do_not_hold_are_no_crash(here: Path) -> None:
    repository = GitRepository(here / "repository")
    repository.commit({"a": "a"})
    repository.tag("m@v1.0.0")
    repository.git("tag", "-a", "-m", "x", "m#prod#1", env={"GIT_COMMITTER_DATE": "@99999999999999 +0000"})
    registry = Registry(repository.path)
    assert registry.history()[0].time.year >= 9999 or registry.history()[0].tag == "m#prod#1"


def test_changes_are_made_as_by_the_commands(here: Path) -> None:
    repository = GitRepository(here / "repository")
    repository.commit({"a": "a"})
    registry = Registry(repository.path)
    assert registry.register("m", bump=None).change.version == "v0.0.1"
    assert registry.promote("m", to="prod", version="v0.0.1").change.stage_tag == "m#prod#1"
    assert str(registry.which("m", "prod")) == "v0.0.1"
    with pytest.raises(ModelStageError) as refused:
        registry.promote("m", to="prod", version="v0.0.1")
    assert refused.value.reason is Reason.ALREADY_IN_STAGE
    registry.archive("m", "v0.0.1")
    assert registry.which("m", "prod") is None
    assert sorted(repository.tags()) == ["m#prod!#2", "m#prod#1", "m@v0.0.1"]


def test_what_is_no_repository_says_so(here: Path) -> None:
    with pytest.raises(ModelStageError) as refused:
        Registry(here).models()
    assert refused.value.reason is Reason.NOT_A_REPOSITORY


def test_the_package_itself_stays_light() -> None:
    program = "import sys, model_stage_deploy; print(sorted(n for n in sys.modules if n.startswith('model_stage')))"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "['model_stage_deploy']"
    with pytest.raises(AttributeError):
        model_stage_deploy.nothing  # noqa: B018
