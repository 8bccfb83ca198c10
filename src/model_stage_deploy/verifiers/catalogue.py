"""Finds verifiers by their kind. One line per verifier; none is imported before it is used."""

from __future__ import annotations

import importlib
import inspect
from collections.abc import Mapping
from typing import cast

from model_stage_deploy.verifiers.contract import Verifier

VERIFIERS: Mapping[str, str] = {
    "http": "model_stage_deploy.verifiers.http_check:Http",
    "run": "model_stage_deploy.verifiers.run:Run",
    "metric": "model_stage_deploy.verifiers.metric:Metric",
}
"""Kinds as in `verify:` of the mapping (`Check.kind`)."""


def load(kind: str) -> type[Verifier]:
    """The class of a verifier. `kind` is a key of VERIFIERS; the mapping's shape allows no other."""
    module, _, attribute = VERIFIERS[kind].partition(":")
    return cast("type[Verifier]", getattr(importlib.import_module(module), attribute))


def build(verifier: type[Verifier], ports: Mapping[str, object]) -> Verifier:
    """An instance, given just those of `ports` (process, web, clock) that its constructor names."""
    parameters = inspect.signature(verifier).parameters.values()
    return verifier(**{one.name: ports[one.name] for one in parameters if one.kind is one.POSITIONAL_OR_KEYWORD})
