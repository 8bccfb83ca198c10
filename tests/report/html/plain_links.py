"""Links that lead to plain places, and what surrounds a page."""

from __future__ import annotations

from typing import Any
from urllib.parse import quote

from model_stage_deploy.core.dashboard import Query
from model_stage_deploy.report.html.assets import versioned
from model_stage_deploy.report.html.chrome import Chrome


class PlainLinks:
    """Links to files beside the page; `writable` ones offer every dialog."""

    def __init__(self, *, writable: bool = True) -> None:
        self.writable = writable

    def models(self, query: Query = Query()) -> str:  # noqa: B008 - a NamedTuple, never changed
        """The table."""
        asked = {name: value for name, value in query._asdict().items() if value != Query._field_defaults[name]}
        told = "&".join(f"{name}={quote(str(value), safe='')}" for name, value in asked.items())
        return f"models.html?{told}" if told else "models.html"

    def states(self, names: tuple[str, ...]) -> str:
        """What fills in the states."""
        return "/states?" + "&".join(f"name={quote(name, safe='')}" for name in names)

    def model(self, name: str, part: str = "") -> str:
        """A model."""
        return f"model.html?name={quote(name, safe='')}" + (f"#{part}" if part else "")

    def asset(self, file: str) -> str:
        """An asset."""
        return versioned(file)

    def dialog(self, what: str, model: str = "", stage: str = "", version: str = "") -> str:
        """A dialog."""
        told = "&".join(
            f"{key}={quote(value, safe='')}"
            for key, value in {"model": model, "stage": stage, "version": version}.items()
            if value
        )
        return f"/do/{what}?{told}" if self.writable else ""

    def commit(self, commit: str) -> str:
        """A commit."""
        return f"https://git.example.com/c/{quote(commit, safe='')}"


def chrome(**changes: Any) -> Chrome:
    """What surrounds a page that may change things."""
    plain = Chrome("example/models", PlainLinks(), program="model-stage-deploy 1.0.0", csrf="c" * 40)
    return plain._replace(**changes)
