"""Hostile texts, kept as data in tests/data/hostile."""

from __future__ import annotations

import json
from functools import lru_cache
from pathlib import Path
from typing import Any

_DIRECTORY = Path(__file__).parents[1] / "data" / "hostile"
_LONG = "L" * 4096
SENTINEL = "SENTINEL"


def values() -> dict[str, str]:
    """Texts that want to act, by name."""
    found: dict[str, str] = _read("values")["values"]
    return found


def secrets() -> dict[str, str]:
    """Secret values, by name."""
    found: dict[str, str] = _read("secrets")["secrets"]
    return found


def tags() -> list[str]:
    """Names of tags that nobody should have."""
    return [_LONG if tag == "LONG" else tag for tag in _read("tags")["tags"]]


@lru_cache
def _read(name: str) -> Any:
    return json.loads((_DIRECTORY / f"{name}.json").read_text(encoding="utf-8"))
