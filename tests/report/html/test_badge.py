"""Badges: the words, the colours, and a picture that no text can break."""

from __future__ import annotations

import json
import re
from xml.etree import ElementTree

import pytest
from hypothesis import given
from hypothesis import strategies as st

from model_stage_deploy.core.lifecycle import Lifecycle, Recorded, Records, lifecycle, unknown
from model_stage_deploy.core.model import Model
from model_stage_deploy.report.html.badge import Badge, endpoint, latest_badge, stage_badge, svg
from tests.core.tag_records import START, commit, registry

TEXTS = st.text(max_size=200) | st.text(alphabet="<>&\"'\x00\x1b\ufffe\uffff\u202e]", max_size=20)


def _model(*lines: str) -> Model:
    return registry(*lines).model("churn")


CHURN = ("churn@v1.0.0 A @0", "churn@v2.0.0 B @1", "churn#prod#1 A @2", "churn#prod#2 B @1000")


def _record(version: str, on: str, state: str = "success", *, at: int, **more: object) -> Recorded:
    ended = "" if state == "in_progress" else state
    made = Recorded(
        "1", version, commit(on), "churn#prod#2", state, created=_iso(at), outcome=ended, placed=state == "success"
    )
    return made._replace(**more)  # type: ignore[arg-type]


def _iso(second: int) -> str:
    from datetime import UTC, datetime

    return datetime.fromtimestamp(START + second, UTC).isoformat()


def _row(*records: Recorded) -> Lifecycle:
    return lifecycle(_model(*CHURN), "prod", Records(records))


def _said(row: Lifecycle | None, version: str = "v2.0.0", label: str = "") -> str:
    badge = stage_badge("churn", "prod", version, row, label)
    return f"{badge.label} {badge.message}"


V1 = _record("v1.0.0", "A", at=10, tag="churn#prod#1")


@pytest.mark.parametrize(
    ("row", "said"),
    [
        (_row(_record("v2.0.0", "B", at=1001)), "prod v2.0.0"),
        (_row(V1), "prod v2.0.0 approved, v1.0.0 runs"),
        (_row(_record("v2.0.0", "B", "in_progress", at=1001)), "prod v2.0.0 deploying, nothing runs"),
        (_row(_record("v2.0.0", "B", "failure", at=1001), V1), "prod v2.0.0 failed, v1.0.0 runs"),
        (_row(V1._replace(rollback=True, created=_iso(2000))), "prod v2.0.0 rolled back, v1.0.0 runs"),
        (_row(_record("v2.0.0", "B", "inactive", at=1001)), "prod v2.0.0 removed, nothing runs"),
        (unknown(_model(*CHURN), "prod"), "prod v2.0.0"),
        (None, "prod v2.0.0"),
    ],
)
def test_a_badge_says_the_version_and_how_it_stands(row: Lifecycle | None, said: str) -> None:
    assert _said(row) == said


def test_colours_repeat_what_words_say() -> None:
    colours = {
        stage_badge("churn", "prod", "v2.0.0", row).colour
        for row in (
            _row(_record("v2.0.0", "B", at=1001)),
            _row(_record("v2.0.0", "B", "failure", at=1001), V1),
            _row(V1._replace(rollback=True, created=_iso(2000))),
            _row(V1),
        )
    }
    assert len(colours) == 4


def test_an_empty_stage_has_none() -> None:
    assert _said(None, "") == "prod none"
    emptied = _model(*CHURN, "churn#prod!#3 B @3000", "churn#prod!#4 A @3001")
    assert _said(unknown(emptied, "prod"), "") == "prod none"
    assert _said(lifecycle(emptied, "prod", Records((V1,))), "") == "prod none, v1.0.0 runs"
    assert _said(lifecycle(emptied, "prod", Records()), "") == "prod none"


def test_what_cannot_be_known_is_called_unknown() -> None:
    ambiguous = _model("churn@v1.0.0 A", "churn@v2.0.0 A", "churn#prod#1 A")
    assert _said(unknown(ambiguous, "prod"), "") == "prod unknown"


def test_a_commit_that_nobody_registered_is_cut_short() -> None:
    bare = _model("churn#prod#1 C")
    assert _said(unknown(bare, "prod"), commit("C")) == "prod cccccccccccc"


def test_the_latest_version_and_labels_of_ones_own() -> None:
    assert latest_badge("churn", "v2.0.0")[:2] == ("churn", "v2.0.0")
    assert latest_badge("churn", "")[:2] == ("churn", "none")
    assert latest_badge("churn", "v2.0.0", "model")[:2] == ("model", "v2.0.0")
    assert _said(None, "v2.0.0", "churn in prod") == "churn in prod v2.0.0"


def test_long_texts_are_cut() -> None:
    badge = stage_badge("m" * 900, "s" * 900, "v1.0.0-" + "x" * 900, None)
    assert len(badge.label) == len(badge.message) == 60
    assert badge.message.endswith("…")
    assert len(svg(badge)) < 3000


def test_the_picture_says_what_it_is_to_who_cannot_see_it() -> None:
    root = ElementTree.fromstring(svg(stage_badge("churn", "prod", "v2.0.0", None)))
    assert root.attrib["role"] == "img"
    assert root.attrib["aria-label"] == "churn in prod: v2.0.0"
    assert root.findtext("{http://www.w3.org/2000/svg}title") == "churn in prod: v2.0.0"


@given(TEXTS, TEXTS, TEXTS)
def test_no_text_breaks_the_picture(label: str, message: str, model: str) -> None:
    for badge in (stage_badge(model, "prod", message, None, label), Badge(label[:9], message[:9], "#fff", "")):
        picture = svg(badge) if badge.title else svg(stage_badge("m", label[:9], message[:9], None))
        root = ElementTree.fromstring(picture)
        names = {element.tag.rpartition("}")[2] for element in root.iter()}
        assert names == {"svg", "title", "clipPath", "rect", "g", "text"}
        assert not {
            name for element in root.iter() for name in element.attrib if name.startswith(("on", "style", "href"))
        }
        width = int(root.attrib["width"])
        for text in root.iter("{http://www.w3.org/2000/svg}text"):
            assert int(text.attrib["x"]) + int(text.attrib["textLength"]) < width


def _luminance(colour: str) -> float:
    parts = [int(colour[at : at + 2], 16) / 255 for at in (1, 3, 5)]
    linear = [part / 12.92 if part <= 0.03928 else ((part + 0.055) / 1.055) ** 2.4 for part in parts]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def test_white_text_is_legible_on_every_colour() -> None:
    from model_stage_deploy.report.html import badge

    source = svg(stage_badge("churn", "prod", "v1.0.0", None))
    used = {*badge._COLOURS.values(), badge._GREY, *re.findall(r'fill="(#[0-9a-f]{6})"', source)}
    assert all(1.05 / (_luminance(colour) + 0.05) >= 4.5 for colour in used)


def test_the_endpoint_is_as_shields_asks() -> None:
    document = endpoint(stage_badge("churn", "prod", "v2.0.0", None))
    assert document == {"schemaVersion": 1, "label": "prod", "message": "v2.0.0", "color": "0969da"}
    assert json.loads(json.dumps(document)) == document
    assert endpoint(stage_badge("churn", "prod", "", None))["message"]  # it may not be empty
