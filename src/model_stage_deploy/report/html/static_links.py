"""Where links lead in a static report: from file to file of a folder, or from part to part of one file.

All addresses are relative, so a folder works opened from a disk, and below any path of a web server. Commits alone are
at a host, where it is known.
"""

from __future__ import annotations

import hashlib
from collections.abc import Container
from typing import NamedTuple
from urllib.parse import quote

from model_stage_deploy.core.dashboard import Query
from model_stage_deploy.report.html.assets import versioned

MODELS, MODEL_PAGES, ASSETS, BADGES = "index", "m", "assets", "badges"
"""The first page, and the folders."""
VIEWS = (
    Query(),
    Query(deprecated=True),
    Query(sort="newest", descending=True),
    Query(sort="newest", descending=True, deprecated=True),
)
"""The tables of models that are written, each with all its pages; any other query has no page."""
_VIEW_NAMES = ("index", "all", "newest", "newest-all")
_PLAIN = frozenset("abcdefghijklmnopqrstuvwxyz0123456789-_")
_WRITTEN = {"/": "~-", ".": "~.", ":": "~=", "~": "~~"}
_LONGEST = 120
# Names that Windows keeps for devices, whatever their ending.
_DEVICES = frozenset({"con", "prn", "aux", "nul"} | {f"{port}{n}" for port in ("com", "lpt") for n in range(10)})


def file_name(name: str) -> str:
    """A name as a file can have it anywhere, without an ending: two names never share one, also where case is ignored.

    Small letters, digits, `-` and `_` stay; `~` begins what stands for anything else (`A` is `~a`, `/` is `~-`). A very
    long one ends in its SHA-256.
    """
    plain = "".join(_written(character) for character in name)
    if plain in _DEVICES or not plain:
        plain = f"~0{plain}"
    if len(plain) <= _LONGEST:
        return plain
    return f"{plain[:60]}~1{hashlib.sha256(name.encode('utf-8', 'surrogatepass')).hexdigest()}"


def _written(character: str) -> str:
    if character in _PLAIN:
        return character
    if "A" <= character <= "Z":
        return f"~{character.lower()}"
    return _WRITTEN.get(character) or f"~2{ord(character):x}~"


def page_of(query: Query) -> str:
    """The file of a table of models, "" where none is written."""
    for view, name in zip(VIEWS, _VIEW_NAMES, strict=True):
        if query._replace(page=1) == view:
            return f"{name}.html" if query.page <= 1 else f"{name}-{query.page}.html"
    return ""


class FolderLinks(NamedTuple):
    """Links of a page in a folder. `here` leads to the top: "" or "../". `models_there` are those with a page.

    `commits` is where the code host shows commits, "" where nobody knows: the one address of another host.
    """

    here: str
    models_there: Container[str]
    commits: str = ""

    def models(self, query: Query = VIEWS[0]) -> str:
        """A table of models."""
        page = page_of(query)
        return self.here + page if page else ""

    def states(self, names: tuple[str, ...]) -> str:  # noqa: ARG002 - nothing is asked afterwards
        """Nothing: all is there."""
        return ""

    def model(self, name: str, part: str = "") -> str:
        """The page of a model, "" where it is not in the report."""
        if name not in self.models_there:
            return ""
        return f"{self.here}{MODEL_PAGES}/{file_name(name)}.html{'#' + quote(part) if part else ''}"

    def asset(self, file: str) -> str:
        """A file beside the pages; a changed one has another address, so that no browser shows an old one."""
        return f"{self.here}{ASSETS}/{versioned(file)}"

    def dialog(self, what: str, model: str = "", stage: str = "", version: str = "") -> str:  # noqa: ARG002
        """Nothing can be changed."""
        return ""

    def commit(self, commit: str) -> str:
        """A commit at the code host."""
        return f"{self.commits}{quote(commit)}" if self.commits else ""


class FileLinks(NamedTuple):
    """Links within one file that holds everything; ids of a model's parts begin with the model's own."""

    models_there: Container[str]
    commits: str = ""

    def models(self, query: Query = VIEWS[0]) -> str:
        """The table of models: there is one."""
        return "#models" if query == VIEWS[0] else ""

    def states(self, names: tuple[str, ...]) -> str:  # noqa: ARG002 - nothing is asked afterwards
        """Nothing: all is there."""
        return ""

    def model(self, name: str, part: str = "") -> str:
        """A model's part of the file."""
        if name not in self.models_there:
            return ""
        return f"#{quote(anchor(name, part))}"

    def asset(self, file: str) -> str:  # noqa: ARG002 - all is in the file
        """Nothing: what pages need is in the file."""
        return ""

    def dialog(self, what: str, model: str = "", stage: str = "", version: str = "") -> str:  # noqa: ARG002
        """Nothing can be changed."""
        return ""

    def commit(self, commit: str) -> str:
        """A commit at the code host."""
        return f"{self.commits}{quote(commit)}" if self.commits else ""


def anchor(name: str, part: str = "") -> str:
    """The id of a model, or of a part of it, in one file."""
    return f"m.{file_name(name)}{'.' + part if part else ''}"
