"""What verifiers that ask over HTTP have in common: their headers, and how a place and headers are shown."""

from __future__ import annotations

import re
from collections.abc import Mapping
from urllib.parse import urlsplit

from model_stage_deploy import __version__
from model_stage_deploy.core.inert import one_line

_QUIET = re.compile(r"auth|token|secret|key|cookie|password", re.IGNORECASE)


def place(url: str) -> str:
    """Scheme and host: paths and queries may hold secrets."""
    try:
        parts = urlsplit(url)
    except ValueError:
        return "the address"
    return one_line(f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}", 200)


def with_ours(headers: Mapping[str, str] | None, **more: str) -> dict[str, str]:
    """Headers to send: ours, where the user names none of that name. An answer from a cache would prove nothing."""
    ours = {"User-Agent": f"model-stage-deploy/{__version__}", "Cache-Control": "no-cache", **more}
    theirs = headers or {}
    named = {name.lower() for name in theirs}
    return {name: value for name, value in ours.items() if name.lower() not in named} | dict(theirs)


def shown(headers: Mapping[str, str] | None) -> list[str]:
    """Headers for a dry run, a line for each; the values of those that by their names are secrets are starred out."""
    values = {name: "***" if _QUIET.search(name) else value for name, value in (headers or {}).items()}
    return [f"  {one_line(name, 200)}: {one_line(value, len(value) + 2000)}" for name, value in values.items()]
