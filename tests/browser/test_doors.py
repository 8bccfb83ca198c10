"""Who may read and who may write: as a browser sees it, with another site's page beside ours."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from tests.browser.conftest import Readers, Visit
from tests.browser.served import Served, serving
from tests.browser.world import World

ASSIGN = {"model": "churn", "stage": "prod", "version": "v2.2.0", "message": "not by me"}
SEND = """async ([address, fields]) => {
  const answer = await fetch(address, {method: 'POST', body: new URLSearchParams(fields)})
  await answer.text()
  return answer.status
}"""


@contextmanager
def another_site(html: str) -> Iterator[str]:
    """Some other server on this machine, which shows one page."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            body = html.encode() if self.path == "/" else b""
            self.send_response(200)
            self.send_header("Content-Type", "text/html; charset=utf-8")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            """Quiet."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, args=(0.02,))
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}/"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def form(action: str, **fields: str) -> str:
    """A page that sends a form as soon as it is shown."""
    inputs = "".join(f'<input type="hidden" name="{name}" value="{value}">' for name, value in fields.items())
    return (
        f'<!doctype html><link rel="icon" href="data:,"><title>x</title>'
        f'<form method="post" action="{action}">{inputs}</form><script>document.forms[0].submit()</script>'
    )


@pytest.mark.parametrize("address", ["/do/assign", "/do/register", "/do/lock", "/fetch"])
def test_a_form_of_another_site_changes_nothing(served: Served, world: World, visit: Visit, address: str) -> None:
    before = world.remote_tags(), world.clone.tags()
    page = visit(served.address, allowed=("status of 403", "status of 401", "status of 4"))
    with another_site(form(served.at(address), **ASSIGN)) as other, page.expect_navigation(url=served.at(address)):
        page.goto(other)
    assert "refused" in page.inner_text("body").lower() or "link" in page.inner_text("body").lower()
    assert (world.remote_tags(), world.clone.tags()) == before
    page.goto(served.at("/models"))
    assert page.get_by_role("link", name="churn", exact=True).is_visible()


def test_another_site_cannot_read_or_frame_the_page(served: Served, visit: Visit) -> None:
    page = visit(served.address, allowed=("console: error", "request to"))
    html = f"""<!doctype html><link rel="icon" href="data:,"><title>x</title>
      <iframe src="{served.at("/models")}"></iframe>
      <script>
        window.told = []
        for (const mode of ['cors', 'no-cors']) {{
          fetch('{served.at("/models")}', {{mode, credentials: 'include'}})
            .then(answer => answer.text()).then(text => told.push(text), () => told.push('refused'))
        }}
      </script>"""
    with another_site(html) as other:
        page.goto(other)
        page.wait_for_function("window.told.length === 2")
        assert "churn" not in "".join(page.evaluate("window.told"))
        assert all("churn" not in frame.content() for frame in page.frames if frame != page.main_frame)


@pytest.mark.parametrize("token", ["", "?token=wrong", "?token="])
def test_a_wrong_token_opens_nothing(looked_at: Served, visit: Visit, token: str) -> None:
    page = visit(looked_at.at(f"/models{token}"), allowed=("status of 401",))
    assert page.get_by_role("link", name="churn", exact=True).count() == 0
    assert page.context.cookies() == []


def test_the_cookie_is_for_this_server_alone_and_no_script_sees_it(looked_at: Served, visit: Visit) -> None:
    page = visit(looked_at.address)
    (cookie,) = page.context.cookies()
    assert (cookie["httpOnly"], cookie["sameSite"]) == (True, "Strict")
    assert page.evaluate("document.cookie") == ""
    assert "token" not in page.url
    assert "token=" not in page.evaluate("document.referrer")


def test_a_form_with_the_secret_of_another_session_changes_nothing(
    served: Served, world: World, readers: Readers
) -> None:
    before = world.remote_tags()
    with readers() as one, readers(allowed=("status of 403",)) as other:
        theirs = one.open(served.address)
        theirs.goto(served.at("/do/assign?model=churn&stage=prod"))
        stolen = theirs.locator("input[name=csrf]").first.get_attribute("value")
        mine = other.open(served.address)
        mine.goto(served.at("/do/lock?model=churn&stage=prod"))
        mine.evaluate(
            "stolen => document.querySelectorAll('input[name=csrf]').forEach(one => { one.value = stolen })", stolen
        )
        status = mine.evaluate(
            SEND,
            ["/do/assign", ASSIGN | {"csrf": stolen}],
        )
    assert status == 403
    assert world.remote_tags() == before


def test_read_only_shows_everything_and_has_no_form(
    lived: World, visit: Visit, tmp_path_factory: pytest.TempPathFactory
) -> None:
    world = lived.copied(tmp_path_factory.mktemp("read-only") / "world")
    before = world.remote_tags()
    with serving(world, "--read-only") as served:
        assert "token" not in served.address
        page = visit(served.address, allowed=("status of 4",))
        for path in ("/models", "/m/churn"):
            page.goto(served.at(path))
            page.wait_for_load_state("networkidle")
            assert page.get_by_text("read-only").first.is_visible()
            assert page.locator("form[method=post], [data-dialog], a[href*='/do/']").count() == 0
        for address in ("/do/assign", "/do/assign/look", "/do/lock", "/fetch"):
            status = page.evaluate(SEND, [address, ASSIGN])
            assert status in (403, 404, 405)
        page.goto(served.at("/do/assign?model=churn"))
        assert page.locator("form[method=post]").count() == 0
    assert world.remote_tags() == before
