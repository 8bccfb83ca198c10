"""Finds mirrors by name. One line per mirror; none is imported before it is used."""

from __future__ import annotations

import importlib
import inspect
from collections.abc import Mapping
from typing import cast

from model_stage_deploy.mirrors.contract import Mirror

MIRRORS: Mapping[str, str] = {"mlflow": "model_stage_deploy.mirrors.mlflow:MlflowMirror"}
"""Names as in `mirrors: [{uses: NAME}]` of the mapping."""


def load(name: str) -> type[Mirror]:
    """The class of a mirror. `name` is a key of MIRRORS; the mapping's shape allows no other."""
    module, _, attribute = MIRRORS[name].partition(":")
    return cast("type[Mirror]", getattr(importlib.import_module(module), attribute))


def build(mirror: type[Mirror], ports: Mapping[str, object]) -> Mirror:
    """An instance, given just those of `ports` that its constructor names."""
    parameters = inspect.signature(mirror).parameters.values()
    return mirror(**{one.name: ports[one.name] for one in parameters if one.kind is one.POSITIONAL_OR_KEYWORD})
