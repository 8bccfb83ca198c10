"""A model's page is made whatever is wrong with a part of it, and says what that is."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

from model_stage_deploy.adapters.annotations_yaml import find_annotation
from model_stage_deploy.adapters.jinja_templates import JinjaTemplates
from model_stage_deploy.adapters.mapping_yaml import load_mapping
from model_stage_deploy.core.annotations import Annotation
from model_stage_deploy.core.dashboard import ModelPage
from model_stage_deploy.core.errors import Invalid, MachineryFailed, ModelStageError
from model_stage_deploy.core.lifecycle import Recorded, Records, lifecycle
from model_stage_deploy.core.locks import ALL, key_of, place_of, unreadable
from model_stage_deploy.core.reasons import Reason
from model_stage_deploy.core.registry import Finding
from model_stage_deploy.core.stored import LockEntry
from model_stage_deploy.deployers import catalogue
from model_stage_deploy.flows.browsing import Joined, mapped_stages, model_page
from model_stage_deploy.flows.context import Configuration, Context
from tests.core.tag_records import commit, registry
from tests.fakes.announcer import FakeAnnouncer
from tests.fakes.clock import FakeClock

MAPPING = """\
version: 1
stages:
  staging: {deploy: {run: ./deploy.sh}}
  prod: {deploy: {run: ./deploy.sh}}
"""
MODEL = registry("m@v1.0.0 A", "m@v2.0.0 B", "m#prod#1 A", "m#dev#2 B").model("m")
RECORD = Recorded("1", "v1.0.0", commit("A"), "m#prod#1", "success", created="2023-11-14T22:20:00Z", outcome="success")
DOWN = MachineryFailed(Reason.GIT_FAILED, "git broke")


class Files:
    """Fulfils what a page asks of ports.Repository: annotations at one commit."""

    def __init__(self, at: str, text: bytes) -> None:
        self._at, self._text = at, text

    def read_file(self, at: str, path: str) -> bytes | None:
        return self._text if (at, path) == (self._at, "dvc.yaml") else None

    def read_files(self, asked: Any) -> Any:
        return {one: self.read_file(*one) for one in asked}


class Broken:
    """A port of which nothing works."""

    def __getattr__(self, name: str) -> Any:
        def fail(*_given: Any, **_named: Any) -> Any:
            raise DOWN

        return fail


def context(mapping: str | ModelStageError = MAPPING, files: Any = None) -> Context:
    nobody: Any = None

    def configuration(_: str | None) -> Configuration:
        if isinstance(mapping, ModelStageError):
            raise mapping
        read = load_mapping(mapping.encode(), "model-stages.yml", catalogue.known(), JinjaTemplates())
        return Configuration(read, "model-stages.yml", Path, lambda _: None)

    repository: Any = files or Files(commit("B"), b"artifacts: {m: {type: model, desc: Who leaves}}")
    return Context(
        repository=repository,
        configuration=configuration,
        deployer=nobody,
        templates=JinjaTemplates(),
        annotation=find_annotation,
        announcer=FakeAnnouncer(),
        clock=FakeClock(1_700_000_500.0),
        host=None,
        gate=nobody,
        verifier=nobody,
        environ={},
    )


def lock(key: str) -> LockEntry:
    return LockEntry("1" * 40, "freeze", key, "claim", "ada", "no more today", "", 1.0, 1.0, 0.0)


def rows() -> Joined:
    return Joined([lifecycle(MODEL, "prod", Records((RECORD,)), "prod")], "log")


def page(given: Context, **changes: Any) -> ModelPage:
    asked: dict[str, Any] = {"joined": rows, "locks": lambda: (), "findings": ()} | changes
    return model_page(given, MODEL, asked["findings"], asked["joined"], asked["locks"])


def test_everything_is_there() -> None:
    locks = [lock(key_of("m", "prod")), lock(key_of("other", "prod")), lock(ALL), lock(key_of("m"))]
    found = page(context(), locks=lambda: locks, findings=[Finding("nested-tag", "m#prod#1", "odd")])
    assert found.annotation == Annotation(None, "model", "Who leaves")
    assert (found.stages, found.mapped) == (("staging", "prod", "dev"), ("staging", "prod"))
    assert [(row.stage, row.state.value) for row in found.rows] == [("prod", "deployed")]
    assert [(span.stage, span.version) for span in found.decided] == [("prod", "v1.0.0"), ("dev", "v2.0.0")]
    assert [(span.stage, span.version) for span in found.ran] == [("prod", "v1.0.0")]
    assert found.locks == (locks[0], locks[2], locks[3])
    assert (found.recorded_in, found.unasked, found.problems, found.now) == ("log", "", (), 1_700_000_500.0)
    assert [one.code for one in found.findings] == ["nested-tag"]


def test_a_lock_that_cannot_be_read_locks_what_its_place_is_of() -> None:
    here = replace(lock(unreadable(place_of(key_of("m", "prod")))), owner="", reason="it is no JSON", since=0.0)
    elsewhere = lock(unreadable(place_of(key_of("other", "prod"))))
    found = page(context(), locks=lambda: [elsewhere, here])
    told = "what is there cannot be read (it is no JSON)"
    assert found.locks == (replace(here, key=key_of("m", "prod"), reason=told),)


def test_nobody_records_deployments() -> None:
    found = page(context(), joined=lambda: Joined(unasked="nobody was asked"))
    assert [(row.stage, row.running_known) for row in found.rows] == [("prod", False), ("dev", False)]
    assert (found.ran, found.recorded_in, found.unasked) == ((), "", "nobody was asked")


def test_without_a_mapping_the_tags_name_the_stages() -> None:
    missing = Invalid(Reason.MAPPING_NOT_FOUND, "there is no mapping")
    found = page(context(missing))
    assert (found.stages, found.mapped) == (("dev", "prod"), ())
    assert mapped_stages(context(missing)) == ()
    assert mapped_stages(context()) == ("staging", "prod")


def test_each_part_that_fails_is_a_sentence() -> None:
    def fail() -> Any:
        raise DOWN

    found = page(
        replace(context(files=Broken()), scrub=lambda text: text.replace("git", "***")), joined=fail, locks=fail
    )
    assert found.model is MODEL
    assert [row.stage for row in found.rows] == ["prod", "dev"]
    assert len(found.problems) >= 3
    assert found.problems[0] == "the deployments are not shown: *** broke"
    assert "whether something is locked is not known: *** broke" in found.problems
    assert "the annotation cannot be read: *** broke" in found.problems


def test_a_defect_in_one_part_hides_no_other() -> None:
    def fail() -> Any:
        raise KeyError("a secret?")

    found = page(context(), locks=fail)
    assert found.problems == ("whether something is locked is not known: a defect in model-stage-deploy (KeyError)",)
    assert found.annotation is not None


def test_an_annotation_that_makes_no_sense_is_told_of() -> None:
    given = context(files=Files(commit("B"), b"artifacts: {m: [1]}"))
    found = page(given)
    assert found.annotation is None
    assert isinstance(given.announcer, FakeAnnouncer)
    assert any("no usable annotation" in str(note) for note in given.announcer.notes)
