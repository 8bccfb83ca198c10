"""A lock as the text that stands in its commit, and back. What is none of ours is told as such, never guessed."""

from __future__ import annotations

import json
from typing import Any, Literal

from model_stage_deploy.core.locks import place_of, unreadable
from model_stage_deploy.core.stored import LockEntry

SCHEMA = "model-stage-deploy/lock/v1"
Kind = Literal["run", "freeze"]

_LARGEST = 64 * 1024  # characters
_TEXTS = ("key", "claim", "owner", "reason", "url")
_NUMBERS = ("since", "renewed", "lease")


def write_lock(entry: LockEntry) -> str:
    """The document of a lock. Its version is not in it: that is the id of the object that holds it."""
    fields = {"schema": SCHEMA, "kind": entry.kind} | {name: getattr(entry, name) for name in (*_TEXTS, *_NUMBERS)}
    return json.dumps(fields, indent=1)


def read_lock(text: str, version: str, kind: Kind, place: str) -> LockEntry:
    """The lock whose document stands in a place; one that nobody can end by accident, where it cannot be read.

    A document that is of another place, as a copied ref has, counts as unreadable too.
    """
    try:
        fields = _checked(json.loads(text) if len(text) <= _LARGEST else None, kind, place)
    except (ValueError, RecursionError) as problem:
        why = "it is no JSON" if isinstance(problem, json.JSONDecodeError) else str(problem)
        return LockEntry(
            version, kind, unreadable(place), claim="", owner="", reason=why, url="", since=0.0, renewed=0.0, lease=0.0
        )
    return LockEntry(version=version, kind=kind, **fields)


def _checked(found: Any, kind: Kind, place: str) -> dict[str, Any]:
    if not isinstance(found, dict) or found.get("schema") != SCHEMA:
        raise ValueError("it is not a lock that this version knows")
    texts: dict[str, Any] = {name: found.get(name) for name in _TEXTS}
    numbers: dict[str, Any] = {name: found.get(name) for name in _NUMBERS}
    good = all(isinstance(text, str) for text in texts.values()) and all(map(_is_number, numbers.values()))
    if not good or found.get("kind") != kind or numbers["lease"] < 0:
        raise ValueError("its fields are not those of a lock")
    if texts["key"].startswith("?") or place_of(texts["key"]) != place:
        raise ValueError("it is the lock of something else")
    return texts | {name: float(value) for name, value in numbers.items()}


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and abs(value) < 1e12  # NaN is not
