"""The mapping file as people write it, wrongly too: every mistake has its place, its path and a way out."""

from __future__ import annotations

import json
import re
from importlib import resources
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from model_stage_deploy.adapters.jinja_templates import JinjaTemplates
from model_stage_deploy.adapters.mapping_yaml import load_mapping, schema
from model_stage_deploy.core.mapping import MappingInvalid, StageMap
from model_stage_deploy.core.reasons import Reason

DEPLOYERS = ("shell", "webhook", "mlem")
ROOT = Path(__file__).parents[2]
CORPUS = ROOT / "tests" / "data" / "mappings"
GOOD = sorted((CORPUS / "good").glob("*.yml"))
BAD = sorted((CORPUS / "bad").glob("*.yml"))
HEAD = "version: 1\nstages:\n"


def _load(text: str | bytes) -> StageMap:
    data = text if isinstance(text, bytes) else text.encode()
    return load_mapping(data, "m.yml", DEPLOYERS, JinjaTemplates())


def _complaints(text: str | bytes) -> list[str]:
    with pytest.raises(MappingInvalid) as caught:
        _load(text)
    assert caught.value.reason is Reason.MAPPING_INVALID
    return caught.value.message.splitlines()


def test_the_example_of_the_documentation_says_what_it_should() -> None:
    mapping = _load((CORPUS / "good" / "example.yml").read_bytes())
    assert mapping.mapped_stages("churn") == ["staging", "prod"]
    prod = mapping.settings("churn", "prod")
    assert prod is not None
    assert (prod.environment, prod.deployer, prod.timeout) == ("production", "webhook", 600.0)
    fraud = mapping.settings("fraud/eu", "prod")
    assert fraud is not None
    assert (fraud.deployer, fraud.timeout) == ("mlem", 600.0)
    assert fraud.options == {"load": "deploy/{{ stage }}", "model": "{{ model.path }}"}


@pytest.mark.parametrize("file", GOOD, ids=lambda file: file.stem)
def test_good_files_load_and_fit_the_schema(file: Path) -> None:
    mapping = _load(file.read_bytes())
    for stage in mapping.mapped_stages("churn"):
        assert mapping.settings("churn", stage) is not None
    jsonschema.validate(yaml.safe_load(file.read_bytes()), schema(), jsonschema.Draft202012Validator)


@pytest.mark.parametrize("file", BAD, ids=lambda file: file.stem)
def test_bad_files_say_what_their_comments_say(file: Path) -> None:
    """Each line with a mistake carries `#! words of the complaint`; nothing else is complained about."""
    text = file.read_text(encoding="utf-8")
    expected = {number: line.split("#! ")[1] for number, line in enumerate(text.splitlines(), start=1) if "#! " in line}
    said = {int(re.match(r"m\.yml:(\d+):\d+: ", line)[1]): line for line in _complaints(text)}  # type: ignore[index]
    assert said.keys() == expected.keys(), said
    assert [line for number, line in said.items() if expected[number] not in line] == []


SCHEMA_ONLY_SEES_SHAPES = {"names", "deployers", "keys", "twice", "templates", "doubtful", "circles", "rules"}


@pytest.mark.parametrize(
    "file", [file for file in BAD if file.stem not in SCHEMA_ONLY_SEES_SHAPES], ids=lambda file: file.stem
)
def test_bad_shapes_do_not_fit_the_schema_either(file: Path) -> None:
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate(yaml.safe_load(file.read_bytes()), schema(), jsonschema.Draft202012Validator)


def test_the_committed_schema_is_the_one_that_the_program_makes() -> None:
    committed = resources.files("model_stage_deploy").joinpath("mapping.schema.json").read_text(encoding="utf-8")
    assert json.loads(committed) == schema()
    jsonschema.Draft202012Validator.check_schema(schema())


@pytest.mark.parametrize("name", ["model-stages.yml", "deploy-on-tag.yml"])
def test_the_examples_are_what_init_writes(name: str) -> None:
    starter = resources.files("model_stage_deploy.starter").joinpath(name).read_bytes()
    assert (ROOT / "workflows-examples" / name).read_bytes() == starter


def test_the_starter_mapping_is_good_and_so_it_is_with_its_comments_taken_off() -> None:
    text = resources.files("model_stage_deploy.starter").joinpath("model-stages.yml").read_text(encoding="utf-8")
    assert _load(text).stages() == ["staging", "prod"]
    keys = re.compile(
        r"^# ( *)(?=(?:unmapped|defaults|  vars|  deploy|    timeout|models|  \"fraud| +stages|  +prod)\b)", re.M
    )
    full = keys.sub(r"\1", text)
    full = re.sub(r"^# (?= +(?:uses|with|deploy|vars|\"fraud))", "", full, flags=re.M)
    mapping = _load(full)
    assert mapping.unmapped == "ignore"
    fraud = mapping.settings("fraud/eu", "prod")
    assert fraud is not None
    assert (fraud.deployer, dict(fraud.vars)) == ("mlem", {"region": "eu-central-1"})
    jsonschema.validate(yaml.safe_load(full), schema(), jsonschema.Draft202012Validator)


def test_the_starter_workflow_asks_for_what_is_needed_and_pastes_nothing_into_a_shell() -> None:
    text = resources.files("model_stage_deploy.starter").joinpath("deploy-on-tag.yml").read_text(encoding="utf-8")
    workflow: dict[Any, Any] = yaml.safe_load(text)
    triggers = workflow[True]  # YAML 1.1 reads `on` as a boolean; GitHub does not
    assert triggers["push"] == {"tags": ["**#**"]}
    assert set(triggers["workflow_dispatch"]["inputs"]) == {"model", "stage", "to", "force", "override"}
    assert workflow["permissions"] == {"contents": "write", "deployments": "write", "statuses": "write"}
    [step] = workflow["jobs"]["deploy"]["steps"]
    assert step["uses"] == "org/model-stage-deploy@v1"
    assert step["env"] == {"DEPLOY_HOOK_SECRET": "${{ secrets.DEPLOY_HOOK_SECRET }}"}
    assert "run" not in step


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (b"", "m.yml:1:1: the file is empty"),
        (b"# nothing\n", "m.yml:1:1: the file is empty"),
        (b"- a\n", "m.yml:1:1: must be a mapping of keys to values, not a list (begin with `version: 1`)"),
        (b"version: 1\nmodels: {}\n", "m.yml:1:1: stages: the file names no stage (add `stages: {prod: {deploy:"),
        (b"text", "m.yml:1:1: must be a mapping of keys to values, not text (begin with `version: 1`)"),
        (b"version: 1\n---\nversion: 1\n", "m.yml:2:1: a second document begins here (remove the `---`)"),
        (b"version: 1\nx: caf\xe9\n", "m.yml:2:7: the file is not UTF-8 (save it as UTF-8)"),
        ("version: 1".encode("utf-16"), "m.yml:1:1: the file is UTF-16 (save it as UTF-8)"),
        (b"version: 1\nx: \x00\n", "m.yml:2:4: the control character \\0 is not allowed (remove it)"),
        (b"x" * 10_000_000, "m.yml:1:1: the file has 10,000,000 bytes; 1,048,576 (1 MiB) are allowed"),
        (b"version: 1\n\tstages: {}\n", "m.yml:2:1: not YAML: "),
        (b"a: &x [*x]\n", "m.yml:1:8: the alias *x stands inside what it repeats"),
        (b"a: *x\n", "m.yml:1:4: unknown alias *x (no &x stands above)"),
        (b"a: [1,\n", "m.yml:2:1: not YAML: "),
        (b"a: " + b"[" * 50_000, "m.yml:1:43: nested more than 40 levels deep"),
    ],
)  # fmt: skip
def test_what_cannot_be_read_is_one_clear_complaint(text: bytes, said: str) -> None:
    [line] = _complaints(text)
    assert line.startswith(said)


def test_usual_syntax_errors_come_with_their_cause() -> None:
    assert "indent with spaces" in _complaints("version: 1\nstages:\n\tprod: {}\n")[0]
    assert "must be quoted" in _complaints(HEAD + "  p:\n    url: {{ vars.base }}/x\n    deploy: {run: x}\n")[0]
    [line] = [
        line for line in _complaints(HEAD + "  p:\n    url: {{ version }}\n    deploy: {run: x}\n") if ":4:" in line
    ]
    assert 'a template must be quoted: "{{ … }}"' in line
    assert "must be quoted" in _complaints("version: 1\nx: a: b\n")[0]
    assert "indentation" in _complaints("version: 1\nstages:\n    p: {}\n  q: {}\n")[0]


def test_an_alias_bomb_is_refused_at_once() -> None:
    bomb = "version: 1\na0: &a0 [x,x,x,x,x,x,x,x,x,x]\n"
    bomb += "".join(f"a{n}: &a{n} [{','.join([f'*a{n - 1}'] * 10)}]\n" for n in range(1, 12))
    [line] = _complaints(bomb)
    assert "more than 100,000 values or 4,194,304 characters, aliases expanded" in line
    wide = "version: 1\na: &a " + "x" * 500_000 + "\nb: [" + "*a," * 100 + "]\n"
    assert "aliases expanded" in _complaints(wide)[0]
    deep = "a0: &a0 [x]\n" + "".join(f"a{n}: &a{n} [*a{n - 1}]\n" for n in range(1, 60))
    assert "levels deep, aliases expanded" in _complaints(deep)[0]


def test_aliases_in_reason_are_welcome() -> None:
    mapping = _load(HEAD + "  staging: &s\n    deploy: {run: ./d}\n  prod: *s\n")
    assert mapping.settings("m", "prod") == _replaced_stage(mapping.settings("m", "staging"))


def _replaced_stage(settings: Any) -> Any:
    from dataclasses import replace

    origins = {path: origin.replace("stages.staging", "stages.prod") for path, origin in settings.origins.items()}
    return replace(settings, environment="prod", production=True, origins=origins)


def test_a_byte_order_mark_and_windows_line_ends_do_no_harm() -> None:
    mapping = _load(b"\xef\xbb\xbfversion: 1\r\nstages:\r\n  prod:\r\n    deploy: {run: ./d}\r\n")
    settings = mapping.settings("m", "prod")
    assert settings is not None
    assert settings.origins["deploy.run"] == "stages.prod at m.yml:4:19"


def test_all_complaints_come_at_once_in_the_order_of_the_file() -> None:
    lines = _complaints("version: 2\nstages:\n  on: {}\n  prod:\n    deplyo: {}\n    production: 1\n  prod: {}\n")
    places = [line.split(": ")[0].removeprefix("m.yml:") for line in lines]
    assert places == ["1:10", "3:3", "4:3", "5:5", "6:17", "7:3"]


def test_a_flood_of_complaints_is_counted() -> None:
    lines = _complaints("version: 1\n" + "".join(f"k{n}: 1\n" for n in range(5000)))
    assert len(lines) == 51
    assert lines[-1] == "and 4951 more"


def test_hostile_keys_cannot_write_commands_into_a_log() -> None:
    lines = _complaints('version: 1\n"a\\n::set-env name=x::y": 1\n"\\u202E": 2\n"' + "k" * 4096 + '": 3\n')
    assert [line for line in lines if not line.startswith("m.yml:")] == []
    assert "\u202e" not in "".join(lines)
    assert max(map(len, lines)) < 400


def test_template_mistakes_are_found_before_anything_runs() -> None:
    text = HEAD + '  p:\n    url: "https://h/{{ modle.name }}"\n    deploy:\n      uses: webhook\n      with:\n'
    text += '        a: "{{ model.nam }}"\n        b: "{{ version"\n        c: "{{ version | sluk }}"\n'
    text += '        d: "{{ vars.x }}"\n'
    lines = _complaints(text)
    assert lines[0] == "m.yml:4:10: stages.p.url: template: there is no `modle` (did you mean model?)"
    assert (
        lines[1] == "m.yml:8:12: stages.p.deploy.with.a: template: there is no `model.nam` (did you mean model.name?)"
    )
    assert lines[2].startswith("m.yml:9:12: stages.p.deploy.with.b: template: unexpected end of template")
    assert "sluk" in lines[3]
    assert len(lines) == 4


def test_template_mistakes_come_together_with_all_others() -> None:
    lines = _complaints(HEAD + '  p: {url: "{{ a }}", deploy: {run: x, timeout: 0}}\n  q: {deploy: 5}\n')
    assert [line.split(": ")[1] for line in lines] == ["stages.p.url", "stages.p.deploy.timeout", "stages.q.deploy"]


@pytest.mark.parametrize(
    "deploy",
    [
        "{run: 'echo ${#list[@]} {{ x'}",
        "{uses: shell, with: {run: 'echo ${#list[@]} {{ x'}}",
        "{uses: ./ours.py, with: {query: '{{ x'}}",
    ],
)
def test_texts_that_are_no_templates_are_not_looked_at_as_such(deploy: str) -> None:
    assert _load(HEAD + f"  p: {{deploy: {deploy}}}\n").stages() == ["p"]


_PIECES = [
    *"abc: \n-{}[],&*!#'\"|>%@`\t~<?0127.",
    "version: 1\n",
    "stages:\n",
    "  p:\n",
    "deploy: ",
    "<<: ",
    "&a ",
    "*a",
]
_NEAR_YAML = st.lists(st.sampled_from(_PIECES)).map(lambda parts: "".join(parts).encode())


@given(st.one_of(st.binary(), st.text().map(str.encode), _NEAR_YAML))
def test_no_bytes_do_anything_but_load_or_complain(data: bytes) -> None:
    _load_or_complain(data)


_VALUES = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(), st.floats(), st.text(max_size=8), st.sampled_from(["x", "1m"])),
    lambda inner: st.one_of(
        st.lists(inner, max_size=3),
        st.dictionaries(
            st.sampled_from(["deploy", "run", "uses", "with", "env", "vars", "prod", "p*", "stages"]), inner
        ),
    ),
    max_leaves=8,
)


_WORDS = st.sampled_from(["staging", "prod", "24h", "mon-fri", "09:00-17:00", "a > 1", "alice", "rollback", "../x", ""])
_POLICIES = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(), _WORDS),
    lambda inner: st.one_of(
        st.lists(inner, max_size=2),
        st.dictionaries(st.sampled_from(["stage", "verified", "rules", "pushers", "by", "zone", "days", "url"]), inner),
    ),
    max_leaves=5,
)
_KEYS = ["needs", "soak", "metrics", "signed", "people", "checks", "reachable-from", "window", "approval", "override"]
_STAGE = st.fixed_dictionaries(
    {"deploy": st.just({"run": "x"})},
    optional={
        "gates": st.one_of(_POLICIES, st.dictionaries(st.sampled_from(_KEYS), _POLICIES, max_size=3)),
        "verify": st.one_of(_POLICIES, st.just([{"run": "x"}])),
        "on-failure": st.one_of(_POLICIES, st.just("rollback")),
        "lock": _POLICIES,
        "rollback": _POLICIES,
    },
)


@pytest.mark.thorough
@given(st.dictionaries(st.sampled_from(["staging", "prod"]), _STAGE, min_size=1), st.one_of(st.none(), _STAGE))
def test_no_policy_does_anything_but_load_or_complain(stages: dict[str, Any], own: dict[str, Any] | None) -> None:
    _load_or_complain(
        json.dumps({"version": 1, "stages": stages, "models": {"p*": {"stages": {"prod": own}}}}).encode()
    )


@pytest.mark.thorough
@given(st.dictionaries(st.sampled_from(["unmapped", "vars", "defaults", "stages", "models", "other"]), _VALUES))
def test_no_shape_does_anything_but_load_or_complain(values: dict[str, Any]) -> None:
    _load_or_complain(json.dumps({"version": 1, **values}).encode())


def _load_or_complain(data: bytes) -> None:
    try:
        mapping = _load(data)
        for stage in mapping.mapped_stages("prod"):
            mapping.settings("prod", stage)
    except MappingInvalid as problem:
        assert problem.complaints
        assert problem.message.startswith("m.yml:")
