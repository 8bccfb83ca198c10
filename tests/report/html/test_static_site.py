"""The static report: every link leads to a file and an anchor that are there, and nothing foreign is loaded or run."""

from __future__ import annotations

import posixpath
import re
from collections.abc import Iterator, Mapping
from html.parser import HTMLParser
from typing import NamedTuple
from urllib.parse import unquote, urlsplit

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from model_stage_deploy.core.dashboard import PAGE_SIZE, ModelPage
from model_stage_deploy.core.model import Model
from model_stage_deploy.core.tags import is_model_name
from model_stage_deploy.report.html.one_file import inside, one_file, with_ids_of
from model_stage_deploy.report.html.static_site import Report, folder
from tests.report.html import hostile, sample_tables, samples

NAMES = ("churn", "Churn", "fraud/eu", "a.b/c:churn", "con", "x" * 150)
REFERRING = ("for", "aria-labelledby", "aria-describedby", "aria-controls", "popovertarget", "list", "headers")


class Read(NamedTuple):
    """What an HTML file has. `links` are addresses, but for `outside`: those on the web that a reader may go to."""

    links: list[str]
    outside: list[str]
    ids: list[str]
    referred: list[str]
    elements: list[tuple[str, dict[str, str]]]
    texts: list[str]


class _Reader(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.read = Read([], [], [], [], [], [])

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = {name: value or "" for name, value in attrs}
        self.read.elements.append((tag, given))
        leaves = tag == "a" and given.get("rel") == "noopener noreferrer"
        outside = leaves and re.match(r"https?://[a-z]", given.get("href", "")) is not None
        links = [given[name] for name in ("href", "src", "action", "formaction", "hx-get", "data-url") if name in given]
        (self.read.outside if outside else self.read.links).extend(links)
        self.read.ids.extend([given["id"]] if "id" in given else [])
        for name in REFERRING:
            self.read.referred.extend(given.get(name, "").split())

    def handle_data(self, data: str) -> None:
        self.read.texts.append(data)


def read(html: str) -> Read:
    reader = _Reader()
    reader.feed(html)
    return reader.read


def report(names: tuple[str, ...] = NAMES, *, deprecated: int = 1, commits: str = "") -> Report:
    rows = tuple(
        sample_tables.model_row(name, sample_tables.STAGES, deprecated=at < deprecated) for at, name in enumerate(names)
    )
    overview = sample_tables.overview()._replace(
        rows=rows, total=len(rows), matching=len(rows), deprecated=deprecated, pages=1, stages_asked=True
    )
    return Report("org/models", "2026-11-22T00:00:00+00:00", overview, "model-stage-deploy 1.0.0", commits)


def model_pages(names: tuple[str, ...] = NAMES) -> Iterator[ModelPage]:
    for name in names:
        yield samples.page(name)


def renamed(page: ModelPage, name: str) -> ModelPage:
    return page._replace(model=Model(name, page.model.events))


def files_of(names: tuple[str, ...] = NAMES, **more: object) -> dict[str, str]:
    made = list(folder(report(names, **more), model_pages(names)))  # type: ignore[arg-type]
    assert made[-1][0] == "index.html"  # whoever reads meanwhile finds no link to what is not there yet
    assert len({path.lower() for path, _ in made}) == len(made)
    return {path: content.decode() for path, content in made}


def broken_links(files: Mapping[str, str]) -> list[str]:
    """Links of pages to what is not there, and to other places."""
    found = {path: read(text) for path, text in files.items() if path.endswith(".html")}
    wrong = []
    for path, page in found.items():
        for link in page.links:
            parts = urlsplit(link)
            target = (
                posixpath.normpath(posixpath.join(posixpath.dirname(path), unquote(parts.path))) if parts.path else path
            )
            there = target in files and not parts.scheme and not parts.netloc and not link.startswith("/")
            anchored = not parts.fragment or (target in found and unquote(parts.fragment) in found[target].ids)
            if not there or not anchored:
                wrong.append(f"{path}: {link}")
    return wrong


def test_every_link_leads_to_what_is_there() -> None:
    files = files_of()
    assert broken_links(files) == []
    linked = {link for path, text in files.items() if path.endswith(".html") for link in read(text).links}
    assert {"m/churn.html", "m/~churn.html", "m/fraud~-eu.html", "all.html", "newest.html"} <= linked


MODEL_NAMES = st.from_regex(r"[A-Za-z0-9](?:[A-Za-z0-9/_.:-]{0,12}[A-Za-z0-9])?", fullmatch=True).filter(is_model_name)


@settings(max_examples=8, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.sets(MODEL_NAMES, min_size=1, max_size=3), st.integers(0, 3))
def test_whatever_models_are_called(names: set[str], deprecated: int) -> None:
    assert broken_links(files_of(tuple(sorted(names)), deprecated=min(deprecated, len(names)))) == []


def test_without_deprecated_models_there_are_no_pages_of_them() -> None:
    files = files_of(deprecated=0)
    assert {path for path in files if path.endswith(".html") and "/" not in path} == {"index.html", "newest.html"}
    assert broken_links(files) == []


def test_many_models_are_on_several_pages_and_found_from_each() -> None:
    names = tuple(f"model-{number:03}" for number in range(2 * PAGE_SIZE + 1))
    whole = report(names, deprecated=0)
    files = {path: content.decode() for path, content in folder(whole, [samples.page("model-000")])}
    assert {"index-2.html", "index-3.html", "newest-3.html"} <= set(files)
    assert "index-4.html" not in files
    shown = [link for page in ("index.html", "index-2.html", "index-3.html") for link in read(files[page]).links]
    assert {f"m/{name}.html" for name in names} <= set(shown)
    assert all(f'"{name}"' in files["assets/models.js"] for name in names)
    assert "assets/models.js" in shown


def test_commits_are_at_the_host_that_has_them() -> None:
    files = files_of(("churn",), deprecated=0, commits="https://github.com/org/models/commit/")
    assert broken_links(files) == []
    outside = {link for path, text in files.items() if path.endswith(".html") for link in read(text).outside}
    assert [link for link in outside if re.fullmatch(r"https://github\.com/org/models/commit/[0-9a-f]{40}", link)]
    assert outside - {link for link in outside if "/commit/" in link} == {
        link for text in files_of(("churn",), deprecated=0).values() for link in read(text).outside
    }  # what records say besides: runs, and where a model serves


def test_nothing_can_be_changed_and_nothing_is_asked() -> None:
    for path, text in files_of().items():
        if path.endswith(".html"):
            page = read(text)
            assert not [tag for tag, _ in page.elements if tag in ("form", "iframe", "object", "embed", "base")]
            assert not [name for _, given in page.elements for name in given if name.startswith(("hx-", "on", "style"))]
            [policy] = [given["content"] for _, given in page.elements if given.get("http-equiv")]
            assert policy.startswith("default-src 'none'; ")
            assert "unsafe" not in policy
            assert "htmx" not in text


@pytest.mark.parametrize("where", ["folder", "file"])
def test_hostile_texts_do_nothing(where: str) -> None:
    page = hostile.hostile_page()
    names = (page.model.name,)
    if where == "folder":
        files = {path: content.decode() for path, content in folder(report(names, deprecated=0), [page])}
        pages = [text for path, text in files.items() if path.endswith(".html")]
    else:
        pages = ["".join(one_file(report(names, deprecated=0), [page]))]
    plain = {tag for text in files_of().values() for tag, _ in read(text).elements}
    for text in pages:
        found = read(text)
        assert {tag for tag, _ in found.elements} <= plain | {"style"}
        assert not [link for link in found.links if link.lower().startswith("javascript:")]
        assert not [name for _, given in found.elements for name in given if name.startswith(("on", "style"))]
        assert "\u202e" not in text


def test_one_file_has_it_all_and_asks_for_nothing() -> None:
    text = "".join(one_file(report(), model_pages()))
    page = read(text)
    assert len(page.ids) == len(set(page.ids))
    local = {unquote(link[1:]) for link in page.links if link.startswith("#")}
    assert local <= set(page.ids)
    assert set(page.referred) <= set(page.ids)
    assert [link for link in page.links if not link.startswith(("#", "data:image/svg+xml;base64,"))] == []
    sections = [given for tag, given in page.elements if tag == "section" and "data-page" in given]
    assert len(sections) == 1 + len(NAMES)


def test_what_runs_in_one_file_is_named_by_its_hash() -> None:
    import base64
    import hashlib

    text = "".join(one_file(report(), model_pages()))
    [policy] = [given["content"] for _, given in read(text).elements if given.get("http-equiv")]
    blocks = re.findall(r"<(?:script|style)>(.*?)</(?:script|style)>", text, re.DOTALL)
    hashes = [base64.b64encode(hashlib.sha256(block.encode()).digest()).decode() for block in blocks]
    assert len(hashes) == 3
    assert sorted(re.findall(r"sha256-([^']+)", policy)) == sorted(hashes)


def test_ids_get_a_prefix_with_all_that_refers_to_them() -> None:
    part = (
        '<h2 id="one">One &lt;a id="no"&gt;</h2><a href="#one">1</a><a href="#i-x">2</a><use href="#i-x"/>'
        '<label for="two">2</label><input id="two" aria-describedby="one three" data-id="two">'
        '<g clip-path="url(#two)" fill="url(#i-y)"></g><a href="other.html#one">3</a>'
    )
    assert with_ids_of("m.", part) == (
        '<h2 id="m.one">One &lt;a id="no"&gt;</h2><a href="#m.one">1</a><a href="#i-x">2</a><use href="#i-x"/>'
        '<label for="m.two">2</label><input id="m.two" aria-describedby="m.one three" data-id="two">'
        '<g clip-path="url(#m.two)" fill="url(#i-y)"></g><a href="other.html#one">3</a>'
    )


def test_a_page_without_a_main_part_is_a_mistake_of_ours() -> None:
    with pytest.raises(ValueError, match="without <main>"):
        inside("<p>no</p>")


def test_badges_of_every_model_and_stage() -> None:
    files = files_of(("churn",), deprecated=0)
    badges = {path for path in files if path.startswith("badges/")}
    assert badges == {"badges/churn.svg", *(f"badges/churn/{stage}.svg" for stage in samples.page("churn").stages)}


def test_an_empty_registry_is_a_page_too() -> None:
    empty = Report("org/models", "2026-11-22T00:00:00+00:00", sample_tables.empty_overview())
    files = {path: content.decode() for path, content in folder(empty, [])}
    assert broken_links(files) == []
    assert "No models yet" in files["index.html"]
    assert "No models yet" in "".join(one_file(empty, []))
