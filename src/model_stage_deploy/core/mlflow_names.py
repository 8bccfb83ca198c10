"""What MLflow's model registry allows for names, aliases, stages and addresses. Pure; measured on MLflow 2.22 and 3.17.

Each `wrong_…` gives "" for what MLflow takes, else why not, as the end of a sentence.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from urllib.parse import SplitResult, urlsplit

STAGES = ("None", "Staging", "Production", "Archived")
"""MLflow's stages: fixed, and deprecated since MLflow 2.9. GTO's are free text, so a mapping says which is which."""
_ALIAS = re.compile(r"[\w-]+")
_NUMBERED = re.compile(r"v[0-9]+", re.IGNORECASE)
_LONGEST_ALIAS = 255


def wrong_alias(alias: str) -> str:
    """Why a text cannot be an alias."""
    if not _ALIAS.fullmatch(alias):
        return "may hold only letters, digits, `_` and `-`"
    if len(alias) > _LONGEST_ALIAS:
        return f"is longer than {_LONGEST_ALIAS} characters"
    if alias.lower() == "latest" or _NUMBERED.fullmatch(alias):
        return "is reserved by MLflow (`latest`, and `v` with a number)"
    return ""


def wrong_model(name: str) -> str:
    """Why a text cannot be the name of a registered model."""
    if not name.strip():
        return "is empty"
    if "/" in name or ":" in name:
        return "holds `/` or `:`"
    if not name.isprintable():
        return "holds a character that cannot be shown"
    return ""


def wrong_number(version: str) -> str:
    """Why a text cannot be the number of a version, which MLflow counts from 1."""
    return "" if re.fullmatch(r"[1-9][0-9]{0,17}", version) else "is no number, as MLflow's versions are: 1, 2, 3"


def wrong_uri(uri: str) -> str:
    """Why a text is no address of a tracking server. The text is not quoted: it may hold a secret."""
    text = uri.strip()
    try:
        parts = urlsplit(text)
        _port = parts.port
    except ValueError:
        return "has no valid host or port"
    return next((why for is_wrong, why in _wrongs(text, parts) if is_wrong), "")


def _wrongs(text: str, parts: SplitResult) -> Iterator[tuple[bool, str]]:
    yield bool(re.search(r"[\x00-\x20\x7f\\]", text)), "holds a space, a control character or a backslash"
    yield (
        parts.scheme not in ("http", "https"),
        "must begin with https:// or http://: only a tracking server is spoken to, by its REST API",
    )
    yield not parts.hostname, "names no host"
    yield (
        "@" in parts.netloc,
        "must not hold a user name or password; set MLFLOW_TRACKING_USERNAME and MLFLOW_TRACKING_PASSWORD",
    )
    yield bool(parts.query or parts.fragment), "must hold no `?` and no `#`"
