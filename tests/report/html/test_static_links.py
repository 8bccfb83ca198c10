"""Addresses in a static report: names of files that no system mixes up, and links from everywhere to everywhere."""

from __future__ import annotations

import re
from urllib.parse import unquote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from model_stage_deploy.core.dashboard import Query
from model_stage_deploy.report.html.static_links import VIEWS, FileLinks, FolderLinks, file_name, page_of

NAMES = st.text(alphabet="aAbB/.:-_~019=", min_size=1, max_size=8) | st.text(min_size=1, max_size=300)


@pytest.mark.parametrize(
    ("name", "file"),
    [
        ("churn", "churn"),
        ("fraud/eu", "fraud~-eu"),
        ("Churn", "~churn"),
        ("a.b/c:churn", "a~.b~-c~=churn"),
        ("con", "~0con"),
        ("lpt1", "~0lpt1"),
        ("CON", "~c~o~n"),
        ("index", "index"),
    ],
)
def test_names_stay_legible(name: str, file: str) -> None:
    assert file_name(name) == file


@given(NAMES)
def test_a_file_may_be_called_so_anywhere(name: str) -> None:
    file = file_name(name)
    assert re.fullmatch(r"[a-z0-9~._=-]+", file)  # no capitals, nothing that Windows, a URL or an upload minds
    assert 0 < len(file) <= 150
    assert not file.startswith(".")
    assert file not in {"con", "prn", "aux", "nul", "com1", "lpt9"}


@given(NAMES, NAMES)
def test_two_names_never_share_a_file(one: str, other: str) -> None:
    assert (file_name(one) == file_name(other)) == (one == other)


@given(st.lists(st.sampled_from(["a", "A", "~", "~a", "0", "~0", "/", "~-", "1", "~1"]), min_size=1, max_size=6))
def test_what_looks_like_our_marks_is_no_exception(parts: list[str]) -> None:
    text = "".join(parts)
    assert _read(file_name(text)) == text


def _read(file: str) -> str:
    """The name again: so no two can share a file."""
    back = {"~-": "/", "~.": ".", "~=": ":", "~~": "~", "~0": ""}

    def plain(mark: re.Match[str]) -> str:
        return back.get(mark[0]) or (
            chr(int(mark[1], 16)) if mark[1] else "" if mark[0] == "~0" else mark[0][1].upper()
        )

    return re.sub(r"~2([0-9a-f]+)~|~.", plain, file)


@given(st.text(max_size=60))
def test_a_name_can_be_read_back(name: str) -> None:
    if len(file_name(name)) < 100:
        assert _read(file_name(name)) == name


def test_pages_of_tables() -> None:
    assert [page_of(view) for view in VIEWS] == ["index.html", "all.html", "newest.html", "newest-all.html"]
    assert page_of(Query(page=2)) == "index-2.html"
    assert page_of(Query(text="churn")) == ""
    assert page_of(Query(sort="latest")) == ""
    assert page_of(Query(descending=True)) == ""


def test_links_are_relative_and_lead_only_to_what_is_there() -> None:
    there = {"churn", "fraud/eu"}
    top, deeper = FolderLinks("", there), FolderLinks("../", there)
    assert top.models() == "index.html"
    assert deeper.models(Query(page=2)) == "../index-2.html"
    assert deeper.model("fraud/eu", "history") == "../m/fraud~-eu.html#history"
    assert top.model("other") == ""
    assert re.fullmatch(r"\.\./assets/app\.css\?v=[0-9a-f]+", deeper.asset("app.css"))
    assert (top.dialog("assign"), top.states(("churn",)), top.commit("a" * 40)) == ("", "", "")
    assert FolderLinks("", there, "https://github.com/o/r/commit/").commit("ab") == "https://github.com/o/r/commit/ab"


def test_links_within_one_file() -> None:
    links = FileLinks({"fraud/eu"})
    assert (links.models(), links.models(Query(page=2))) == ("#models", "")
    assert unquote(links.model("fraud/eu", "history")) == "#m.fraud~-eu.history"
    assert links.model("other") == ""
