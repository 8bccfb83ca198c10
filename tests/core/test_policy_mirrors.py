"""`mirrors:` of the mapping: what is wrong is said where it stands, and before anything is deployed."""

from __future__ import annotations

import pytest

from model_stage_deploy.adapters.jinja_templates import JinjaTemplates
from model_stage_deploy.adapters.mapping_yaml import load_mapping
from model_stage_deploy.core.mapping import StageMap
from model_stage_deploy.core.mapping_document import MappingInvalid
from model_stage_deploy.core.policy_mirrors import Mirror, WrongOnceRendered

HEAD = 'version: 1\nstages:\n  prod:\n    deploy: {run: "true"}\n    mirrors:\n'


def read(text: str) -> StageMap:
    return load_mapping(text.encode(), "m.yml", ["shell"], JinjaTemplates())


def complaint(entry: str) -> str:
    with pytest.raises(MappingInvalid) as caught:
        read(f"{HEAD}    - {entry}\n")
    assert len(caught.value.complaints) == 1
    return str(caught.value)


@pytest.mark.parametrize(
    ("entry", "told"),
    [
        ("{uses: mlfow}", "m.yml:6:14: stages.prod.mirrors[0].uses: must be 'mlflow', not `mlfow`"),
        ("mlflow", "must be a mapping of keys to values, not text"),
        ("{alias: prod}", "mirrors[0].uses: is missing"),
        ("{uses: mlflow, aliases: prod}", "unknown key (did you mean `alias`?)"),
        ("{uses: mlflow, alias: latest}", "alias: is reserved by MLflow"),
        ("{uses: mlflow, alias: v12}", "alias: is reserved by MLflow"),
        ("{uses: mlflow, alias: eu/prod}", "alias: may hold only letters"),
        ("{uses: mlflow, alias: ''}", "alias: may hold only letters"),
        ("{uses: mlflow, stage: prod}", "stage: must be 'Staging' or 'Production', not `prod`"),
        ("{uses: mlflow, stage: Archived}", "stage: must be 'Staging' or 'Production'"),
        ("{uses: mlflow, model: fraud/eu}", "model: holds `/` or `:`"),
        ("{uses: mlflow, model: ''}", "model: is empty"),
        ("{uses: mlflow, version: 3}", 'version: must be text, not a number (quote it: "3")'),
        ("{uses: mlflow, version: v3}", "version: is no number"),
        ("{uses: mlflow, version: '0'}", "version: is no number"),
        ("{uses: mlflow, version-tag: 'a`b'}", "version-tag: is empty, or holds a backtick"),
        ("{uses: mlflow, version-tag: ' '}", "version-tag: is empty, or holds a backtick"),
        ("{uses: mlflow, tracking-uri: 'file:///tmp/x'}", "tracking-uri: must begin with https://"),
        ("{uses: mlflow, tracking-uri: 'https://a:b@x'}", "tracking-uri: must not hold a user name"),
        ("{uses: mlflow, archive-existing-versions: true}", "is for `stage` (add `stage: Production`)"),
        ("{uses: mlflow, taken-out: None}", "is for `stage` (add `stage: Production`)"),
        (
            '{uses: mlflow, stage: Production, archive-existing-versions: "true"}',
            "archive-existing-versions: must be true or false, not text",
        ),
        ("{uses: mlflow, tags: {a: 1}}", 'tags.a: must be text, not a number (quote it: "1")'),
        ("{uses: mlflow, timeout: 0}", "timeout"),
        ('{uses: mlflow, model: "{{ modell.name }}"}', "there is no `modell` (did you mean model?)"),
        ('{uses: mlflow, tags: {a: "{{ nope }}"}}', "mirrors[0].tags.a: template: there is no `nope`"),
        ('{uses: mlflow, alias: "{{ attempt }}"}', "it is known below `verify:` only"),
        ('{uses: mlflow, alias: "{{ stage"}', "template:"),
    ],
)
def test_a_mistake_is_told(entry: str, told: str) -> None:
    assert told in complaint(entry)
    assert "a:b" not in complaint(entry)


def test_what_is_not_said_has_a_default() -> None:
    settings = read(f"{HEAD}    - {{uses: mlflow}}\n").settings("fraud", "prod")
    assert settings is not None
    [mirror] = settings.mirrors
    assert mirror.alias_or_default == "{{ stage }}"
    assert dict(mirror.templates()) == {"model": "{{ model.name }}", "alias": "{{ stage }}"}
    assert (mirror.version_tag, mirror.timeout, mirror.taken_out) == ("gto_version", 60.0, "Archived")


def test_with_a_stage_there_is_no_alias_unless_one_is_named() -> None:
    alone = Mirror.model_validate({"uses": "mlflow", "stage": "Production"})
    assert alone.alias_or_default is None
    both = Mirror.model_validate({"uses": "mlflow", "stage": "Production", "alias": "champion"})
    assert both.alias_or_default == "champion"


def test_a_layer_replaces_the_list() -> None:
    text = """
version: 1
defaults: {mirrors: [{uses: mlflow}, {uses: mlflow, alias: two}]}
stages:
  prod: {deploy: {run: "true"}}
  staging: {deploy: {run: "true"}, mirrors: [{uses: mlflow, alias: candidate}]}
  dev: {deploy: {run: "true"}, mirrors: null}
models:
  "fraud*": {stages: {prod: {mirrors: []}}}
"""
    found = read(text)

    def aliases(model: str, stage: str) -> list[str | None]:
        settings = found.settings(model, stage)
        assert settings is not None
        return [mirror.alias for mirror in settings.mirrors]

    assert aliases("churn", "prod") == [None, "two"]
    assert aliases("churn", "staging") == ["candidate"]
    assert aliases("churn", "dev") == []
    assert aliases("fraud", "prod") == []


@pytest.mark.parametrize(
    ("key", "value", "told"),
    [
        ("alias", "v1", "'v1' is reserved"),
        ("model", "a:b", "'a:b' holds"),
        ("version", "", "'' is no number"),
        ("tracking-uri", "https://a:hunter2@x", "must not hold a user name"),
    ],
)
def test_what_a_template_became_is_looked_at_again(key: str, value: str, told: str) -> None:
    written = Mirror.model_validate({"uses": "mlflow", key: "{{ vars.x }}"})
    with pytest.raises(WrongOnceRendered) as caught:
        written.rendered({key: value})
    assert told in str(caught.value)
    assert "hunter2" not in str(caught.value)
    assert caught.value.key == key
