"""Gates, verification, rollback, events and locks in the mapping: layers, what is missing, what contradicts."""

from __future__ import annotations

import time

import pytest
from pydantic import BaseModel

from model_stage_deploy.adapters.jinja_templates import JinjaTemplates
from model_stage_deploy.adapters.mapping_yaml import load_mapping
from model_stage_deploy.adapters.safe_yaml import read_yaml
from model_stage_deploy.core import policy
from model_stage_deploy.core.mapping import MappingInvalid, StageMap, StageSettings
from tests.contract.generate import flow

HEAD = "version: 1\ndefaults:\n  deploy: {run: x}\n"


def _load(text: str) -> StageMap:
    return load_mapping(text.encode(), "m.yml", ["shell"], JinjaTemplates())


def _settings(text: str, model: str = "churn", stage: str = "prod") -> StageSettings:
    settings = _load(text).settings(model, stage)
    assert settings is not None
    return settings


def _complaint(text: str, model: str = "churn", stage: str = "prod") -> str:
    """What is wrong with a stage of a mapping that loads."""
    mapping = _load(text)
    with pytest.raises(MappingInvalid) as caught:
        mapping.settings(model, stage)
    return caught.value.message


def test_nothing_asked_is_nothing_asked() -> None:
    settings = _settings(HEAD + "stages: {prod: {}}\n")
    assert settings.gates.asked == ()
    assert (settings.verify, settings.on_failure, settings.lock.use) == ((), "stop", "remote")


def test_layers_put_one_gate_together() -> None:
    text = HEAD + "  gates: {approval: {by: [alice]}, window: {zone: Asia/Tokyo}}\n"
    text += "stages: {prod: {gates: {approval: {count: 2}, window: {days: mon}}}}\n"
    text += "models: {churn: {stages: {prod: {gates: {approval: {max-age: 7d},"
    text += " window: {days: null, hours: 1:00-2:00}}}}}}\n"
    gates = _settings(text).gates
    assert gates.approval == policy.Approval.model_validate({"by": ["alice"], "count": 2, "max-age": "7d"})
    assert gates.window is not None
    assert (gates.window.zone, gates.window.days, gates.window.hours) == ("Asia/Tokyo", None, "1:00-2:00")


def test_a_list_of_checks_replaces() -> None:
    text = HEAD + "  verify: [{run: a}, {run: b}]\nstages: {prod: {verify: [{run: c}]}, dev: {}}\n"
    assert [check.run for check in _settings(text).verify] == ["c"]
    assert [check.run for check in _settings(text, stage="dev").verify] == ["a", "b"]


def test_null_takes_a_gate_away_and_a_setting_back_to_its_default() -> None:
    text = HEAD + "  gates: {soak: 1d, checks: [test]}\n  rollback: {hold: 7d, tag: true}\n  verify: [{run: a}]\n"
    text += "stages: {prod: {gates: {checks: null, soak: null}, rollback: {hold: null}, verify: null}}\n"
    settings = _settings(text)
    assert settings.gates.asked == ()
    assert settings.rollback == policy.Rollback(tag=True)
    assert settings.verify == ()


def test_what_is_still_missing_has_the_place_of_what_is_there() -> None:
    text = HEAD + "stages:\n  prod:\n    gates:\n      approval: {count: 2}\n"
    assert _complaint(text) == "m.yml:7:7: stages.prod.gates.approval.by: is missing"
    text = HEAD + "  gates: {metrics: {nothing-live: fail}}\nstages: {prod: {}}\n"
    assert _complaint(text) == "m.yml:4:11: defaults.gates.metrics.rules: is missing"


def test_only_the_model_that_lacks_something_is_refused() -> None:
    text = HEAD + "stages: {prod: {gates: {approval: {count: 2}}}}\n"
    text += "models: {churn: {stages: {prod: {gates: {approval: {by: [alice]}}}}}}\n"
    assert _settings(text).gates.asked == ("approval",)
    assert "stages.prod.gates.approval.by: is missing" in _complaint(text, model="other")


def test_what_two_globs_leave_of_a_gate_is_looked_at_when_a_model_needs_it() -> None:
    text = HEAD + "stages: {prod: {gates: {people: {pushers: [alice], taggers: [a@b.example]}}}}\nmodels:\n"
    text += '  "a*": {stages: {prod: {gates: {people: {pushers: null}}}}}\n'
    text += '  "*bbb": {stages: {prod: {gates: {people: {taggers: null}}}}}\n'
    assert "names nobody" in _complaint(text, model="abbb")
    assert _settings(text, model="a").gates.asked == ("people",)


def test_a_soak_in_the_defaults_is_for_those_that_need_something() -> None:
    text = HEAD + "  gates: {soak: 1d}\n  verify: [{run: x}]\n"
    text += "stages: {staging: {}, prod: {gates: {needs: [staging]}}}\n"
    assert _settings(text, stage="staging").gates.asked == ()
    assert _settings(text).gates.soak == 86400


def test_short_forms_are_the_long_ones() -> None:
    short = (
        HEAD
        + "  verify: [{run: x}]\nstages: {s: {}, prod: {gates: {needs: [s], metrics: [a > 1], reachable-from: m}}}\n"
    )
    long = HEAD + "  verify: [{run: x}]\nstages: {s: {}, prod: {gates: {needs: [{stage: s, verified: true}], "
    long += "metrics: {rules: [a > 1]}, reachable-from: [m]}}}\n"
    assert _settings(short).gates == _settings(long).gates


def test_gates_are_asked_in_the_order_of_the_reference() -> None:
    text = (
        HEAD + "stages: {prod: {gates: {window: {days: mon}, checks: [t], people: {pushers: [a]}, metrics: [a > 1]}}}\n"
    )
    assert _settings(text).gates.asked == ("metrics", "people", "checks", "window")


def test_texts_of_checks_are_templates_and_scripts_are_not() -> None:
    text = HEAD + "stages:\n  prod:\n    verify:\n      - run: 'echo {{ x'\n"
    text += "      - http: {url: '{{ environment_url }}', json: {$.a: ['{{ attempt }}']}, method: GET}\n"
    found = [(template.text, template.after) for template in _load(text).templates()]
    assert found == [("{{ environment_url }}", True), ("{{ attempt }}", True)]


def test_a_file_of_very_many_stages_and_globs_is_read_in_time() -> None:
    stages = "".join(f"  s{n}: {{gates: {{needs: [s{n - 1}]}}}}\n" for n in range(1, 200))
    globs = "".join(f'  "g{n}/*": {{stages: {{s1: {{gates: {{soak: 1h}}}}}}}}\n' for n in range(300))
    begun = time.monotonic()
    _load(HEAD + "  verify: [{run: x}]\nstages:\n  s0: {}\n" + stages + "models:\n" + globs)
    assert time.monotonic() - begun < 20


SHAPES = [shape for name in policy.__all__ if isinstance(shape := getattr(policy, name), type)]


@pytest.mark.parametrize("shape", SHAPES, ids=lambda shape: shape.__name__)
def test_the_examples_of_the_reference_are_right(shape: type[BaseModel]) -> None:
    fields = {info.alias or name: info for name, info in shape.model_fields.items()}
    needed = {key: (info.examples or [])[0] for key, info in fields.items() if info.is_required()}
    for key, info in fields.items():
        assert info.examples, f"{key} has no example"
        for example in info.examples:
            others = {"run": "./x"} if shape is policy.Check and key not in ("http", "metric") else {}
            shape.model_validate({**needed, **others, key: example})
            written = read_yaml(flow(key, example).encode())[0].as_texts(lambda path: False).value
            assert written == {key: example}
