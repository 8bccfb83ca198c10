"""`targets:` and `strategy:` of the mapping: what they become, and what is said of mistakes in them."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from model_stage_deploy.adapters.jinja_templates import JinjaTemplates
from model_stage_deploy.adapters.mapping_yaml import load_mapping
from model_stage_deploy.core.errors import Invalid
from model_stage_deploy.core.mapping import MappingInvalid, StageSettings
from model_stage_deploy.core.mapping_targets import MOST, about_targets, read_targets, targets_in
from model_stage_deploy.core.policy_targets import Strategy
from model_stage_deploy.core.reasons import Reason
from model_stage_deploy.core.targets import Target

FILE = "model-stages.yml"


def settings(text: str, stage: str = "prod", model: str = "churn") -> StageSettings:
    """What a stage means; each stage of `text` is deployed by `true`."""
    head = "version: 1\ndefaults: {deploy: {run: 'true'}}\n"
    loaded = load_mapping((head + text).encode(), FILE, ["shell"], JinjaTemplates())
    found = loaded.settings(model, stage)
    assert found is not None
    return found


def complaints(text: str) -> list[str]:
    """What is said of a mapping, without the file's name."""
    with pytest.raises(MappingInvalid) as wrong:
        settings(text)
    return [line.removeprefix(f"{FILE}:") for line in wrong.value.message.splitlines()]


def test_targets_are_names_or_names_with_values_and_labels() -> None:
    made = settings(
        """\
stages:
  prod:
    targets:
      - eu-west
      - 007
      - {name: us.east, vars: {host: us.example.com, python: 3.10, "on": no}, labels: [canary, big, canary]}
    strategy: {waves: [canary, 10%, 1, rest], max-parallel: 32, on-failure: rollback-wave, pause: 5m}
"""
    )
    assert made.targets == (
        Target("eu-west"),
        Target("007"),
        Target("us.east", {"host": "us.example.com", "python": "3.10", "on": "no"}, ("canary", "big")),
    )
    assert made.targets_from == ""
    strategy = made.strategy
    assert strategy.waves == ("canary", "10%", "1", "rest")
    assert (strategy.max_parallel, strategy.on_failure, strategy.pause) == (32, "rollback-wave", 300.0)


def test_a_file_may_list_them() -> None:
    made = settings("stages: {prod: {targets: {from: deploy/targets.json}}}")
    assert (made.targets, made.targets_from) == ((), "deploy/targets.json")
    assert made.origins["targets.from"] == "stages.prod at model-stages.yml:3:33"


def test_most_stages_have_none() -> None:
    made = settings("stages: {prod: {}}")
    assert (made.targets, made.targets_from) == ((), "")
    strategy = made.strategy
    assert (strategy.waves, strategy.max_parallel, strategy.on_failure, strategy.pause) == ((), 8, "stop", 0.0)


@pytest.mark.parametrize(
    ("said", "wanted"),
    [
        ("on-failure: rollback", "rollback-all"),
        ("on-failure: rollback, strategy: {on-failure: continue}", "continue"),
        ("on-failure: stop", "stop"),
    ],
)
def test_what_follows_on_a_failure_is_the_stages_own_where_the_strategy_says_nothing(said: str, wanted: str) -> None:
    check = 'verify: [{http: {url: "https://models.example.com"}}]'
    assert settings(f"stages: {{prod: {{targets: [a], {check}, {said}}}}}").strategy.on_failure == wanted


def test_layers_replace_the_list_and_merge_the_strategy() -> None:
    text = """\
stages:
  prod: {targets: [a, b], strategy: {waves: [a, rest], max-parallel: 2}}
models:
  "fraud/*": {stages: {prod: {targets: [c, d], strategy: {waves: null, pause: 1s}}}}
  "fraud/eu": {stages: {prod: {targets: {from: eu.yml}}}}
  "old": {stages: {prod: {targets: null}}}
"""
    assert [target.name for target in settings(text).targets] == ["a", "b"]
    us = settings(text, model="fraud/us")
    assert [target.name for target in us.targets] == ["c", "d"]
    assert (us.strategy.waves, us.strategy.max_parallel, us.strategy.pause) == ((), 2, 1.0)
    eu = settings(text, model="fraud/eu")
    assert (eu.targets, eu.targets_from) == ((), "eu.yml")
    assert settings(text, model="old").targets == ()


def test_every_mistake_in_a_list_has_its_place() -> None:
    text = """\
stages:
  prod:
    targets:
      - eu-west
      - {name: EU-west, vars: {host: {a: b}, x: }, labels: canary, nme: 3}
      - {name: -a, labels: [5, rest, ok]}
      - eu-west
      - [a]
      - {}
      - {name: c, vars: [1]}
"""
    assert complaints(text) == [
        "7:16: stages.prod.targets[1].name: differs only in case from `eu-west`, number 1",
        "7:38: stages.prod.targets[1].vars.host: must be text, not a mapping",
        "7:49: stages.prod.targets[1].vars.x: must be text, not empty",
        "7:60: stages.prod.targets[1].labels: must be a list, not text (write [canary])",
        "7:68: stages.prod.targets[1].nme: unknown key (did you mean `name`?)",
        (
            "8:16: stages.prod.targets[2].name: `-a` is no name for a target or label (letters, digits, `.`, `_` "
            "and `-`, at most 100 of them, with a letter or digit at both ends)"
        ),
        "8:29: stages.prod.targets[2].labels[0]: `5` is a number, which as a wave means so many targets",
        (
            "8:32: stages.prod.targets[2].labels[1]: `rest` is no name for a target or label: as a wave it means all "
            "that are left"
        ),
        "9:9: stages.prod.targets[3]: there is a target `eu-west` already, as number 1",
        "10:9: stages.prod.targets[4]: must be a name, or a mapping with the key `name`, not a list",
        "11:9: stages.prod.targets[5].name: is missing",
        "12:25: stages.prod.targets[6].vars: must be a mapping of keys to values, not a list",
    ]


@pytest.mark.parametrize(
    ("said", "told"),
    [
        ("targets: []", "3:26: stages.prod.targets: must not be empty (leave it out where the stage has no targets)"),
        (
            "targets: a",
            (
                "3:26: stages.prod.targets: must be a list of targets, not text "
                "(write [eu-west, us-east], or `{from: path/to/targets.yml}` in the mapping)"
            ),
        ),
        (
            "targets: {frm: x.yml}",
            "3:17: stages.prod.targets.from: must be the path of a file",
        ),
        (
            "targets: {from: [x]}",
            "3:33: stages.prod.targets.from: must be the path of a file, not a list",
        ),
        ("targets: {from: x.txt}", "3:33: stages.prod.targets.from: `x.txt` is not JSON, YAML or TOML by its name"),
        (
            "targets: {from: ../x.yml}",
            (
                "3:33: stages.prod.targets.from: `../x.yml` is no file of this repository "
                "(write its path from the top of the repository: deploy/targets.json)"
            ),
        ),
        (
            "strategy: {waves: [a]}",
            "3:17: stages.prod.strategy: means nothing without `targets` (add `targets: [NAME, …]`, or take it out)",
        ),
        (
            "targets: [a, b], strategy: {waves: [canary, a]}",
            (
                "3:53: stages.prod.strategy.waves[0]: no target is called, or has the label, `canary` "
                "(waves are labels and names of targets, `10%`, and `rest`)"
            ),
        ),
        (
            "targets: [{name: a, labels: [canary]}], strategy: {waves: [cannary]}",
            (
                "3:76: stages.prod.strategy.waves[0]: no target is called, or has the label, `cannary` "
                "(did you mean `canary`?)"
            ),
        ),
        (
            "targets: [a, b], strategy: {waves: [a]}",
            "3:52: stages.prod.strategy.waves: 1 of 2 targets are in no wave: b (end `waves` with `rest`)",
        ),
        (
            "targets: [a, b], strategy: {waves: [rest, a]}",
            (
                "3:44: stages.prod.strategy: `rest` takes all targets that are left, so no wave comes after it "
                "(put `rest` last)"
            ),
        ),
        (
            "targets: [a], strategy: {waves: [a, a]}",
            (
                "3:41: stages.prod.strategy: the wave `a` is there twice, so the second one is empty "
                "(take one of them out)"
            ),
        ),
        (
            "targets: [a], strategy: {waves: [0%]}",
            (
                '3:50: stages.prod.strategy.waves[0]: is no wave (a wave is a label or the name of a target, "10%" of '
                "them, a number of them, or `rest`)"
            ),
        ),
        ("targets: [a], strategy: {max-parallel: 65}", "3:56: stages.prod.strategy.max-parallel: must be at most 64"),
        (
            "targets: [a], strategy: {on-failure: rollback}",
            (
                "3:54: stages.prod.strategy.on-failure: must be 'stop', 'continue', 'rollback-wave' or 'rollback-all', "
                "not `rollback`"
            ),
        ),
        (
            "targets: [a], strategy: {on-failure: rollback-all}",
            (
                "3:54: stages.prod.strategy.on-failure: nothing verifies the stage, so there is never anything to go "
                "back to (add `verify:`, or write `rollback-wave`: each target back to what it had itself)"
            ),
        ),
        ("pause: 3s", "3:17: stages.prod.pause: unknown key (it belongs under `strategy:`)"),
    ],
)
def test_a_mistake_says_where_and_what_to_do(said: str, told: str) -> None:
    assert complaints(f"stages: {{prod: {{{said}}}}}\n")[0] == told


def test_a_strategy_in_defaults_is_meant_for_stages_that_have_targets() -> None:
    head = "version: 1\ndefaults: {deploy: {run: 'true'}, strategy: {max-parallel: 2}}\n"
    text = head + "stages: {prod: {targets: [a]}, staging: {}}\n"
    loaded = load_mapping(text.encode(), FILE, ["shell"]).settings("churn", "prod")
    assert loaded is not None
    assert loaded.strategy.max_parallel == 2


def test_a_strategy_beside_targets_of_one_model_is_no_mistake() -> None:
    text = "stages: {prod: {strategy: {waves: [a, rest]}}}\nmodels: {x: {stages: {prod: {targets: [a, b]}}}}\n"
    assert settings(text, model="x").strategy.waves == ("a", "rest")
    assert settings(text, model="y").targets == ()


TEMPLATED = """\
stages:
  prod: {deploy: {run: null, argv: [ship, "%s"]}}
  staging: {targets: [a], url: "https://{{ target.name }}.example.com"}
"""


def test_a_template_reads_the_target_where_there_is_one() -> None:
    assert settings(TEMPLATED % "x", "staging").url == "https://{{ target.name }}.example.com"
    assert complaints(TEMPLATED % "{{ target.name }}") == [
        (
            "4:43: stages.prod.deploy.argv[1]: template: there is no `target`, as the stage has no targets "
            "(add `targets: [NAME, …]` to prod)"
        )
    ]
    assert complaints(TEMPLATED % "{{ target.nam }}") == [
        "4:43: stages.prod.deploy.argv[1]: template: there is no `target.nam` (did you mean target.name?)"
    ]


def test_all_targets_have_one_environment() -> None:
    text = 'stages: {prod: {targets: [a], environment: "prod-{{ target.name }}"}}'
    assert complaints(text) == [
        (
            "3:44: stages.prod.environment: template: there is no `target` here (write `url`, or what the deployer is "
            "told, with it; all targets of a stage have one environment)"
        )
    ]


def test_a_document_of_its_own_is_a_list_or_has_one() -> None:
    items = ["a", {"name": "b", "vars": {"host": "h", "port": 80}, "labels": ["canary"]}]
    wanted = (Target("a"), Target("b", {"host": "h", "port": "80"}, ("canary",)))
    assert read_targets(items, "targets.json") == wanted
    assert read_targets({"targets": items}, "targets.json") == wanted


@pytest.mark.parametrize(
    ("value", "told"),
    [
        (
            None,
            (
                "t.json: must be a list of targets, not empty "
                "(write [eu-west, us-east], or `{from: path/to/targets.yml}` in the mapping)"
            ),
        ),
        ([], "t.json: must not be empty (leave it out where the stage has no targets)"),
        (["a", "b", "a"], "t.json: number 3 (a): there is a target `a` already, as number 1"),
        (
            [{"name": "a", "vars": {"v": 3.1}}],
            't.json: number 1 (a): vars.v: must be text, not a number (quote it: "3.1")',
        ),
        (
            [{"name": "a", "vars": {"v": True}}],
            't.json: number 1 (a): vars.v: must be text, not a boolean (quote it: "true")',
        ),
        (
            [{"name": "a", "vars": {"v": "x\0y"}}],
            "t.json: number 1 (a): vars.v: holds a character that no program can be given",
        ),
        ([{"name": "a", "vars": {"v": 10**200}}], "t.json: number 1 (a): vars.v: is too large a number (quote it)"),
        ([{"name": "a", "vars": {"v": "x" * 10_001}}], "t.json: number 1 (a): vars.v: is longer than 10000 characters"),
        (
            [{"name": "a", "labels": ["x"] * 101}],
            "t.json: number 1 (a): labels: has 101 labels, and a target has 100 at most",
        ),
        ([7], 't.json: number 1: must be a name, or a mapping with the key `name`, not a number (quote it: "7")'),
        (
            [f"t{number}" for number in range(MOST + 1)],
            (f"t.json: has {MOST + 1} targets, and a stage has {MOST} at most (make several stages of it)"),
        ),
    ],
)
def test_mistakes_in_a_document_name_the_item(value: object, told: str) -> None:
    with pytest.raises(Invalid) as wrong:
        read_targets(value, "t.json")
    assert wrong.value.reason is Reason.MAPPING_INVALID
    assert wrong.value.message == told


def test_of_many_mistakes_the_first_are_told() -> None:
    with pytest.raises(Invalid) as wrong:
        read_targets(["-"] * 200, "t.json")
    assert wrong.value.message.endswith("and 349 more")  # each is no name, and all but one are there already


SCALARS = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=12)
ITEMS = st.fixed_dictionaries(
    {},
    optional={
        "name": st.one_of(st.sampled_from(["a", "b", "eu"]), SCALARS),
        "vars": st.one_of(st.dictionaries(st.text(max_size=5), SCALARS, max_size=3), SCALARS),
        "labels": st.one_of(st.lists(st.one_of(st.sampled_from(["x", "y"]), SCALARS), max_size=3), SCALARS),
        "more": SCALARS,
    },
)
VALUES = st.one_of(
    SCALARS,
    st.lists(st.one_of(st.sampled_from(["a", "b", "eu"]), SCALARS, ITEMS), max_size=6),
    st.dictionaries(st.sampled_from(["from", "targets", "x"]), SCALARS, max_size=2),
)


@given(VALUES)
def test_whatever_is_written_there_are_targets_or_complaints(value: object) -> None:
    if any(about_targets(value, ("targets",))) or not isinstance(value, list):
        return
    targets = targets_in(value)
    assert len({target.name.lower() for target in targets}) == len(targets) == len(value)
    plain = [{"name": one.name, "vars": dict(one.vars), "labels": list(one.labels)} for one in targets]
    assert read_targets(json.loads(json.dumps(plain)), "t.json") == targets


@given(VALUES)
def test_a_document_is_read_or_refused_as_a_mistake_of_the_mapping(value: object) -> None:
    try:
        read_targets(value, "t.json")
    except Invalid as wrong:
        assert wrong.reason is Reason.MAPPING_INVALID


def test_the_keys_of_a_strategy_have_hyphens() -> None:
    assert Strategy.model_validate({"max-parallel": 3, "on-failure": "continue"}).on_failure == "continue"
