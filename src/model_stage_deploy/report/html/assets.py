"""The files beside the pages (static/): their content, their kind, and an address that changes when they do."""

from __future__ import annotations

import hashlib
from functools import cache
from pathlib import Path
from typing import NamedTuple

_STATIC = Path(__file__).with_name("static")
KINDS = {
    ".css": "text/css; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".svg": "image/svg+xml",
    ".txt": "text/plain; charset=utf-8",
}
"""Content types by suffix; a file of another kind is no asset."""


class Asset(NamedTuple):
    """One file: its name, content type, content, and the start of its SHA-256."""

    name: str
    kind: str
    content: bytes
    digest: str


@cache
def assets() -> dict[str, Asset]:
    """Every asset by its name. They are small, and read once."""
    files = sorted(path for path in _STATIC.iterdir() if path.suffix in KINDS)
    return {path.name: _read(path) for path in files}


def versioned(name: str) -> str:
    """The name with its digest, as the end of an address: `app.css?v=1a2b3c`. Raises KeyError for no such file."""
    return f"{name}?v={assets()[name].digest}"


def _read(path: Path) -> Asset:
    content = path.read_bytes()
    return Asset(path.name, KINDS[path.suffix], content, hashlib.sha256(content).hexdigest()[:12])
