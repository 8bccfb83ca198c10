"""What a deployer reports to be live, as plain values for the outcome. Pure."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from typing import Any, NamedTuple

LARGEST = 16 * 1024
"""Bytes of JSON that the facts of one report may have; more is left out as a whole: half a secret would not be known
for one."""
_DEEPEST = 16


class Reported(NamedTuple):
    """The receipt of a deployment as the outcome tells it. `version` is "" where the deployer was told of none."""

    url: str | None = None
    version: str = ""
    facts: Mapping[str, Any] = {}

    def document(self) -> dict[str, Any]:
        """The JSON of it."""
        return {"url": self.url, "version": self.version or None, "facts": dict(self.facts)}


def plain_facts(facts: object) -> dict[str, Any]:
    """Facts as JSON can say them: what is no JSON value becomes a text. Never raises."""
    try:
        made = _plain(facts, 0) if isinstance(facts, Mapping) else {}
        size = len(json.dumps(made, allow_nan=False))
    except Exception:  # noqa: BLE001 - values of a user's own deployer, whose `__str__` may do anything
        return {"omitted": "these facts cannot be written as JSON"}
    return made if size <= LARGEST else {"omitted": f"these facts are {size} bytes of JSON, more than {LARGEST}"}


def _plain(value: Any, depth: int) -> Any:
    if depth > _DEEPEST:
        raise ValueError("too deep")
    if isinstance(value, Mapping):
        return {str(key): _plain(item, depth + 1) for key, item in value.items()}
    if isinstance(value, (list, tuple, set, frozenset)):
        return [_plain(item, depth + 1) for item in value]
    if value is None or type(value) in (str, bool, int):
        return value
    if isinstance(value, float):
        return float(value) if math.isfinite(value) else str(value)
    return str(value)
