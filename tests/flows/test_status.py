"""Joining tags and deployments: every stage has its row, and trouble with one hides no other."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from model_stage_deploy.adapters.jinja_templates import JinjaTemplates
from model_stage_deploy.adapters.mapping_yaml import load_mapping
from model_stage_deploy.core.errors import Invalid, MachineryFailed, ModelStageError
from model_stage_deploy.core.lifecycle import Lifecycle, Recorded, Records, State
from model_stage_deploy.core.model import Model
from model_stage_deploy.core.reasons import Reason
from model_stage_deploy.deployers import catalogue
from model_stage_deploy.flows.context import Configuration, Context
from model_stage_deploy.flows.status import decided, status
from tests.core.tag_records import commit, registry
from tests.fakes.announcer import FakeAnnouncer
from tests.fakes.clock import FakeClock
from tests.fakes.code_host import FakeCodeHost

MAPPING = """\
version: 1
stages:
  staging: {deploy: {run: ./deploy.sh}}
  prod: {environment: "live-{{ model.slug }}", deploy: {run: ./deploy.sh}}
"""
TAGS = ("m@v1.0.0 A", "m#staging#1 A", "m#prod#2 A", "n@v1.0.0 B", "n#staging#1 B")
RUNS = Records((Recorded("1", "v1.0.0", commit("A"), "m#prod#2", "success", created="2026-01-01T00:00:00Z"),))
DOWN = MachineryFailed(Reason.GITHUB_FAILED, "GitHub answered 502", hint="later")


def _context(mapping: str | ModelStageError = MAPPING) -> Context:
    nobody: Any = None

    def configuration(_: str | None) -> Configuration:
        if isinstance(mapping, ModelStageError):
            raise mapping
        read = load_mapping(mapping.encode(), "model-stages.yml", catalogue.known(), JinjaTemplates())
        return Configuration(read, "model-stages.yml", Path, nobody)

    return Context(
        repository=nobody,
        configuration=configuration,
        deployer=nobody,
        templates=JinjaTemplates(),
        annotation=nobody,
        announcer=FakeAnnouncer(),
        clock=FakeClock(),
        host=None,
        gate=nobody,
        verifier=nobody,
        environ={},
    )


def _models(*lines: str) -> list[Model]:
    return list(registry(*(lines or TAGS)))


def _states(rows: list[Lifecycle]) -> Mapping[str, str]:
    return {f"{row.model} {row.stage}": row.state.value for row in rows}


def test_every_stage_with_a_tag_has_a_row_and_its_environment() -> None:
    host = FakeCodeHost({("m", "prod"): RUNS})
    rows = status(_context(), host, _models())
    assert _states(rows) == {"m prod": "deployed", "m staging": "approved", "n staging": "approved"}
    assert rows[0].environment == "live-m"
    assert host.asked == [
        ("m", "prod", "live-m"),
        ("m", "staging", "staging"),
        ("n", "staging", "staging"),
        ("n", "prod", "live-n"),
    ]


def test_a_mapped_stage_without_a_tag_is_shown_only_if_something_is_recorded() -> None:
    host = FakeCodeHost({("n", "prod"): RUNS})
    row = status(_context(), host, _models())[-1]
    assert (row.model, row.stage, row.state, row.differs) == ("n", "prod", State.DEPLOYED, True)


def test_one_stage_alone_is_asked_about_where_it_is_named() -> None:
    host = FakeCodeHost({("m", "prod"): RUNS})
    [row] = status(_context(), host, _models(), only="prod", past=100)
    assert (row.model, row.stage) == ("m", "prod")
    assert {stage for _, stage, _ in host.asked} == {"prod"}
    assert status(_context(), host, _models(), only="attic") == []


def test_one_failure_hides_no_other_stage() -> None:
    host = FakeCodeHost({("m", "staging"): DOWN, ("m", "prod"): RUNS})
    rows = status(_context(), host, _models())
    assert _states(rows) == {"m prod": "deployed", "m staging": "unknown", "n staging": "approved"}
    assert (rows[1].reason, rows[1].problem, rows[1].hint) == (Reason.GITHUB_FAILED, "GitHub answered 502", "later")
    assert rows[1].holder is not None


def test_after_two_failures_in_a_row_nobody_waits_for_a_third() -> None:
    stages = [f"s{number}" for number in range(9)]
    mapping = "version: 1\nstages:\n" + "".join(f"  {stage}: {{deploy: {{run: x}}}}\n" for stage in stages)
    models = _models("m@v1.0.0 A", *(f"m#{stage} A" for stage in stages))
    host = FakeCodeHost({("m", stage): DOWN for stage in stages if stage != "s1"})
    rows = status(_context(mapping), host, models)
    assert [row.state.value for row in rows] == ["unknown", "approved", *["unknown"] * 7]
    assert all(row.problem == "GitHub answered 502" for row in rows if row.state is State.UNKNOWN)
    assert [stage for _, stage, _ in host.asked] == ["s0", "s1", "s2", "s3"]


def test_a_missing_permission_is_not_asked_about_again() -> None:
    refused = MachineryFailed(Reason.PERMISSION_MISSING, "GitHub answered 403")
    host = FakeCodeHost({("m", "prod"): refused})
    rows = status(_context(), host, _models())
    assert {row.state for row in rows} == {State.UNKNOWN}
    assert len(host.asked) == 1


def test_an_unmapped_stage_shows_what_is_decided_and_says_so() -> None:
    models = _models("m@v1.0.0 A", "m#prod A", "m#attic A")
    for ending in ("", "unmapped: ignore\n"):
        host = FakeCodeHost({("m", "prod"): RUNS})
        attic = status(_context(MAPPING + ending), host, models)[0]
        assert (attic.stage, attic.state) == ("attic", State.UNKNOWN)
        assert attic.reason in (Reason.UNMAPPED_STAGE, Reason.UNMAPPED_IGNORED)
        assert attic.holder is not None
        assert all(stage != "attic" for _, stage, _ in host.asked)


@pytest.mark.parametrize("reason", [Reason.MAPPING_NOT_FOUND, Reason.MAPPING_INVALID])
def test_without_a_mapping_every_row_says_why(reason: Reason) -> None:
    host = FakeCodeHost()
    rows = status(_context(Invalid(reason, "there is no mapping\nand more")), host, _models())
    assert [(row.stage, row.reason, row.problem) for row in rows] == [
        ("prod", reason, "there is no mapping"),
        ("staging", reason, "there is no mapping"),
        ("staging", reason, "there is no mapping"),
    ]
    assert host.asked == []


def test_ambiguous_tags_leave_what_runs() -> None:
    host = FakeCodeHost({("m", "prod"): RUNS})
    row = status(_context(), host, _models("m@v1.0.0 A", "m@v2.0.0 A", "m#prod A"))[0]
    assert (row.state, row.reason, row.running) == (
        State.UNKNOWN,
        Reason.AMBIGUOUS_VERSION,
        RUNS.newest_first[0],
    )


def test_the_decided_side_alone_is_unknown_for_no_reason() -> None:
    rows = decided(_models())
    assert _states(rows) == {"m prod": "unknown", "m staging": "unknown", "n staging": "unknown"}
    assert all(row.holder is not None and row.reason is None and not row.problem for row in rows)


FAN = """\
version: 1
stages: {prod: {deploy: {run: ./deploy.sh}, targets: [{name: eu}, {name: us}]}}
"""


def test_a_stage_whose_targets_have_this_and_that_runs_no_version_as_a_whole() -> None:
    older, told = (
        RUNS.newest_first[0]._replace(id="0", version="v0.9.0", commit=commit("B")),
        "1 of 2 targets has it not",
    )
    failed = older._replace(
        id="1", version="v1.0.0", commit=commit("A"), state="failure", outcome="failure", summary=told
    )
    host = FakeCodeHost({("m", "prod"): Records((failed, older))})
    [row] = status(_context(FAN), host, _models("m@v1.0.0 A", "m#prod#2 A"))
    assert (row.state, row.running, row.running_known, row.differs) == (State.FAILED, None, False, False)
    assert (row.reason, row.problem) == (Reason.TARGETS_FAILED, told)
    assert "targets m prod" in row.hint
    host = FakeCodeHost({("m", "prod"): RUNS})
    [row] = status(_context(FAN), host, _models("m@v1.0.0 A", "m#prod#2 A"))
    assert (row.state, row.running_known, row.problem) == (State.DEPLOYED, True, "")
