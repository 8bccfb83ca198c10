"""Secrets in one text: read strictly, and never shown."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from model_stage_deploy.core.errors import Invalid
from model_stage_deploy.core.reasons import Reason
from model_stage_deploy.core.redaction import Secret
from model_stage_deploy.faces.handed_secrets import handed_secrets

NAMES = st.from_regex(r"[A-Za-z_][A-Za-z0-9_]{0,12}", fullmatch=True)
VALUES = st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=40)
LINES = VALUES.filter(lambda text: "\n" not in text and not text.endswith("\r"))
PRIVATE_KEY = "-----BEGIN KEY-----\nMIIBOgIBAAJBAKj34GkxFhD9==\n-----END KEY-----"


def read(text: str) -> dict[str, str]:
    """The secrets in a text."""
    return handed_secrets(Secret(text))


@pytest.mark.parametrize("given", [None, Secret(""), Secret(" \n\r\n"), Secret("# none yet\n"), Secret("{}")])
def test_nothing_is_nothing(given: Secret | None) -> None:
    assert handed_secrets(given) == {}


def test_lines_are_names_and_values() -> None:
    text = "# for prod\nHOOK=a=b c\r\n\n  TOKEN=x \nUNSET=\n"
    assert read(text) == {"HOOK": "a=b c", "TOKEN": "x "}


def test_json_holds_values_of_several_lines() -> None:
    assert read(json.dumps({"KEY": PRIVATE_KEY, "UNSET": ""}, indent=2)) == {"KEY": PRIVATE_KEY}


@given(st.dictionaries(NAMES, LINES, max_size=5))
def test_what_is_written_as_lines_is_read(secrets: dict[str, str]) -> None:
    assert read("\n".join(f"{name}={value}" for name, value in secrets.items())) == secrets


@given(st.dictionaries(NAMES, VALUES, max_size=5))
def test_what_is_written_as_json_is_read(secrets: dict[str, str]) -> None:
    assert read(json.dumps(secrets)) == secrets


@pytest.mark.parametrize(
    ("text", "where"),
    [
        ("HOOK=x\nsecret-words", "line 2 is not NAME=VALUE"),
        ("secret-words=x", "line 1 is not NAME=VALUE"),
        ("1HOOK=secret-words", "line 1"),
        ("HOOK =secret-words", "line 1"),
        (f"KEY={PRIVATE_KEY}", "line 3"),
        ("HOOK=secret-words\nHOOK=y", "a name comes twice"),
        ('{"HOOK": "secret-words", "HOOK": "y"}', "a name comes twice"),
        ('{"HOOK": "secret-words"', "no JSON object"),
        ('{"HOOK": "secret\nwords"}', "no JSON object"),
        ('{"HOOK": 12}', "entry 1"),
        ('{"A": "secret-words", "HOOK": {"secret-words": "y"}}', "entry 2"),
        ('{"secret-words": "x"}', "entry 1"),
        ("{" * 100_000, "no JSON object"),
    ],
)
def test_what_cannot_be_read_is_refused_and_nothing_of_it_is_told(text: str, where: str) -> None:
    with pytest.raises(Invalid) as wrong:
        read(text)
    assert wrong.value.reason is Reason.USAGE
    assert where in wrong.value.message
    assert "words" not in wrong.value.message + wrong.value.hint
    assert wrong.value.__cause__ is None


@given(st.text(max_size=60))
def test_any_text_is_read_or_refused(text: str) -> None:
    try:
        found = read(text)
    except Invalid as wrong:
        assert wrong.reason is Reason.USAGE
    else:
        assert all(found.values())
