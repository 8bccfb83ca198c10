"""`deploy.retries`, and program texts that are no templates."""

from __future__ import annotations

import pytest

from model_stage_deploy.adapters.jinja_templates import JinjaTemplates
from model_stage_deploy.adapters.mapping_yaml import load_mapping
from model_stage_deploy.core.mapping import DEFAULT_RETRIES, MappingInvalid

KNOWN = ["shell", "webhook"]


def _retries(deploy: str, defaults: str = "") -> int:
    text = f"version: 1\ndefaults: {{deploy: {{{defaults}}}}}\nstages: {{prod: {{deploy: {{{deploy}}}}}}}\n"
    settings = load_mapping(text.encode(), "m.yml", KNOWN).settings("churn", "prod")
    assert settings is not None
    return settings.retries


@pytest.mark.parametrize(
    ("deploy", "defaults", "retries"),
    [
        ("run: x", "", DEFAULT_RETRIES),
        ("run: x, retries: 0", "", 0),
        ("run: x, retries: 20", "", 20),
        ("run: x", "retries: 2", 2),
        ("run: x, retries: null", "retries: 2", DEFAULT_RETRIES),
        ('uses: webhook, with: {url: "https://e.example"}', "run: x, retries: 2", 2),
    ],
)
def test_how_often_it_is_tried_again(deploy: str, defaults: str, retries: int) -> None:
    assert _retries(deploy, defaults) == retries


@pytest.mark.parametrize("retries", ["-1", "21", "1.5", "true", "'2'", "many", "[1]"])
def test_anything_else_is_a_mistake(retries: str) -> None:
    with pytest.raises(MappingInvalid) as caught:
        _retries(f"run: x, retries: {retries}")
    assert "deploy.retries" in caught.value.message


def _complaints(deploy: str) -> str:
    text = f"version: 1\nstages:\n  prod:\n    deploy: {{{deploy}}}\n"
    try:
        load_mapping(text.encode(), "m.yml", KNOWN, JinjaTemplates())
    except MappingInvalid as problem:
        return problem.message
    return ""


def test_the_text_of_a_look_is_no_template_and_a_receivers_is_one() -> None:
    broken = "{{ no.such.name"
    assert _complaints(f"run: x, with: {{status: '{broken}', undeploy: '{broken}'}}") == ""
    assert "deploy.with.status.url" in _complaints(
        f"uses: webhook, with: {{url: 'https://e.example', status: {{url: '{broken}'}}}}"
    )
