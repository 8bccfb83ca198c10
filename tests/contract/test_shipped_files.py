"""What others made and we ship: unchanged, with its licence beside it. And what the pages need is in the package."""

from __future__ import annotations

import hashlib
import tomllib

import pytest

from tests.contract.generate import ROOT

STATIC = ROOT / "src/model_stage_deploy/report/html/static"
# `dist/htmx.min.js` and `LICENSE` of htmx.org 2.0.11, as npm published it: the tarball's integrity there is
# sha512-Thx/WtpeOQqSrqBCw/A1cwGJGg4UrVa3+sW0GmrM3p4gJgO89ecH4qtbnyzDDWFvBTqjnIMCgELTNt636dtamA==
PUBLISHED = {
    "htmx.min.js": "d6fdc75f204e6bdefa99b69bf1e6d4ac69b8a364f77929f45c13476b4000f717",
    "htmx.LICENSE.txt": "d3d2456f76414f2456104660ebd65aff1c04cd7966b942bdabd63f3cdb316a38",
}


@pytest.mark.parametrize("name", PUBLISHED)
def test_htmx_is_what_npm_published(name: str) -> None:
    assert hashlib.sha256((STATIC / name).read_bytes()).hexdigest() == PUBLISHED[name]


def test_nobody_elses_file_is_there_without_a_licence() -> None:
    ours = {"app.css", "app.js", "report.js", "favicon.svg"}
    assert {path.name for path in STATIC.iterdir()} - ours == set(PUBLISHED)


def test_the_image_and_the_action_do_without_the_pages_libraries() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
    names = {line.partition(">")[0] for line in project["optional-dependencies"]["web"]}
    assert names == {"starlette", "uvicorn"}
    runtime = (ROOT / "requirements/runtime.lock").read_text("utf-8")
    web = (ROOT / "requirements/web.lock").read_text("utf-8")
    assert not [name for name in names if f"\n{name}==" in runtime]
    assert [name for name in names if f"\n{name}==" not in web] == []
