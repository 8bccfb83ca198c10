"""What templates make of single values: times, inert texts, addresses, ids."""

from __future__ import annotations

import math
import re
from html.parser import HTMLParser
from unicodedata import category

import pytest
from hypothesis import given
from hypothesis import strategies as st
from markupsafe import escape

from model_stage_deploy.core.lifecycle import Records, State, lifecycle, unknown
from model_stage_deploy.report.html import filters
from tests.report.html.hostile import HOSTILE
from tests.report.html.samples import registry


def written(iso: str, shown: str, style: str = "full") -> str:
    """The element of a time."""
    return f'<time datetime="{iso}" data-as="{style}">{shown}</time>'


@pytest.mark.parametrize(
    ("time", "zone", "shown"),
    [
        (1_795_000_000, "+0130", written("2026-11-18T12:36:40+01:30", "2026-11-18 12:36 +01:30")),
        ("2026-11-18T14:06:40Z", "+0000", written("2026-11-18T14:06:40+00:00", "2026-11-18 14:06 UTC")),
        (0, '"><script>', written("1970-01-01T00:00:00+00:00", "1970-01-01 00:00 UTC")),
        (10**15, "+0000", "<span>@1000000000000000</span>"),
        ("", "+0000", '<span class="none">–</span>'),
        (None, "+0000", '<span class="none">–</span>'),
        ("<script>", "+0000", '<span class="none">–</span>'),
    ],
)
def test_times(time: float | str | None, zone: str, shown: str) -> None:
    assert str(filters.when(time, zone)) == shown


def test_times_that_a_reader_sees_as_ago_are_days_without_scripts() -> None:
    assert filters.when(0, "+0000", "ago") == written("1970-01-01T00:00:00+00:00", "1970-01-01", "ago")


@pytest.mark.parametrize("address", ["https://a.example/x?y=1#z", "http://127.0.0.1:8000/", "HTTPS://A.example"])
def test_addresses_of_the_web_stay(address: str) -> None:
    assert filters.web(address) == address


@pytest.mark.parametrize(
    "address",
    [*HOSTILE, "", "javascript:x", "//a.example", "/local", "https://", "https://user:word@a.example/", "https://a b/",
     "https://a/\n", "ftp://a.example/", "http://[::1", 'https://a/"x', "https:/a", " https://a/", "data:text/html,x"],
)  # fmt: skip
def test_any_other_is_no_link(address: str) -> None:
    assert filters.web(address) == ""


@given(st.text())
def test_what_is_a_link_begins_with_http_and_cannot_leave_its_attribute(address: str) -> None:
    kept = filters.web("https://" + address)
    assert kept in ("", "https://" + address)
    assert not re.search(r"[\s\"<>`]", kept)


@given(st.lists(st.text(), min_size=1, max_size=3), st.lists(st.text(), min_size=1, max_size=3))
def test_ids_are_of_names_alone(one: list[str], other: list[str]) -> None:
    assert re.fullmatch(r"k[0-9a-f]{12}", filters.key(*one))
    if not any("\0" in name for name in one + other):
        assert (filters.key(*one) == filters.key(*other)) == (one == other)


@given(st.text())
def test_inert_lines_keep_line_ends_and_nothing_else_that_acts(text: str) -> None:
    kept = {
        character for character in filters.inert_lines(text) if category(character) in ("Cc", "Cf", "Cs", "Zl", "Zp")
    }
    assert kept <= {"\n"}


def test_very_many_lines_are_cut_and_it_is_said() -> None:
    assert filters.inert_lines("x\n" * 1000).endswith("\n… 600 more lines")
    assert filters.inert_lines("one\r\ntwo\r\n\n") == "one\ntwo"


@given(st.text(), st.text(alphabet="<>&\"' "))
def test_badges_say_what_they_are_given_and_are_one_element(words: str, odd: str) -> None:
    class Reader(HTMLParser):
        names: tuple[str, ...] = ()

        def handle_starttag(self, tag: str, attrs: object) -> None:
            self.names += (tag,)

    reader = Reader()
    reader.feed(filters.badge(words + odd, "ok"))
    assert reader.names == ("span",)


def test_every_state_has_a_badge_with_a_picture_and_a_word() -> None:
    for state in State:
        assert f'href="#i-{state.value}"' in filters.state(state)
    assert "rolled back" in filters.state(State.ROLLED_BACK)


def test_how_a_stage_stands_is_not_said_where_nobody_knows() -> None:
    model = registry().models["churn"]
    assert filters.standing(None) == ""
    assert filters.standing(unknown(model, "prod")) == ""
    assert filters.standing(lifecycle(model, "shadow", Records(()))) == ""
    assert "by tags" in filters.standing(unknown(model, "prod")._replace(problem="GitHub did not answer"))


@pytest.mark.parametrize(
    ("commit", "shown"), [("a" * 40, "aaaaaaa"), ("b" * 64, "bbbbbbb"), ("main", "main"), ("<b>\u202e", "<b>\\u202e")]
)
def test_commits_are_short(commit: str, shown: str) -> None:
    assert filters.short(commit) == shown


@pytest.mark.parametrize(
    ("value", "shown"),
    [(0.9, "0.9"), (1e6, "1000000"), (1 / 3, "0.333333"), (math.nan, "not a number"), (-math.inf, "minus infinite")],
)
def test_numbers_are_short(value: float, shown: str) -> None:
    assert filters.number(value) == shown


def test_durations_and_counts_are_for_people() -> None:
    assert filters.duration(None) == "–"
    assert filters.duration(190.04) == "3m10s"
    assert filters.counted(1, "version") == "1 version"
    assert filters.counted(1203, "thing is", "things are") == "1,203 things are"
    assert filters.host("https://a.example:8080/x") == "a.example:8080"
    assert escape(filters.version("c" * 40)) == "ccccccc"
