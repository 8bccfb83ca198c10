"""The gate `metrics`, over real commits: which files it reads, what it says, and each stated answer."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from model_stage_deploy.adapters.documents import read_document
from model_stage_deploy.adapters.git_repository import GitRepository as Reader
from model_stage_deploy.adapters.git_source import GitSource
from model_stage_deploy.core import metric_values, policy
from model_stage_deploy.core.errors import MachineryFailed
from model_stage_deploy.core.inert import one_line
from model_stage_deploy.core.mapping import StageSettings
from model_stage_deploy.core.plan import Decision
from model_stage_deploy.core.verdict import Answer, Verdict
from model_stage_deploy.gates.catalogue import build, load
from model_stage_deploy.gates.contract import Case
from model_stage_deploy.gates.metrics import Metrics, Seen
from tests.adapters.git_clones import isolate
from tests.standins.registries import Files, GitRepository

LFS = "version https://git-lfs.github.com/spec/v1\noid sha256:4d7a\nsize 12345\n"
HOSTILE: Mapping[str, str] = json.loads(
    (Path(__file__).parents[1] / "data/hostile/values.json").read_text(encoding="utf-8")
)["values"]


def a_case(commit: str = "c" * 40, live: str = "", *, model: str = "churn") -> Case:
    decision = Decision(model=model, version="v2.0.0", stage="prod", tag=f"{model}#prod#4", commit=commit)
    return Case(
        decision=decision,
        settings=StageSettings(environment="production", deployer="shell"),
        tag=None,
        environment="production",
        environments={},
        unverifiable=frozenset(),
        live_version="v1.0.0" if live else "",
        live_commit=live,
        actor="alice",
        now=0.0,
    )


def a_rule(*rules: str, **more: Any) -> policy.Metrics:
    return policy.Metrics.model_validate({"rules": list(rules), **more})


def judged(*rules: str, new: Any, live: Any = None, **more: Any) -> Verdict:
    """What the gate says of values that stand in metrics.json, at the version's and at the live commit."""
    seen = Seen(
        metric_values.Metrics("c" * 40, {"metrics.json": new}),
        None if live is None else metric_values.Metrics("b" * 40, {"metrics.json": live}),
    )
    return Metrics.judge(a_rule(*rules, **more), seen, a_case(live="" if live is None else "b" * 40))


# --- what is said of values


def test_all_hold() -> None:
    verdict = judged(
        "accuracy >= 0.9",
        "auc >= live.auc - 0.005",
        "latency_ms.p95 <= 1.1 * live.latency_ms.p95",
        new={"accuracy": 0.93, "auc": 0.91, "latency_ms": {"p95": 105}},
        live={"auc": 0.915, "latency_ms": {"p95": 100}},
    )
    assert (verdict.gate, verdict.answer, verdict.code) == ("metrics", Answer.PASSED, "metrics-passed")
    assert verdict.sentence == (
        "accuracy 0.93 >= 0.9: yes; "
        "auc 0.91 >= live.auc 0.915 - 0.005 (0.91): yes; "
        "latency_ms.p95 105 <= 1.1 * live.latency_ms.p95 100 (110): yes"
    )
    assert verdict.hint == ""


def test_every_rule_is_told_not_only_the_first_that_fails() -> None:
    verdict = judged("a >= 0.9", "b >= 0.9", "c >= 0.9", "d >= 0.9", new={"a": 0.87, "b": 0.95, "c": float("nan")})
    assert (verdict.answer, verdict.code) == (Answer.FAILED, "metrics-not-met")
    assert verdict.sentence == (
        "a 0.87 >= 0.9: no; b 0.95 >= 0.9: yes; "
        "c >= 0.9: no: c is NaN, which is no number in metrics.json; d >= 0.9: no: d is not in metrics.json"
    )
    assert [rule["code"] for rule in verdict.facts["rules"]] == [
        "metrics-not-met",
        "metrics-passed",
        "metrics-not-a-number",
        "metrics-missing",
    ]


def test_the_code_is_not_met_wherever_that_stands() -> None:
    assert judged("x > 0", "a > 5", new={"a": 1}).code == "metrics-not-met"
    assert judged("x > 0", "a / 0 > 5", new={"a": 1}).code == "metrics-missing"


def test_the_facts_are_json() -> None:
    verdict = judged("auc >= live.auc - 0.005", "x / 0 > 1", new={"auc": 0.9, "x": 1}, live={"auc": 0.89})
    assert json.loads(json.dumps(verdict.facts, allow_nan=False)) == {
        "rules": [
            {
                "rule": "auc >= live.auc - 0.005",
                "holds": True,
                "code": "metrics-passed",
                "left": 0.9,
                "right": 0.885,
                "numbers": {"auc": 0.9, "live.auc": 0.89},
            },
            {
                "rule": "x / 0 > 1",
                "holds": False,
                "code": "metrics-undefined",
                "left": None,
                "right": 1.0,
                "numbers": {"x": 1.0},
            },
        ],
        "commit": "c" * 40,
        "files": ["metrics.json"],
        "live": {"version": "v1.0.0", "commit": "b" * 40, "files": ["metrics.json"]},
    }


@pytest.mark.parametrize(
    ("value", "code"),
    [
        (0.89, "not-met"),
        (float("nan"), "not-a-number"),
        (float("inf"), "not-a-number"),
        (float("-inf"), "not-a-number"),
        (10**400, "not-a-number"),
        ("0.95", "not-a-number"),
        (True, "not-a-number"),
        (None, "not-a-number"),
        ([0.95], "not-a-number"),
        ({"value": 0.95}, "not-a-number"),
    ],
)
@pytest.mark.parametrize("rule", ["a >= 0.9", "0.9 <= a", "a != 0.89"])
def test_stated_answers(value: object, code: str, rule: str) -> None:
    verdict = judged(rule, new={"a": value})
    assert (verdict.answer, verdict.code) == (Answer.FAILED, f"metrics-{code}")
    assert verdict.sentence


@pytest.mark.parametrize("rule", ["a == a", "a != 1", "a <= a", "live.a >= a"])
def test_nan_satisfies_nothing(rule: str) -> None:
    nan = {"a": float("nan")}
    assert judged(rule, new=nan, live=nan).code == "metrics-not-a-number"


def test_missing_names_the_nearest() -> None:
    verdict = judged("accuracy >= 0.9", new={"eval": {"accuracy": 0.95}})
    assert (verdict.code, verdict.hint) == ("metrics-missing", "accuracy: did you mean eval.accuracy?")


def test_no_number_comes_of_it() -> None:
    verdict = judged("a / b > 1", new={"a": 1, "b": 0})
    assert (verdict.code, verdict.sentence) == ("metrics-undefined", "a 1 / b 0 > 1: no: it divides by zero")
    assert verdict.hint


@pytest.mark.parametrize(
    ("policy_word", "code", "sentence"),
    [
        ("pass", "metrics-passed", "a 1 >= live.a: yes: nothing is live in prod yet (`nothing-live: pass`)"),
        ("fail", "metrics-nothing-live", "a 1 >= live.a: no: nothing is live in prod yet (`nothing-live: fail`)"),
    ],
)
def test_nothing_live_yet(policy_word: str, code: str, sentence: str) -> None:
    verdict = judged("a >= live.a", new={"a": 1}, **{"nothing-live": policy_word})
    assert (verdict.code, verdict.sentence) == (code, sentence)
    assert bool(verdict.hint) == (policy_word == "fail")


def test_nothing_live_excuses_no_missing_metric_of_its_own() -> None:
    assert judged("a >= live.a", new={}).code == "metrics-missing"
    assert judged("a >= live.a", new={"a": float("nan")}).code == "metrics-not-a-number"
    assert judged("a >= live.a", "a > 5", new={"a": 1}).code == "metrics-not-met"


def test_the_live_version_lacks_the_metric() -> None:
    verdict = judged("a >= live.a", new={"a": 1}, live={"b": 1})
    assert (verdict.answer, verdict.code) == (Answer.FAILED, "metrics-missing")
    assert verdict.sentence == "a >= live.a: no: live.a is not in metrics.json"
    assert "`a >= live.a` compares with v1.0.0, which is live" in verdict.hint


def test_a_bad_rule_that_got_past_the_mapping_is_a_no() -> None:
    verdict = Metrics.judge(
        policy.Metrics.model_construct(rules=["a and b"], files=None, nothing_live="pass"),
        Seen(metric_values.Metrics("c", {}), None),
        a_case(),
    )
    assert (verdict.answer, verdict.code) == (Answer.FAILED, "metrics-bad-rule")


@pytest.mark.parametrize("kind", HOSTILE)
def test_hostile_names_and_values_are_inert(kind: str) -> None:
    text = HOSTILE[kind]
    for new in ({text: 1.0}, {"a": text}, {"b": {text: {text: 1.0}}}, {f"{text}.a": 1.0}):
        verdict = judged("a > 0", new=new)
        assert verdict.answer is Answer.FAILED
        for words in (verdict.sentence, verdict.hint):
            assert one_line(words, 100_000) == words


NUMBERS = st.dictionaries(st.sampled_from("abc"), st.one_of(st.floats(), st.integers(), st.text()), max_size=3)
RULES = st.sampled_from(["a > 0", "a + b >= c", "a >= live.a", "live.b < b", "min(a, live.c) != 0", "1 / c > live.a"])


@given(st.lists(RULES, min_size=1, max_size=4), RULES, NUMBERS, st.one_of(st.none(), NUMBERS), st.booleans())
def test_a_stricter_gate_never_allows_more(
    rules: list[str], more: str, new: dict[str, Any], live: dict[str, Any] | None, fails: bool
) -> None:
    loose = judged(*rules, new=new, live=live)
    strict = judged(*rules, more, new=new, live=live, **({"nothing-live": "fail"} if fails else {}))
    assert loose.passed or not strict.passed
    assert loose.passed == all(judged(rule, new=new, live=live).passed for rule in rules)


# --- what is read from Git


@pytest.fixture
def registry(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> GitRepository:
    isolate(monkeypatch, tmp_path / "home")
    return GitRepository(tmp_path / "registry")


def asked(registry: GitRepository, rule: policy.Metrics, *, live: str = "", model: str = "churn") -> Verdict:
    """The whole gate, over the newest commit."""
    case = a_case(registry.git("rev-parse", "HEAD"), live, model=model)
    with GitSource(Reader.open(registry.path)) as repository:
        gate = build(load("metrics"), {"repository": repository, "documents": read_document, "host": None})
        return gate.judge(rule, gate.facts(rule, case), case)


DVC = """
stages:
  train: {cmd: x, metrics: [{train.json: {cache: false}}], plots: [roc.json]}
metrics: [eval/test.yaml]
"""


@pytest.mark.parametrize(
    ("files", "model"),
    [
        ({"metrics.json": '{"a": 0.95}'}, "churn"),
        ({"metrics.yaml": "a: 0.95"}, "churn"),
        ({"metrics.yml": "a: 0.95"}, "churn"),
        ({"metrics.toml": "a = 0.95"}, "churn"),
        ({"metrics.json": '{"a": 0.95}', "metrics.toml": "b = 1"}, "churn"),
        ({"models/metrics.json": '{"a": 0.95}', "metrics.json": '{"a": 0}'}, "models:churn"),
        ({"dvc.yaml": "artifacts: {churn: {path: x}}", "metrics.json": '{"a": 0.95}'}, "churn"),
        ({"dvc.yaml": "", "metrics.json": '{"a": 0.95}'}, "churn"),
        ({"dvc.yaml": DVC, "train.json": '{"a": 0.95}', "metrics.json": '{"a": 0}', "roc.json": '{"a": 0}'}, "churn"),
        ({"dvc.yaml": DVC, "train.json": '{"a": 0.95}', "eval/test.yaml": "b: 1"}, "churn"),
        ({"x/dvc.yaml": DVC, "x/eval/test.yaml": "a: 0.95", "eval/test.yaml": "a: 0"}, "x:churn"),
    ],
)
def test_where_metrics_are_found(registry: GitRepository, files: Files, model: str) -> None:
    registry.commit(files)
    verdict = asked(registry, a_rule("a == 0.95"), model=model)
    assert verdict.code == "metrics-passed", verdict


def test_named_files_count_from_the_top_and_nothing_else_is_read(registry: GitRepository) -> None:
    registry.commit({"out/m.toml": "a = 0.95", "metrics.json": '{"a": 0}', "dvc.yaml": ": no YAML ["})
    verdict = asked(registry, a_rule("a == 0.95", files=["out/m.toml"]), model="models:churn")
    assert verdict.code == "metrics-passed"
    assert verdict.facts["files"] == ["out/m.toml"]


def test_the_live_version_is_read_at_its_own_commit(registry: GitRepository) -> None:
    live = registry.commit({"metrics.json": '{"auc": 0.9}'})
    registry.commit({"metrics.json": '{"auc": 0.88}'})
    verdict = asked(registry, a_rule("auc >= live.auc - 0.005"), live=live)
    assert verdict.code == "metrics-not-met"
    assert verdict.sentence == "auc 0.88 >= live.auc 0.9 - 0.005 (0.895): no"
    assert verdict.facts["live"] == {"version": "v1.0.0", "commit": live, "files": ["metrics.json"]}


def test_nothing_is_live(registry: GitRepository) -> None:
    registry.commit({"metrics.json": '{"auc": 0.88}'})
    verdict = asked(registry, a_rule("auc >= live.auc"))
    assert verdict.passed
    assert "nothing is live in prod yet" in verdict.sentence


def test_the_live_version_is_not_read_where_no_rule_asks(registry: GitRepository) -> None:
    registry.commit({"metrics.json": '{"auc": 0.88}'})
    verdict = asked(registry, a_rule("auc > 0.5"), live="d" * 40)
    assert verdict.passed
    assert "live" not in verdict.facts


def test_a_live_commit_that_is_gone_is_not_known(registry: GitRepository) -> None:
    registry.commit({"metrics.json": '{"auc": 0.88}'})
    with pytest.raises(MachineryFailed):
        asked(registry, a_rule("auc > live.auc"), live="d" * 40)


@pytest.mark.parametrize(
    ("files", "code", "said"),
    [
        ({}, "missing", "a is in no file (metrics.json is not in Git at "),
        ({"metrics.json": LFS}, "unreadable", "metrics.json is kept by Git LFS"),
        (
            {"metrics.json.dvc": "outs: [{path: metrics.json}]"},
            "missing",
            "metrics.json is kept by DVC (metrics.json.dvc)",
        ),
        (
            {"dvc.yaml": "stages: {s: {cmd: x, metrics: [m.json]}}"},
            "missing",
            "m.json is kept by DVC, not in Git: `cache: false` in dvc.yaml",
        ),
        ({"dvc.yaml": "metrics: ['${x}.json']"}, "missing", "${x}.json of dvc.yaml is a template"),
        ({"dvc.yaml": "metrics: [m.txt]", "m.txt": "a: 1"}, "missing", "m.txt is not JSON, YAML or TOML by its name"),
        ({"dvc.yaml": "metrics: [eval.json]", "eval.json/x": "1"}, "missing", "eval.json is not in Git at "),
        ({"dvc.yaml": ": ["}, "unreadable", "dvc.yaml cannot be read at "),
        ({"metrics.json": "{"}, "unreadable", "metrics.json cannot be read at "),
        ({"metrics.json": '{"a": 1, "a": 2}'}, "unreadable", "'a' is written twice"),
        (
            {"metrics.json": '{"a": 1}', "metrics.toml": "a = 2"},
            "ambiguous",
            "a is in metrics.json and in metrics.toml",
        ),
        ({"metrics.json": '{"a": 1}', "metrics.toml": "a ="}, "unreadable", "metrics.toml cannot be read at "),
        ({"metrics.json": '{"a": NaN}'}, "not-a-number", "a is NaN"),
        ({"metrics.yaml": "a: .inf"}, "not-a-number", "a is an infinite number"),
        ({"metrics.json": b"\xff"}, "unreadable", "not UTF-8"),
        (
            {"dvc.yaml": "metrics:\n" + "".join(f"- m{number}.json\n" for number in range(200))},
            "unreadable",
            "dvc.yaml lists 100 files of metrics or more",
        ),
    ],
)
def test_what_cannot_be_had(registry: GitRepository, files: Files, code: str, said: str) -> None:
    registry.commit(files)
    verdict = asked(registry, a_rule("a > 0"))
    assert (verdict.answer, verdict.code) == (Answer.FAILED, f"metrics-{code}")
    assert said in verdict.sentence
    assert verdict.hint


@pytest.mark.parametrize(
    "path", ["m\\0.json", "--help.json", "a\\nb.json", "x" * 200_000 + ".json", "\\ud800.json", "../m.json"]
)
def test_a_hostile_path_in_a_pipeline_is_no_crash(registry: GitRepository, path: str) -> None:
    registry.commit({"dvc.yaml": f'metrics: ["{path}"]', "metrics.json": '{"a": 1}'})
    verdict = asked(registry, a_rule("a > 0"))
    assert verdict.code in ("metrics-missing", "metrics-unreadable")
    assert one_line(verdict.sentence, 10_000) == verdict.sentence
