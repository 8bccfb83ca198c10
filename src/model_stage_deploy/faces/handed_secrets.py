"""Secrets that are handed over as one text, for callers that cannot name each: lines NAME=VALUE, or a JSON object.

A reusable workflow is one: it does not know what the secrets of its callers are called.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from typing import Any

from model_stage_deploy.core.errors import Invalid
from model_stage_deploy.core.mapping_shape import ENV_NAME
from model_stage_deploy.core.reasons import Reason
from model_stage_deploy.core.redaction import Secret

_NAME = re.compile(ENV_NAME)
_HINT = (
    'write one NAME=VALUE a line; a value of several lines goes into a JSON object, {"NAME": "VALUE"}, '
    "in which toJSON(secrets.NAME) is a value"
)


def handed_secrets(given: Secret | None) -> dict[str, str]:
    """Name -> value. A name whose value is empty is left out: that is what GitHub puts for a secret that is not set.

    No message holds any of the text. Raises Invalid (usage) for what is neither lines nor an object, a name that is no
    variable's, and a name that comes twice.
    """
    text = given.reveal() if given is not None else ""
    pairs = _from_json(text) if text.lstrip().startswith("{") else _from_lines(text)
    found: dict[str, str] = {}
    for name, value in pairs:
        if name in found:
            raise _wrong("a name comes twice")
        found[name] = value
    return {name: value for name, value in found.items() if value}


def _from_lines(text: str) -> Iterable[tuple[str, str]]:
    for number, line in enumerate(text.split("\n"), start=1):
        written = line.removesuffix("\r").lstrip(" \t")
        if not written or written.startswith("#"):
            continue
        name, equals, value = written.partition("=")
        if not equals or not _NAME.fullmatch(name):
            raise _wrong(f"line {number} is not NAME=VALUE")
        yield name, value


def _from_json(text: str) -> Iterable[tuple[str, str]]:
    try:
        pairs = json.loads(text, object_pairs_hook=_Pairs)
    except (ValueError, RecursionError):
        raise _wrong("it begins with { and is no JSON object") from None
    for at, (name, value) in enumerate(pairs, start=1):
        if not isinstance(value, str) or not _NAME.fullmatch(name):
            raise _wrong(f"entry {at} of the JSON object is not a name and a text")
        yield name, value


class _Pairs(list[tuple[str, Any]]):
    """An object's entries as they are written: a name that comes twice is not lost."""


def _wrong(what: str) -> Invalid:
    return Invalid(Reason.USAGE, f"the input `secrets` cannot be read: {what}", hint=_HINT)
