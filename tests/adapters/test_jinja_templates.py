"""Templates: strict names, bounded work, URLs that mean what they seem to."""

from __future__ import annotations

import time
from typing import Any
from urllib.parse import unquote, urlsplit

import pytest
from hypothesis import given
from hypothesis import strategies as st

from model_stage_deploy.adapters.jinja_templates import JinjaTemplates
from model_stage_deploy.core.tags import slug
from model_stage_deploy.core.templates import TemplateProblem, Templates

TEMPLATES: Templates = JinjaTemplates()
VARIABLES: dict[str, Any] = {
    "model": {"name": "fraud/e u?#&", "slug": "x", "path": "../../up", "description": "d" * 4000, "type": None},
    "version": "v1.2.3",
    "stage": "prod",
    "previous": None,
    "vars": {"base": "https://h.example/a?b=", "braces": "{}", "n": "5"},
    "secrets": {"TOKEN": "hunter2/%?"},
}


def _render(template: str, *, url: bool = False) -> str:
    return TEMPLATES.render(template, VARIABLES, url=url)


def _problem(template: str, *, url: bool = False) -> str:
    with pytest.raises(TemplateProblem) as caught:
        _render(template, url=url)
    assert "hunter2" not in str(caught.value)
    assert "\n" not in str(caught.value)
    return str(caught.value)


@pytest.mark.parametrize(
    ("template", "text"),
    [
        ("plain", "plain"),
        ("{{ model.name }}@{{ version }}\n", "fraud/e u?#&@v1.2.3\n"),
        ("{{ model['name'] | upper }}", "FRAUD/E U?#&"),
        ("{{ model.name | slug }}", slug("fraud/e u?#&")),
        ("{{ model.name.split('/')[0] }}", "fraud"),
        ("{{ model.type | default('model') }}", "model"),
        ("{% if previous %}{{ previous.version }}{% else %}first{% endif %}", "first"),
        ("{{ 'yes' if stage == 'prod' else 'no' }}", "yes"),
        ("{{ vars.n | int + 1 }}", "6"),
        ("{{ vars.port | default(8080000) }}", "8080000"),
        ("{{ true }}{{ 1.5 }}", "true1.5"),
        ("{{ '<' ~ vars.braces ~ '&>' }}", "<{}&>"),
        ("{{ secrets.TOKEN }}", "hunter2/%?"),
        ("{{ vars | tojson }}", '{"base": "https://h.example/a?b=", "braces": "{}", "n": "5"}'),
        ("{{ range(3) | join('-') }}", "0-1-2"),
        ("{% raw %}{{ x }}{% endraw %}", "{{ x }}"),
    ],
)
def test_rendering(template: str, text: str) -> None:
    assert _render(template) == text


@pytest.mark.parametrize(
    ("template", "said"),
    [
        ("{{ modle }}", "there is no `modle`"),
        ("{{ model.path.up }}", "`up` is nothing that a template may ask of a value"),
        ("{{ model.type }}", "`model.type` is not defined: the model has no such annotation in dvc.yaml"),
        ("{{ 'a' ~ model.type }}", "no such annotation"),
        ("{{ model.type + 'a' }}", "no such annotation"),
        ("{{ previous.version }}", "`previous.version` is not defined: nothing was in this stage before"),
        ("{{ secrets.OTHER }}", "list OTHER under `secrets:` of the stage, and set it in the workflow step's `env:`"),
        ("{{ secrets['OTHER'] }}", "list OTHER under"),
        ("{{ vars.other }}", "set it under `vars:`"),
        ("{{ model }}", "`model` is a group of names; name one, like model.NAME"),
        ("{{ none }}", "it gives no text"),
        ("{{ [1] }}", "it gives no text"),
        ("{{ version | sluk }}", "No filter named 'sluk'"),
        ("{{ version", "unexpected end of template"),
        ("a\n{{ version", "(line 2 of the text)"),
        ("{{ 1 / 0 }}", "it cannot be computed (ZeroDivisionError)"),
        ("{{ 'a\\0b' }}", "NUL"),
    ],
)
def test_mistakes_are_named(template: str, said: str) -> None:
    assert said in _problem(template)


@pytest.mark.parametrize("template", ["{{ secrets }}", "{{ secrets ~ '' }}", "{{ secrets | string }}"])
def test_all_secrets_at_once_are_not_to_be_had_by_mistake(template: str) -> None:
    assert "secrets is a group" in _problem(template).replace("`", "")


@pytest.mark.parametrize(
    "template",
    [
        "{{ ''.__class__ }}",
        "{{ ''['__class__'] }}",
        "{{ model.__init__ }}",
        "{{ model | attr('__class__') }}",
        "{{ model.items() }}",
        "{{ vars.update({}) }}",
        "{{ range.__globals__ }}",
        "{{ self.__class__ }}",
        "{{ lipsum() }}",
        "{{ cycler }}",
        "{{ namespace() }}",
        "{{ vars.braces.format(model.name) }}",
        "{{ (vars.braces | attr('format_map'))(model) }}",
        "{{ 5 .to_bytes(9) }}",
        "{{ [1] | random }}",
        "{% include 'x' %}",
        "{% import 'x' as y %}",
        "{% extends 'x' %}",
        "{% for x in [1] %}{% endfor %}",
        "{% set x = 1 %}",
        "{% set x %}a{% endset %}",
        "{% macro x() %}{% endmacro %}",
        "{% block x %}{% endblock %}",
        "{% filter upper %}a{% endfilter %}",
        "{% with %}{% endwith %}",
    ],
)
def test_the_sandbox_holds(template: str) -> None:
    assert _problem(template)


@pytest.mark.parametrize(
    "template",
    [
        "{{ 'x' * 1000000000 }}",
        "{{ [1] * 1000000000 }}",
        "{{ 10 ** 10 ** 10 }}",
        "{{ 'x' | center(1000000000) }}",
        "{{ 'x' | indent(width=1000000000) }}",
        "{{ ['x'] | map('center', 1000000000) | list | join }}",
        "{{ 'x' | batch(1000000000, 'y') | list }}",
        "{{ [1] | tojson(indent=1000000000) }}",
        "{{ '%1000000000d' | format(1) }}",
        "{{ '%*d' | format(1000000000, 1) }}",
        "{{ '%1000000000d' % 1 }}",
        "{{ range(1000000000) | list }}",
        "{{ model.description.replace('', model.description) }}",
        "{{ model.description | replace('', model.description) }}",
        "{{ model.description | wordwrap(1, true, model.description) }}",
        "{{ " + " ~ ".join(["model.description"] * 2000) + " }}",
        "{{ model.description }}" * 17,
        "x" * 65_537,
        "{{ " + "(" * 5000 + "1" + ")" * 5000 + " }}",
        "{{ " + "-" * 20_000 + "1 }}",
        "{{ version" + " | upper" * 5000 + " }}",
    ],
    ids=lambda template: template[:40],
)
def test_a_template_cannot_eat_memory_or_time(template: str) -> None:
    before = time.monotonic()
    assert _problem(template)
    assert time.monotonic() - before < 10


@pytest.mark.parametrize(
    ("template", "text"),
    [
        ("https://h.example/{{ model.name }}", "https://h.example/fraud/e%20u%3F%23%26"),
        ("https://h.example/{{ model.name | urlencode }}", "https://h.example/fraud/e%20u%3F%23%26"),
        ("https://h.example/?{{ {'q': model.name} | urlencode }}", "https://h.example/?q=fraud%2Fe+u%3F%23%26"),
        ("{{ vars.base }}{{ stage }}", "https://h.example/a?b=prod"),
        ("https://h.example/{{ secrets.TOKEN }}", "https://h.example/hunter2/%?"),
        ("https://h.example/{{ model.type | default('a b') }}", "https://h.example/a%20b"),
        ("https://h.example/{{ 'a?b' }}", "https://h.example/a%3Fb"),
        ("http://127.0.0.1:8080/x", "http://127.0.0.1:8080/x"),
        ("https://[::1]/x", "https://[::1]/x"),
    ],
)
def test_urls_are_encoded_where_the_author_does_not_vouch(template: str, text: str) -> None:
    assert _render(template, url=True) == text


@pytest.mark.parametrize(
    "expression",
    [
        "vars.braces | upper",
        "vars.braces ~ ''",
        "vars.braces + ''",
        "vars.braces[:]",
        "vars.braces | safe",
        "vars.braces | escape",
        "vars.braces.strip()",
        "vars.braces | replace('x', 'y')",
        "[vars.braces] | join",
        "'%s' | format(vars.braces)",
    ],
)
def test_what_a_filter_made_of_a_vouched_value_is_encoded_again(expression: str) -> None:
    assert _render("https://h.example/{{ " + expression + " }}", url=True) == "https://h.example/%7B%7D"


@pytest.mark.parametrize(
    ("template", "said"),
    [
        ("", "it must be a URL with a host"),
        ("/path", "it must be a URL with a host"),
        ("ftp://h/", "beginning with https:// or http://"),
        ("javascript:alert(1)", "beginning with"),
        ("https:///x", "with a host"),
        ("https://h:99999/", "it is not a URL"),
        ("https://[::1/", "it is not a URL"),
        ("https://u:p@h/", "user or password"),
        ("https://{{ vars.n }}@h/", "user or password"),
        ("https://h/ a", "spaces"),
        ("https://h/\n", "control characters"),
        ("https://h\\@evil/", "backslashes"),
        ("https://h/{{ model.path }}", "`.` or `..`"),
        ("https://h/%2e%2e/x", "`.` or `..`"),
        ("https://{{ 'evil:8' }}/", "special characters"),
        ("https://h/{{ '\u202e' }}\u202e", "control characters"),
    ],
)
def test_what_is_no_honest_url_is_refused(template: str, said: str) -> None:
    assert said in _problem(template, url=True)


@given(st.text(max_size=50))
def test_no_value_leaves_its_part_of_a_url(value: str) -> None:
    try:
        text = TEMPLATES.render(
            "https://h.example/a/{{ model.description }}/z?q=1#f", {"model": {"description": value}}, url=True
        )
    except TemplateProblem as problem:
        assert "`..`" in str(problem) or not value.isascii() or "cannot be computed" in str(problem)
        return
    parts = urlsplit(text)
    assert (parts.netloc, parts.query, parts.fragment) == ("h.example", "q=1", "f")
    assert unquote(parts.path) == f"/a/{value}/z"


@given(st.text(), st.booleans())
def test_any_text_renders_or_is_a_template_problem(template: str, url: bool) -> None:
    try:
        assert isinstance(_render(template, url=url), str)
    except TemplateProblem as problem:
        assert str(problem)


def test_names_that_a_template_reads() -> None:
    template = "{{ secrets.A }}{{ secrets['B'] | upper }}{% if previous %}{{ previous.tag }}{% endif %}"
    assert TEMPLATES.names(template) == {"secrets.A", "secrets.B", "previous", "previous.tag"}
    assert TEMPLATES.names("{{ model.name.upper() }}{{ range(2) | join }}{{ stage }}") == {"model.name", "stage"}
    assert TEMPLATES.names("{{ secrets[vars.which] }}") == {"secrets", "vars.which"}
    assert TEMPLATES.names("{# {{ a }} #}{% raw %}{{ b }}{% endraw %} c") == frozenset()
    for broken in ("{{ a", "{{ a | sluk }}", "{% for a in b %}{% endfor %}"):
        with pytest.raises(TemplateProblem):
            TEMPLATES.names(broken)
