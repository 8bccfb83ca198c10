"""What every gate promises, asked of each of the catalogue. A new one needs a bench, and is then asked too."""

from __future__ import annotations

import copy
import json
import re
import textwrap
from dataclasses import replace
from pathlib import Path

import pytest

from model_stage_deploy.adapters.mapping_yaml import load_mapping
from model_stage_deploy.core.errors import ModelStageError
from model_stage_deploy.core.verdict import Answer, Verdict
from model_stage_deploy.gates.catalogue import GATES
from model_stage_deploy.gates.contract import Case
from tests.conformance.gate_benches import BENCHES, World
from tests.fakes.plans import HOSTILE
from tests.gates.judged import a_tag

PAGE = (Path(__file__).parents[2] / "docs/reference/gates.md").read_text(encoding="utf-8")

every_gate = pytest.mark.parametrize("name", GATES)


def _verdict(name: str, *, bad: bool = False, case: Case | None = None) -> Verdict:
    bench = BENCHES[name]
    gate = bench.gate(name, bench.bad if bad else World())
    case = case or bench.case(bad=bad)
    return gate.judge(bench.rule(name), gate.facts(bench.rule(name), case), case)


def _section(name: str) -> str:
    found = re.search(rf"^## {name}\n(.*?)(?=^## |\Z)", PAGE, re.MULTILINE | re.DOTALL)
    assert found, f"docs/reference/gates.md has no section `## {name}`"
    return found[1]


@every_gate
def test_it_says_yes_where_all_is_well(name: str) -> None:
    verdict = _verdict(name)
    assert (verdict.gate, verdict.answer, verdict.code, verdict.hint) == (name, Answer.PASSED, f"{name}-passed", "")


@every_gate
def test_it_says_no_with_a_code_a_sentence_and_a_hint(name: str) -> None:
    verdict = _verdict(name, bad=True)
    assert (verdict.gate, verdict.answer) == (name, Answer.FAILED)
    assert re.fullmatch(rf"{name}(-[a-z]+)+", verdict.code)
    assert verdict.hint


@every_gate
@pytest.mark.parametrize("bad", [False, True])
def test_what_it_says_is_one_line_and_what_it_knows_is_json(name: str, bad: bool) -> None:
    verdict = _verdict(name, bad=bad)
    assert verdict.sentence
    assert verdict.sentence.isprintable()
    assert verdict.hint.isprintable()
    assert json.loads(json.dumps(verdict.facts, allow_nan=False)) is not None


@every_gate
@pytest.mark.parametrize("bad", [False, True])
def test_judging_is_pure(name: str, bad: bool) -> None:
    """The same rule, facts and case, the same verdict; and nothing that was handed over is changed."""
    bench = BENCHES[name]
    gate, rule, case = bench.gate(name, bench.bad if bad else World()), bench.rule(name), bench.case(bad=bad)
    facts = gate.facts(rule, case)
    before = copy.deepcopy((rule, facts, case))
    assert gate.judge(rule, facts, case) == type(gate).judge(rule, copy.deepcopy(facts), case)
    assert (rule, facts, case) == before


@every_gate
def test_what_cannot_be_known_is_never_a_yes(name: str) -> None:
    bench = BENCHES[name]
    gate, rule, case = bench.gate(name, World(trouble=True)), bench.rule(name), bench.case(bad=True)
    if bench.needs_nobody:
        assert gate.facts(rule, case) is None
        return
    with pytest.raises(ModelStageError) as caught:
        verdict = gate.judge(rule, gate.facts(rule, case), case)
        raise AssertionError(verdict)
    assert caught.value.message


@every_gate
@pytest.mark.parametrize("hostile", HOSTILE.values(), ids=HOSTILE.keys())
def test_hostile_names_do_nothing(name: str, hostile: str) -> None:
    """Tags and people are named by others; what a gate says of them can be shown anywhere."""
    bench = BENCHES[name]
    for bad in (False, True):
        case = replace(bench.case(bad=bad), actor=hostile, tag=a_tag(hostile, tagger=hostile, email=hostile))
        try:
            verdict = _verdict(name, bad=bad, case=case)
        except ModelStageError as problem:
            assert problem.message
            continue
        assert verdict.sentence.isprintable()
        assert verdict.hint.isprintable()


@every_gate
def test_it_is_told_in_the_reference(name: str) -> None:
    section = _section(name)
    assert "```yaml" in section
    assert f"`{_verdict(name, bad=True).code}`" in section


EXAMPLES = [text for text in re.findall(r"```yaml\n(.*?)```", PAGE, re.DOTALL) if text.startswith("gates:")]


@pytest.mark.parametrize("text", EXAMPLES)
def test_the_examples_of_the_reference_are_right(text: str) -> None:
    stages = "stages:\n  staging: {verify: [{run: x}]}\n  canary: {}\n  prod:\n" + textwrap.indent(text, "    ")
    mapping = load_mapping(f"version: 1\ndefaults: {{deploy: {{run: x}}}}\n{stages}".encode(), "gates.md", ["shell"])
    assert mapping.settings("churn", "prod") is not None


def test_every_gate_has_a_bench_and_no_bench_is_without_a_gate() -> None:
    assert set(BENCHES) == set(GATES)


def test_a_gate_without_a_section_is_seen() -> None:
    with pytest.raises(AssertionError, match="has no section"):
        _section("nonsense")
