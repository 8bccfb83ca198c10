"""Renders what a mapping says: texts of settings become values, and a failure names the setting and its line."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from model_stage_deploy.core.errors import Invalid, Mistake
from model_stage_deploy.core.mapping_document import Origin, Path, dotted
from model_stage_deploy.core.reasons import Reason
from model_stage_deploy.core.templates import TemplateProblem, Templates

_NOWHERE: Mapping[str, str] = {}
_OPTIONS: Path = ("deploy", "with")


def render_options(
    options: Mapping[str, Any],
    variables: Mapping[str, Any],
    templates: Templates,
    url_options: frozenset[str],
    *,
    verbatim: frozenset[str] = frozenset(),
    origins: Mapping[str, str] = _NOWHERE,
    at: Path = _OPTIONS,
) -> dict[str, Any]:
    """The options with every text in them rendered, however deep in mappings and lists; keys stay as they are.

    Options named in `url_options` are rendered as URLs, those in `verbatim` not at all. `origins` are those of
    StageSettings, `at` is where the options stand in them. Raises Invalid (template-error).
    """
    return {
        name: value
        if name in verbatim
        else _rendered(value, (*at, name), variables, templates, origins, url=name in url_options)
        for name, value in options.items()
    }


def render_text(
    template: str,
    variables: Mapping[str, Any],
    templates: Templates,
    *,
    at: Path,
    origins: Mapping[str, str] = _NOWHERE,
    url: bool = False,
) -> str:
    """One setting rendered, such as `environment` or `url`; `at` is its path. Raises Invalid (template-error)."""
    try:
        return templates.render(template, variables, url=url)
    except TemplateProblem as problem:
        origin = _origin(at, origins)
        where = dotted(at) + (f" ({origin})" if origin else "")
        raise Invalid(Reason.TEMPLATE_ERROR, f"{where}: {problem}", mistakes=_places(at, origin, problem)) from None


def _rendered(
    value: Any, path: Path, variables: Mapping[str, Any], templates: Templates, origins: Mapping[str, str], *, url: bool
) -> Any:
    if isinstance(value, str):
        return render_text(value, variables, templates, at=path, origins=origins, url=url)
    if isinstance(value, Mapping):
        return {
            key: _rendered(item, (*path, key), variables, templates, origins, url=url) for key, item in value.items()
        }
    if isinstance(value, (list, tuple)):
        return [
            _rendered(item, (*path, index), variables, templates, origins, url=url) for index, item in enumerate(value)
        ]
    return value


def _places(at: Path, origin: str, problem: TemplateProblem) -> tuple[Mistake, ...]:
    """The line of the setting, where it is known."""
    if not isinstance(origin, Origin):
        return ()
    return (Mistake(origin.file, origin.place.line, origin.place.column, dotted(at), f"template: {problem}"),)


def _origin(path: Path, origins: Mapping[str, str]) -> str:
    """Origin of the nearest setting at or around a path; `run` and `argv` are written right under `deploy`."""
    for length in range(len(path), 0, -1):
        found = origins.get(dotted(path[:length]))
        if found:
            return found
    if path[:2] == _OPTIONS and len(path) > 2:
        return _origin(("deploy", *path[2:]), origins)
    return ""
