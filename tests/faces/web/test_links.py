"""Links lead back, through browser and router, to the very name that they were made for."""

from __future__ import annotations

from html.parser import HTMLParser
from urllib.parse import urljoin, urlsplit

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from starlette.requests import Request
from starlette.routing import Match, Route

from model_stage_deploy.core.dashboard import SORTS, Query
from model_stage_deploy.core.tags import is_model_name
from model_stage_deploy.faces.web.app import query_of
from model_stage_deploy.faces.web.links import ServerLinks
from tests.faces.web.doors import HOST, Door

ROUTES = [Route("/m", print), Route("/m/{name:path}", print), Route("/static/{file}", print)]
ENDS = st.sampled_from("abz019ABZ")
NAME = st.builds(lambda first, middle, last: first + middle + last, ENDS, st.text("aZ0/_-"), ENDS)
MODEL = st.one_of(NAME, st.builds(lambda kind, name: f"{kind}:{name}", st.text("a./_-", min_size=1), NAME))
"""Names of models, as people write them."""
HOSTILE = st.text(st.characters(exclude_categories=["Cs"]), max_size=60)


def resolved(link: str) -> str:
    """As a browser sends it: WHATWG takes dot segments away, encoded ones too, and `\\` for `/`."""
    path, mark, query = link.partition("?")
    segments: list[str] = []
    for segment in path.replace("\\", "/").split("/")[1:]:
        plain = segment.lower().replace("%2e", ".")
        if plain == "..":
            segments = segments[:-1]
        elif plain != ".":
            segments.append(segment)
    return (
        urlsplit(urljoin("http://x/models", "/" + "/".join(segments) + mark + query))
        ._replace(scheme="", netloc="")
        .geturl()
    )


def arrived(link: str) -> Request:
    """The request that a link makes, as it comes through the guard."""
    assert link.isascii()
    assert link.isprintable()
    assert not set(link) & set("\"'<> \\")
    door, scopes = Door(read_only=True), []

    async def inside(scope: object, receive: object, send: object) -> None:
        scopes.append(scope)
        await door._inside(scope, receive, send)  # type: ignore[arg-type]

    guard = door.guard
    guard._app = inside
    assert door.ask(target=resolved(link.partition("#")[0]), guard=guard, host=HOST).status == 200
    return Request({**scopes[0], "root_path": ""})  # type: ignore[dict-item]


def routed(request: Request) -> dict[str, str]:
    """What the router makes of it."""
    for route in ROUTES:
        match, child = route.matches(request.scope)
        if match is Match.FULL:
            return dict(child["path_params"])
    pytest.fail(f"no page at {request.url}")


def shown_model(link: str) -> str:
    request = arrived(link)
    return routed(request).get("name") or request.query_params.get("name", "")


@given(MODEL.filter(is_model_name))
@example("fraud/eu")
@example("dir/sub:churn")
def test_a_link_leads_to_its_model(name: str) -> None:
    assert shown_model(ServerLinks().model(name)) == name


@given(HOSTILE)
@example("..")
@example("../../..:a")
@example("./.:a//b")
@example("/")
@example("a/%2e%2e/b")
@example("javascript:alert(1)")
@example('"><script>alert(1)</script>')
@example("//evil.example")
@example("\\\\evil.example\\x")
@example("a?b#c&d=e+f%00")
def test_a_link_of_a_hostile_name_leads_nowhere_else(name: str) -> None:
    link = ServerLinks().model(name)
    assert urlsplit(urljoin("http://x/", link)).netloc == "x"
    if any(ord(character) < 32 or ord(character) == 127 for character in name) or "\\" in name:
        return  # the guard lets none of these in; no tag has one
    assert shown_model(link) == name


@given(MODEL, st.sampled_from(["versions", "stages", "history", "timeline"]))
def test_a_section_is_at_the_end(name: str, part: str) -> None:
    assert ServerLinks().model(name, part) == f"{ServerLinks().model(name)}#{part}"


QUERIES = st.builds(
    Query,
    text=HOSTILE,
    stage=HOSTILE,
    type=HOSTILE,
    sort=st.sampled_from(SORTS),
    descending=st.booleans(),
    deprecated=st.booleans(),
    page=st.integers(1, 999_999),
)


def is_plain(*texts: str) -> bool:
    return not any(ord(letter) < 32 or letter in "\x7f\\" for text in texts for letter in text)


@given(QUERIES.filter(lambda query: is_plain(query.text, query.stage, query.type)))
def test_a_table_is_found_again(query: Query) -> None:
    assert query_of(arrived(ServerLinks().models(query))) == query


def test_the_usual_table_has_the_short_address() -> None:
    assert ServerLinks().models() == "/models"
    assert ServerLinks().models(Query(sort="newest", descending=True, page=2)) == "/models?sort=newest&dir=desc&page=2"


@pytest.mark.parametrize(
    ("query", "read"),
    [
        ("sort=evil&dir=up&deprecated=yes&page=0", Query(page=1)),
        ("page=-1", Query()),
        ("page=%C2%B2", Query()),
        ("page=9999999", Query()),
        ("page=12", Query(page=12)),
        ("text=" + "a" * 5000, Query(text="a" * 200)),
        ("text=a&text=b", Query(text="b")),
    ],
)
def test_nonsense_counts_as_not_said(query: str, read: Query) -> None:
    found = query_of(arrived(f"/models?{query}"))
    assert found._replace(page=max(found.page, 1)) == read


@given(st.lists(HOSTILE.filter(is_plain), max_size=5))
def test_states_name_their_models(names: list[str]) -> None:
    assert arrived(ServerLinks().states(tuple(names))).query_params.getlist("name") == names


@given(HOSTILE.filter(is_plain), HOSTILE.filter(is_plain), HOSTILE.filter(is_plain))
def test_a_dialog_knows_what_it_is_about(model: str, stage: str, version: str) -> None:
    request = arrived(ServerLinks().dialog("assign", model, stage, version))
    given = {"model": model, "stage": stage, "version": version}
    assert request.url.path == "/do/assign"
    assert dict(request.query_params) == {name: value for name, value in given.items() if value}


def test_what_is_not_offered_has_no_link() -> None:
    links = ServerLinks(offered={"assign"})
    assert [links.dialog(what, "churn") for what in ("assign", "rollback", "evil")] == [
        "/do/assign?model=churn",
        "",
        "",
    ]
    assert links.commit("a" * 40) == ""
    assert (
        ServerLinks(commits="https://github.com/org/m/commit/").commit("a b") == "https://github.com/org/m/commit/a%20b"
    )


def test_an_asset_is_named_with_its_content() -> None:
    link = ServerLinks().asset("app.css")
    request = arrived(link)
    assert routed(request) == {"file": "app.css"}
    assert len(request.query_params["v"]) >= 8
    with pytest.raises(KeyError):
        ServerLinks().asset("../evil")


def test_links_can_stand_in_attributes() -> None:
    class Reader(HTMLParser):
        found: list[str | None]

        def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
            self.found = [value for _, value in attrs]

    reader = Reader()
    link = ServerLinks().dialog("assign", '"><script>', "'", "&amp;")
    reader.feed(f'<a href="{link.replace("&", "&amp;")}">')
    assert reader.found == [link]
