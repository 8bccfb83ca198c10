"""Reads the mapping file: YAML text -> a checked StageMap, or every complaint at once."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import replace
from typing import Any

from model_stage_deploy.adapters.safe_yaml import read_yaml
from model_stage_deploy.adapters.yaml_events import YamlProblem
from model_stage_deploy.core.mapping import VERBATIM, MappingInvalid, StageMap
from model_stage_deploy.core.mapping_check import check
from model_stage_deploy.core.mapping_notes import notes
from model_stage_deploy.core.mapping_places import is_text
from model_stage_deploy.core.mapping_templates import check_templates
from model_stage_deploy.core.templates import Templates


def load_mapping(
    text: bytes,
    file: str,
    known_deployers: Collection[str],
    templates: Templates | None = None,
    *,
    verbatim: frozenset[str] = VERBATIM,
) -> StageMap:
    """The mapping that `text` holds. `file` is its name, for messages.

    `known_deployers` are the names that `uses:` may give besides a file `./….py`. With `templates`, every template
    is looked at too: its syntax, and that the names it reads exist; `verbatim` are names of `with:` settings that
    are none. Raises MappingInvalid with all complaints.
    """
    try:
        document, complaints = read_yaml(text)
    except YamlProblem as problem:
        raise MappingInvalid(file, [problem.complaint]) from None
    document = document.as_texts(is_text)
    complaints += check(document, known_deployers)
    stages = StageMap(file, document)
    if templates is not None:
        complaints += check_templates(stages, templates, verbatim)
    if complaints:
        raise MappingInvalid(file, complaints)
    return replace(stages, notes=tuple(notes(stages)))


def schema() -> dict[str, Any]:
    """JSON Schema (2020-12) of the mapping file, for editors."""
    from model_stage_deploy.core.mapping_shape import schema as shape_schema

    return shape_schema()
