"""Where the server's pages lead. Every name in an address is percent-encoded; a link leads back to the same name."""

from __future__ import annotations

from collections.abc import Collection
from urllib.parse import quote, urlencode

from model_stage_deploy.core.dashboard import Query
from model_stage_deploy.report.html.assets import versioned
from model_stage_deploy.report.html.chrome import DIALOGS

_PLAIN = Query()


class ServerLinks:
    """Links of the pages, as report/html/chrome.py asks for. `commits` is where the code host has a commit: an address
    that the commit's id ends, "" for nowhere known. `offered` are the dialogs that there are.
    """

    def __init__(self, *, commits: str = "", offered: Collection[str] = DIALOGS) -> None:
        self._commits = commits
        self._offered = offered

    def models(self, query: Query = _PLAIN) -> str:
        """The table of models; only what differs from the usual is said."""
        said = {
            "text": query.text,
            "stage": query.stage,
            "type": query.type,
            "sort": query.sort if query.sort != _PLAIN.sort else "",
            "dir": "desc" if query.descending else "",
            "deprecated": "1" if query.deprecated else "",
            "page": str(query.page) if query.page > 1 else "",
        }
        return _with("/models", [(name, value) for name, value in said.items() if value])

    def states(self, names: tuple[str, ...]) -> str:
        """What fills in the deployments of these models' cells."""
        return _with("/states", [("name", name) for name in names])

    def model(self, name: str, part: str = "") -> str:
        """One model: by a path that can be read; by a query where a path cannot say it, as browsers resolve `..`."""
        path = _with("/m", [("name", name)])
        if all(segment not in ("", ".", "..") for segment in name.split("/")):
            path = f"/m/{quote(name, safe='/', errors='replace')}"
        return f"{path}#{quote(part, safe='')}" if part else path

    def asset(self, file: str) -> str:
        """A file of static/ with the digest of its content. Raises KeyError for no such file."""
        return f"/static/{versioned(file)}"

    def dialog(self, what: str, model: str = "", stage: str = "", version: str = "") -> str:
        """One of DIALOGS, "" where it is not offered."""
        if what not in self._offered:
            return ""
        given = [("model", model), ("stage", stage), ("version", version)]
        return _with(f"/do/{what}", [(name, value) for name, value in given if value])

    def commit(self, commit: str) -> str:
        """The commit at the code host, "" where that is not known."""
        return f"{self._commits}{quote(commit, safe='')}" if self._commits and commit else ""


def _with(path: str, fields: list[tuple[str, str]]) -> str:
    return f"{path}?{urlencode(fields, errors='replace', quote_via=quote, safe='')}" if fields else path
