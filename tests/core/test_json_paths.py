"""Paths into JSON documents, and when a value there is the one that is wanted."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from model_stage_deploy.core.json_paths import BadPath, NotThere, is_same, parse_path, read_document, told, value_at

TEXTS = st.text(max_size=12)
SCALARS = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | TEXTS
DOCUMENTS = st.recursive(
    SCALARS, lambda inner: st.lists(inner, max_size=4) | st.dictionaries(TEXTS, inner, max_size=4), max_leaves=12
)


def _places(value: Any, path: tuple[str | int, ...] = ()) -> list[tuple[str | int, ...]]:
    """The path of everything in a document."""
    inner = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    return [path, *(place for key, item in inner for place in _places(item, (*path, key)))]


def _written(path: tuple[str | int, ...]) -> str:
    return "$" + "".join(f"[{json.dumps(step)}]" for step in path)


@pytest.mark.parametrize(
    ("text", "steps"),
    [
        ("$", ()),
        ("$.version", ("version",)),
        ("$.a.b[0]", ("a", "b", 0)),
        ('$.a["x y"].c', ("a", "x y", "c")),
        ("$['x y'][\"\"]['']", ("x y", "", "")),
        ('$["a\\"b\\u00e9"]', ('a"bé',)),
        ("$.f1-score.macro_avg.模型", ("f1-score", "macro_avg", "模型")),
        ("$[0][12]", (0, 12)),
        ("$.0", ("0",)),
    ],
)
def test_paths(text: str, steps: tuple[str | int, ...]) -> None:
    assert parse_path(text) == steps


@pytest.mark.parametrize(
    "text",
    [
        "",
        "version",
        ".a",
        "$a",
        "$.",
        "$..a",
        "$.a b",
        "$[",
        "$[-1]",
        "$[*]",
        "$.*",
        '$["a',
        '$["\\x"]',
        "$" + ".a" * 501,
    ],
)
def test_what_is_no_path(text: str) -> None:
    with pytest.raises(BadPath) as caught:
        parse_path(text)
    assert "\n" not in str(caught.value)


@given(st.text())
def test_any_text_is_a_path_or_a_bad_one(text: str) -> None:
    for path in (text, "$" + text, "$." + text, f'$["{text}"]'):
        try:
            parse_path(path)
        except BadPath:
            continue


@given(DOCUMENTS, st.data())
def test_everything_in_a_document_has_a_path_that_finds_it(document: Any, data: st.DataObject) -> None:
    place = data.draw(st.sampled_from(_places(document)))
    wanted = document
    for step in place:
        wanted = wanted[step]
    path = parse_path(_written(place))
    assert path == place
    assert is_same(wanted, value_at(read_document(json.dumps(document).encode()), path))


@given(DOCUMENTS, DOCUMENTS)
def test_two_documents_are_the_same_only_if_they_are_equal(one: Any, other: Any) -> None:
    found = read_document(json.dumps(other).encode())
    if is_same(one, found) and not _holds_text(one):
        assert one == other


def _holds_text(value: Any) -> bool:
    """Texts also fit numbers that are written so."""
    inner = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    return isinstance(value, str) or any(map(_holds_text, inner))


@pytest.mark.parametrize(
    ("wanted", "found", "same"),
    [
        ("v3.1.0", '"v3.1.0"', True),
        ("v3.1.0", '"v3.1.0 "', False),
        ("v3.1.0", '"V3.1.0"', False),
        ("3", "3", True),
        ("3", "3.0", False),
        ("1e3", "1e3", True),
        ("true", "true", True),
        ("True", "true", False),
        ("1", "true", False),
        ("null", "null", False),
        ("", "null", False),
        ("[]", "[]", False),
        (3, "3", True),
        (3, "3.0", True),
        (3, '"3"', False),
        (0.1, "0.1", True),
        (0.1, "0.10", True),
        (1, "true", False),
        (True, "true", True),
        (True, "1", False),
        (False, "0", False),
        (False, "null", False),
        (None, "null", True),
        (None, "0", False),
        (9007199254740993, "9007199254740992", False),
        (1, "1e9999999999999999999999", False),
        (1, "NaN", False),
        ([1, "a"], '[1, "a"]', True),
        ([1, 2], "[1]", False),
        ({"a": "1"}, '{"a": 1}', True),
        ({"a": 1}, '{"a": 1, "b": 2}', False),
        ({}, "[]", False),
    ],
)
def test_what_fits(wanted: Any, found: str, same: bool) -> None:
    assert is_same(wanted, read_document(found.encode())) is same


@pytest.mark.parametrize("path", ["$.b", "$.a.x", "$.a[3]", "$.a[0].b", "$[0]", '$.a["0"]'])
def test_nothing_is_there(path: str) -> None:
    with pytest.raises(NotThere):
        value_at(read_document(b'{"a": [1, 2, 3]}'), parse_path(path))


@pytest.mark.parametrize("text", [b"", b"{", b"<html>", b"\xff\xfe\x00", b"[" * 100_000])
def test_what_is_no_document(text: bytes) -> None:
    with pytest.raises(ValueError, match=r"."):
        read_document(text)


@given(DOCUMENTS)
def test_what_is_told_is_one_line_of_json(document: Any) -> None:
    text = told(read_document(json.dumps(document).encode()))
    assert text.isascii()
    assert text.isprintable()
    assert json.loads(text) == document
    assert told(document) == json.dumps(document)
