"""The guard: nobody gets through whom it should not let, whatever they send, and every answer has its headers."""

from __future__ import annotations

import base64
from urllib.parse import urlencode

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from model_stage_deploy.core.errors import Invalid
from model_stage_deploy.faces.web.guard import LONGEST_BODY
from model_stage_deploy.faces.web.origins import hosts_of, is_any, is_loopback
from model_stage_deploy.faces.web.sessions import Sessions
from tests.faces.web.doors import FORM, HOST, ORIGIN, PORT, TOKEN, Answer, Door

HEADERS = {
    "content-security-policy": (
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; "
        "form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
    ),
    "x-content-type-options": "nosniff",
    "referrer-policy": "same-origin",
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
    "x-frame-options": "DENY",
    "cache-control": "no-store",
}
OURS = {f"127.0.0.1:{PORT}", f"localhost:{PORT}", f"[::1]:{PORT}"}
NOT_OURS = st.one_of(
    st.text(st.characters(min_codepoint=33, max_codepoint=255), max_size=40),
    st.sampled_from(
        [
            *("evil.example", f"evil.example:{PORT}", "127.0.0.1", f"127.0.0.1:{PORT + 1}", f"127.0.0.1.evil:{PORT}"),
            *(f"127.0.0.1:{PORT}@evil", f"evil@127.0.0.1:{PORT}", f"127.0.0.1:{PORT}.evil", f"localhost.:{PORT}"),
            *(f"2130706433:{PORT}", f"127.1:{PORT}", f"0.0.0.0:{PORT}", f"[::]:{PORT}", f"[::ffff:7f00:1]:{PORT}", ""),
        ]
    ),
).filter(lambda host: host.lower() not in OURS)


def posted(door: Door, *, cookie: str | None = None, **changed: str | None) -> Answer:
    """A form as a page of ours sends it, but for what is changed; None leaves a header out."""
    cookie = door.cookie() if cookie is None else cookie
    headers = {"cookie": cookie, "origin": ORIGIN, "sec-fetch-site": "same-origin", "content-type": FORM}
    token = changed.pop("csrf", door.form_token(cookie))
    body = urlencode({"model": "churn"} | ({} if token is None else {"csrf": token})).encode()
    for name, value in changed.items():
        key = name.replace("_", "-")
        headers.pop(key, None)
        if value is not None:
            headers[key] = value
    return door.ask("POST", "/do/assign", list(headers.items()), [body])


def test_who_has_a_session_gets_through() -> None:
    door = Door()
    answer = door.ask(headers=[("cookie", f"other=1; {door.cookie()}; more=2")])
    assert (answer.status, answer.body) == (200, b"inside")
    assert door.seen == [("GET", "/models", b"")]
    assert HEADERS.items() <= answer.headers.items()


def test_a_form_of_ours_gets_through_whole() -> None:
    door = Door()
    cookie = door.cookie()
    body = urlencode({"csrf": door.form_token(cookie), "message": "ä\n" * 1000}).encode()
    headers = [("cookie", cookie), ("origin", ORIGIN), ("content-type", f"{FORM}; charset=utf-8")]
    assert door.ask("POST", "/do/assign", headers, [body[:10], body[10:99], body[99:]]).status == 200
    assert door.seen == [("POST", "/do/assign", body)]


def test_a_script_of_ours_may_say_the_token_in_a_header() -> None:
    door = Door()
    cookie = door.cookie()
    assert posted(door, cookie=cookie, csrf=None, x_csrf_token=door.form_token(cookie)).status == 200
    assert posted(door, cookie=cookie, x_csrf_token="wrong").status == 403


@pytest.mark.parametrize("host", [None, "", "evil.example", f"evil.example:{PORT}", "127.0.0.1", f"0.0.0.0:{PORT}"])
@pytest.mark.parametrize("read_only", [True, False])
def test_a_name_that_is_not_ours_is_refused(host: str | None, read_only: bool) -> None:
    door = Door(read_only=read_only)
    for target in ("/models", "/static/app.css", f"/?token={TOKEN}"):
        answer = door.ask(target=target, host=host, headers=[("cookie", door.cookie())])
        assert answer.status == 421
        assert "set-cookie" not in answer.headers
        assert HEADERS.items() <= answer.headers.items()
    assert door.seen == []


def test_two_hosts_are_none() -> None:
    door = Door(read_only=True)
    assert door.ask(headers=[("host", HOST)]).status == 421
    assert door.ask(headers=[("x-forwarded-host", HOST), ("forwarded", f"host={HOST}")], host="evil").status == 421


@settings(max_examples=200, deadline=None)
@given(NOT_OURS)
def test_no_other_host_gets_through(host: str) -> None:
    door = Door(read_only=True)
    assert door.ask(host=host).status == 421
    assert door.seen == []


@settings(max_examples=200, deadline=None)
@given(
    st.one_of(NOT_OURS, st.sampled_from(sorted(OURS))),
    st.sampled_from(["http://", "https://", "ftp://", "", "null", "HTTP://evil ", "http://u@", "//"]),
    st.sampled_from(["same-origin", "same-site", "cross-site", "none", "", None]),
)
def test_no_form_of_another_origin_gets_through(host: str, scheme: str, site: str | None) -> None:
    door = Door()
    answer = posted(door, origin=scheme + host, sec_fetch_site=site)
    ours = host in OURS and scheme in ("http://", "https://") and site in ("same-origin", None)
    assert (answer.status == 200) is ours
    assert bool(door.seen) is ours


@pytest.mark.parametrize(
    ("origin", "site", "through"),
    [
        (ORIGIN, "same-origin", True),
        (ORIGIN, None, True),  # a browser on another machine, without TLS, says no more
        (None, "same-origin", True),
        (None, None, False),
        (None, "none", False),
        ("null", "same-origin", False),
        ("null", None, False),
        (ORIGIN, "cross-site", False),
        (ORIGIN, "same-site", False),  # another port of this machine
        (f"http://127.0.0.1:{PORT + 1}", None, False),
        (f"http://127.0.0.1:{PORT}/", None, False),
    ],
)
def test_where_a_form_may_come_from(origin: str | None, site: str | None, through: bool) -> None:
    assert posted(Door(), origin=origin, sec_fetch_site=site).status == (200 if through else 403)


@settings(max_examples=200, deadline=None)
@given(st.one_of(st.text(st.characters(min_codepoint=32, max_codepoint=255), max_size=80), st.binary().map(repr)))
def test_no_made_up_cookie_gets_through(text: str) -> None:
    door = Door()
    name = door.sessions.cookie
    for value in (text, f"{name}={text}", f"{name}={text}.{text}", f'{name}="{door.sessions.begin()}x"; {text}'):
        assert door.ask(headers=[("cookie", value)]).status == 401
    assert door.seen == []


@settings(max_examples=100, deadline=None)
@given(st.integers(0, 200), st.characters(min_codepoint=33, max_codepoint=126))
def test_a_cookie_with_one_other_character_is_nobodys(at: int, character: str) -> None:
    sessions = Sessions(PORT)
    value = sessions.begin()
    at %= len(value)
    changed = value[:at] + character + value[at + 1 :]
    assert bool(sessions.session_in([f"{sessions.cookie}={changed}"])) is (changed == value)


def test_a_session_of_another_start_is_nobodys() -> None:
    before, now = Sessions(PORT), Sessions(PORT)
    assert now.session_in([f"{now.cookie}={before.begin()}"]) == ""
    assert Sessions(PORT).cookie != Sessions(PORT + 1).cookie


@settings(max_examples=200, deadline=None)
@given(st.text(max_size=120))
def test_no_made_up_form_token_gets_through(text: str) -> None:
    door = Door()
    assert posted(door, csrf=text).status in (400, 403)
    assert door.seen == []


def test_the_token_of_another_session_does_not_do() -> None:
    door = Door()
    mine, other = door.cookie(), door.cookie()
    assert posted(door, cookie=mine, csrf=door.form_token(other)).status == 403
    assert posted(door, cookie=mine, csrf=None).status == 403
    assert posted(door, cookie="", csrf=door.form_token(mine)).status == 401
    zeros = base64.urlsafe_b64encode(bytes(64)).decode()
    assert posted(door, cookie=mine, csrf=zeros).status == 403


def test_a_form_token_looks_different_each_time() -> None:
    sessions = Sessions(PORT)
    session = sessions.session_in([f"{sessions.cookie}={sessions.begin()}"])
    tokens = {sessions.form_token(session) for _ in range(50)}
    assert len(tokens) == 50
    assert len({token[-6:] for token in tokens}) == 50
    assert all(sessions.allows(session, token) for token in tokens)
    assert not sessions.allows("", sessions.form_token(""))


def test_the_token_becomes_a_cookie_and_leaves_the_address() -> None:
    door = Door()
    answer = door.ask(target=f"/models?text=a%26b&token={TOKEN}&page=2")
    assert (answer.status, answer.headers["location"]) == (303, "/models?text=a%26b&page=2")
    value, *attributes = answer.headers["set-cookie"].split("; ")
    assert attributes == ["Path=/", "HttpOnly", "SameSite=Strict"]
    assert TOKEN not in str(answer)
    assert door.seen == []
    assert door.ask(headers=[("cookie", value)]).status == 200
    assert door.ask(target="/?token=old", headers=[("cookie", value)]).headers["location"] == "/"
    assert door.told == []


def test_a_cookie_behind_tls_goes_nowhere_else() -> None:
    answer = Door().ask(target=f"/?token={TOKEN}", headers=[("x-forwarded-proto", "https")])
    assert answer.headers["set-cookie"].endswith("; SameSite=Strict; Secure")


@settings(max_examples=100, deadline=None)
@given(st.text(st.characters(min_codepoint=32, max_codepoint=0x2FF), max_size=60).filter(lambda text: text != TOKEN))
def test_no_other_token_lets_in(text: str) -> None:
    door = Door()
    answer = door.ask(target="/?" + urlencode({"token": text}))
    assert answer.status == (400 if "\x7f" in text else 401)
    assert "set-cookie" not in answer.headers
    assert "\x7f" in text or b"link that the terminal printed" in answer.body


def test_a_token_for_once_lets_in_once() -> None:
    door = Door()
    once = door.sessions.once()
    assert [door.ask(target=f"/?token={once}").status for _ in range(3)] == [303, 401, 401]
    assert door.ask(target=f"/?token={TOKEN}").status == 303
    assert door.ask("POST", f"/fetch?token={TOKEN}", [("origin", ORIGIN), ("content-type", FORM)]).status == 401


@pytest.mark.parametrize(
    "target", [f"//evil.example/?token={TOKEN}", f"/\\evil.example?token={TOKEN}", f"http://evil/?token={TOKEN}"]
)
def test_the_way_on_is_never_elsewhere(target: str) -> None:
    answer = Door().ask(target=target)
    assert answer.status == 400
    assert not {"location", "set-cookie"} & set(answer.headers)


def test_a_link_of_another_site_is_asked_for_once_more_by_ourselves() -> None:
    door = Door()
    tab = [("sec-fetch-mode", "navigate"), ("sec-fetch-dest", "document")]
    answer = door.ask(target="/m/churn?a=1", headers=[*tab, ("sec-fetch-site", "cross-site")])
    assert (answer.status, answer.headers["refresh"]) == (401, "0;url=/m/churn?a=1")
    answer = door.ask(target="/m/churn", headers=[*tab, ("sec-fetch-site", "same-origin")])
    assert (answer.status, "refresh" in answer.headers) == (401, False)
    assert door.ask(headers=[("cookie", door.cookie()), *tab, ("sec-fetch-site", "cross-site")]).status == 200


@pytest.mark.parametrize("site", ["cross-site", "same-site", "of-the-future"])
@pytest.mark.parametrize(
    ("mode", "place"),
    [("no-cors", "image"), ("cors", "empty"), ("navigate", "iframe"), ("no-cors", "script"), ("navigate", None)],
)
def test_nothing_of_ours_is_embedded_elsewhere(site: str, mode: str, place: str | None) -> None:
    door = Door(read_only=True)
    given_headers = [
        ("sec-fetch-site", site),
        ("sec-fetch-mode", mode),
        *([("sec-fetch-dest", place)] if place else []),
    ]
    assert door.ask(headers=given_headers).status == 403
    assert door.seen == []


@pytest.mark.parametrize("method", ["OPTIONS", "TRACE", "PUT", "DELETE", "PATCH", "CONNECT", "PROPFIND", "get", ""])
def test_other_methods_are_refused(method: str) -> None:
    door = Door()
    answer = door.ask(method, headers=[("cookie", door.cookie()), ("origin", ORIGIN)])
    assert (answer.status, answer.headers["allow"]) == (405, "GET, HEAD, POST")
    assert door.seen == []
    assert not any(name.startswith("access-control") for name in answer.headers)


def test_read_only_takes_no_form_and_knows_no_session() -> None:
    door = Door(read_only=True)
    assert posted(door).status == 405
    assert door.ask(target=f"/models?token={TOKEN}").status == 200
    assert [seen[0] for seen in door.seen] == ["GET"]


def test_files_of_the_program_need_no_session() -> None:
    door = Door()
    answer = door.ask(target="/static/app.css")
    assert (answer.status, answer.headers["cache-control"]) == (200, "public")
    assert posted(door).status == 200
    assert door.ask("POST", "/static/app.css").status == 403  # no Origin


@pytest.mark.parametrize(
    "target",
    [
        "/%",
        "/%4",
        "/%zz",
        "/%00",
        "/m/a%0d%0ab",
        "/%ff",
        "/%c0%af",
        "/\\x",
        "/a#b",
        "*",
        "",
        "/m?name=%00",
        "/m?name=%ff",
        "/m/\x7f",
    ],
)
def test_addresses_that_mean_no_one_thing_are_refused(target: str) -> None:
    door = Door(read_only=True)
    assert door.ask(target=target).status == 400
    assert door.seen == []


@pytest.mark.parametrize("target", ["/m/..%2f..%2fetc", "/m/a%2Fb", "/m/%E2%80%AE", "/m/a%25zz", "/m/a//b", "/m/./x"])
def test_addresses_of_strange_names_get_as_far_as_the_router(target: str) -> None:
    assert Door(read_only=True).ask(target=target).status == 200


@pytest.mark.parametrize(
    ("kind", "status"),
    [
        (None, 415),
        ("text/plain", 415),
        ("multipart/form-data; boundary=x", 415),
        ("application/json", 415),
        (FORM, 200),
    ],
)
def test_only_forms_are_taken(kind: str | None, status: int) -> None:
    assert posted(Door(), content_type=kind).status == status


def test_a_long_body_is_cut_off() -> None:
    door = Door()
    cookie = door.cookie()
    headers = [("cookie", cookie), ("origin", ORIGIN), ("content-type", FORM)]
    said = door.ask("POST", "/do/assign", [*headers, ("content-length", str(LONGEST_BODY + 1))])
    unsaid = door.ask("POST", "/do/assign", headers, [b"a" * 1024] * 10_000)
    endless = door.ask("POST", "/do/assign", [*headers, ("content-length", "9" * 5000)])
    assert [said.status, unsaid.status, endless.status] == [413, 413, 413]
    assert said.headers["connection"] == "close"
    assert door.seen == []


def test_a_slow_body_is_not_waited_for() -> None:
    door = Door(patience=0.05)
    headers = [("cookie", door.cookie()), ("origin", ORIGIN), ("content-type", FORM)]
    assert door.ask("POST", "/do/assign", headers, [b"a=1&more"]).status == 408
    assert door.seen == []


@pytest.mark.parametrize("body", [b"a=%ff", b"a=\xff", b"a=%00", b"%00=a", b"a&" * 200])
def test_a_form_that_cannot_be_read_is_refused(body: bytes) -> None:
    door = Door()
    cookie = door.cookie()
    headers = [
        ("cookie", cookie),
        ("origin", ORIGIN),
        ("content-type", FORM),
        ("x-csrf-token", door.form_token(cookie)),
    ]
    assert door.ask("POST", "/do/assign", headers, [body]).status == 400
    assert door.seen == []


def test_a_defect_is_one_line_here_and_none_there() -> None:
    door = Door(read_only=True)
    answer = door.ask(target="/defect")
    assert answer.status == 500
    assert b"secret" not in answer.body
    assert HEADERS.items() <= answer.headers.items()
    [line] = door.told
    assert "RuntimeError" in line
    assert line.isprintable()


def test_a_refusal_without_a_body_for_head() -> None:
    answer = Door().ask("HEAD")
    assert (answer.status, answer.body) == (401, b"")
    assert int(answer.headers["content-length"]) > 0


def test_names_of_proxies() -> None:
    hosts = hosts_of("192.168.1.5", 8642, ["models.Example.com", "box:9000", "10.0.0.1", "::1", "[fd00::1]:80"])
    assert hosts == OURS | {
        *("192.168.1.5:8642", "models.example.com", "models.example.com:8642", "box:9000", "10.0.0.1"),
        *("10.0.0.1:8642", "[::1]", "[fd00::1]:80"),
    }
    assert "127.0.0.1" in hosts_of("127.0.0.1", 80)
    assert hosts_of("::", 8642) == hosts_of("0.0.0.0", 8642) == hosts_of("127.0.0.1", 8642) == OURS
    door = Door(names=("models.example.com",))
    assert posted(door, origin="https://models.example.com").status == 200


@pytest.mark.parametrize(
    "name", ["", "*", "*.example.com", "http://a", "a/b", "a b", "a:b", "a:123456", "é", "a..b", "-"]
)
def test_what_is_no_name_is_said(name: str) -> None:
    with pytest.raises(Invalid, match="is no name of a machine"):
        hosts_of("127.0.0.1", 8642, [name])


def test_where_any_address_is_listened_on_the_one_that_was_reached_is_ours() -> None:
    door = Door(any_address=True, read_only=True, port=9000)
    assert door.ask(host="127.0.0.1:9000").status == 200
    assert door.ask(host="192.168.7.7:9000").status == 421  # not the one that this connection came by
    assert [is_any(host) for host in ("0.0.0.0", "::", "127.0.0.1", "box")] == [True, True, False, False]
    assert [is_loopback(host) for host in ("127.0.0.1", "::1", "127.9.9.9", "localhost", "box", "0.0.0.0")] == (
        [True] * 4 + [False] * 2
    )
