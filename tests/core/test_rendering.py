"""Options become values; a failure names the setting and its line."""

from __future__ import annotations

from typing import Any

import pytest

from model_stage_deploy.adapters.jinja_templates import JinjaTemplates
from model_stage_deploy.core.errors import Invalid
from model_stage_deploy.core.reasons import Reason
from model_stage_deploy.core.rendering import render_options, render_text

VARIABLES: dict[str, Any] = {"model": {"name": "a b"}, "stage": "prod"}


def test_texts_are_rendered_at_any_depth_and_keys_are_not() -> None:
    options = {"body": {"{{ stage }}": ["{{ stage }}", 1, None, {"x": "{{ model.name }}"}]}, "n": 5, "t": True}
    assert render_options(options, VARIABLES, JinjaTemplates(), frozenset()) == {
        "body": {"{{ stage }}": ["prod", 1, None, {"x": "a b"}]},
        "n": 5,
        "t": True,
    }


def test_url_options_are_encoded_and_verbatim_ones_left_alone() -> None:
    options = {"url": "https://h.example/{{ model.name }}", "run": "echo {{ model.name }}"}
    rendered = render_options(options, VARIABLES, JinjaTemplates(), frozenset({"url"}), verbatim=frozenset({"run"}))
    assert rendered == {"url": "https://h.example/a%20b", "run": "echo {{ model.name }}"}


@pytest.mark.parametrize(
    ("options", "origins", "start"),
    [
        (
            {"a": {"b": ["x", "{{ no }}"]}},
            {"deploy.with.a.b": "defaults at f:3:4"},
            "deploy.with.a.b[1] (defaults at f:3:4): ",
        ),
        ({"argv": ["{{ no }}"]}, {"deploy.argv": "stages.p at f:1:2"}, "deploy.with.argv[0] (stages.p at f:1:2): "),
        ({"a": "{{ no }}"}, {}, "deploy.with.a: "),
    ],
)
def test_a_failure_names_the_setting_and_where_it_was_written(
    options: dict[str, Any], origins: dict[str, str], start: str
) -> None:
    with pytest.raises(Invalid) as caught:
        render_options(options, VARIABLES, JinjaTemplates(), frozenset(), origins=origins)
    assert caught.value.reason is Reason.TEMPLATE_ERROR
    assert caught.value.message.startswith(start)


def test_one_text() -> None:
    assert render_text("x-{{ stage }}", VARIABLES, JinjaTemplates(), at=("environment",)) == "x-prod"
    with pytest.raises(Invalid, match=r"^url: it must be a URL"):
        render_text("{{ stage }}", VARIABLES, JinjaTemplates(), at=("url",), url=True)
