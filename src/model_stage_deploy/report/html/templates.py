"""The Jinja2 templates of the pages. All is escaped unless it is Markup of ours; their filters are in filters.py.

Foreign text that must be on one line goes through `inert`, longer text through `inert_lines`: escaping alone would let
characters through that change the direction of what stands around them.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import cache
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from model_stage_deploy.report.html import filters

_TEMPLATES = Path(__file__).with_name("templates")
FILTERS: Mapping[str, Callable[..., Any]] = {
    "when": filters.when,
    "inert": filters.inert,
    "inert_lines": filters.inert_lines,
    "short": filters.short,
    "version": filters.version,
    "web": filters.web,
    "host": filters.host,
    "place": filters.place,
    "state": filters.state,
    "standing": filters.standing,
    "badge": filters.badge,
    "duration": filters.duration,
    "counted": filters.counted,
    "number": filters.number,
}
"""What templates may apply to a value, by name."""


@cache
def environment() -> Environment:
    """The one environment; templates are compiled when they are first asked for, and stay so."""
    made = Environment(
        loader=FileSystemLoader(_TEMPLATES, encoding="utf-8"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        auto_reload=False,
        cache_size=-1,
    )
    made.filters.update(FILTERS)
    return made


def render(template: str, **values: Any) -> str:
    """A template with values filled in. Raises jinja2.UndefinedError where one is missing: a mistake of ours."""
    return environment().get_template(template).render(**values)
