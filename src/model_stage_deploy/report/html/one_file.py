"""The pages as one HTML file with everything in it: to mail, to keep as an artifact, to open from a disk.

The table of models comes first, then every model. Without scripts they follow each other; with ours one is shown at a
time. What runs is named by its hash in the page's own Content-Security-Policy, so nothing else does.
"""

from __future__ import annotations

import base64
import hashlib
import re
from collections.abc import Iterable, Iterator

from markupsafe import Markup

from model_stage_deploy.core.dashboard import ModelPage
from model_stage_deploy.report.html.assets import assets
from model_stage_deploy.report.html.chrome import Chrome
from model_stage_deploy.report.html.pages import model_page, models_page
from model_stage_deploy.report.html.static_links import VIEWS, FileLinks, anchor
from model_stage_deploy.report.html.static_site import SCRIPT, Report
from model_stage_deploy.report.html.templates import render

_SCRIPTS = ("app.js", SCRIPT)
_CUT = "<!-- the models -->"
_MAIN = re.compile(r"<main\b[^>]*>(.*)</main>", re.DOTALL)
_TAG = re.compile(r"<[a-zA-Z][^<>]*>")
_ID = re.compile(r'(?<=\s)id="([^"]*)"')
_REFERRING = re.compile(
    r"(?<=\s)(id|for|form|list|headers|popovertarget|commandfor|href|xlink:href|clip-path|fill|mask|marker-end|"
    r'aria-(?:labelledby|describedby|controls|owns|details))="([^"]*)"'
)
_URL = re.compile(r"url\(#([^)]*)\)")


def one_file(report: Report, pages: Iterable[ModelPage]) -> Iterator[str]:
    """The file, in parts. `pages` are those of the overview's models."""
    rows = report.overview.rows
    links = FileLinks(frozenset(row.name for row in rows), report.commits)
    chrome = Chrome(report.name, links, report.program, made=report.made)
    whole = report.overview._replace(
        query=VIEWS[0]._replace(deprecated=True), matching=len(rows), deprecated=0, pages=1
    )
    style, scripts = (_inlined("app.css"), [_inlined(name) for name in _SCRIPTS])
    begun, ended = render(
        "one_file.html.j2",
        chrome=chrome._replace(policy=_policy(style, scripts), notices=report.notices),
        style=style,
        scripts=scripts,
        icon_address=_data("favicon.svg"),
        table=Markup(inside(models_page(whole, chrome))),  # noqa: S704 - made by our own templates
        cut=Markup(_CUT),  # noqa: S704
    ).split(_CUT)
    yield begun
    for page in pages:
        name = page.model.name
        yield f'<section class="page" id="{anchor(name)}" data-page>\n'
        yield '<nav class="crumbs"><a href="#models">Models</a></nav>\n'
        yield with_ids_of(anchor(name) + ".", inside(model_page(page, chrome)))
        yield "</section>\n"
    yield ended


def inside(page: str) -> str:
    """What stands in `<main>` of one of our pages."""
    found = _MAIN.search(page)
    if found is None:
        message = "a page without <main>"
        raise ValueError(message)
    return found[1]


def with_ids_of(prefix: str, html: str) -> str:
    """A part of a page of ours, with the prefix before its ids and before what refers to them.

    Our templates escape every text and quote every attribute with `"`, so a tag is whatever looks like one.
    """
    ids = {found for tag in _TAG.findall(html) for found in _ID.findall(tag)}

    def renamed(match: re.Match[str]) -> str:
        name, value = match.groups()
        if name in ("href", "xlink:href"):
            value = f"#{prefix}{value[1:]}" if value[:1] == "#" and value[1:] in ids else value
        elif name in ("clip-path", "fill", "mask", "marker-end"):
            value = _URL.sub(lambda url: f"url(#{prefix}{url[1]})" if url[1] in ids else url[0], value)
        else:
            value = " ".join(prefix + one if one in ids else one for one in value.split(" "))
        return f'{name}="{value}"'

    return _TAG.sub(lambda tag: _REFERRING.sub(renamed, tag[0]), html)


def _inlined(name: str) -> Markup:
    """A style or script of ours, to stand in the page. Its hash is of just these characters."""
    text = assets()[name].content.decode("utf-8").replace("\r\n", "\n")
    if re.search(r"</(?:style|script)|<!--", text, re.IGNORECASE):
        message = f"{name} cannot stand in a page"
        raise ValueError(message)
    return Markup(text)  # noqa: S704 - a file of this package


def _data(name: str) -> str:
    asset = assets()[name]
    return f"data:{asset.kind.split(';')[0]};base64,{base64.b64encode(asset.content).decode('ascii')}"


def _policy(style: str, scripts: Iterable[str]) -> str:
    return (
        f"default-src 'none'; script-src {' '.join(map(_hash, scripts))}; style-src {_hash(style)}; "
        "img-src data:; base-uri 'none'; form-action 'none'"
    )


def _hash(text: str) -> str:
    return f"'sha256-{base64.b64encode(hashlib.sha256(text.encode('utf-8')).digest()).decode('ascii')}'"
