"""Changing the registry: which tags say a change, and which rules refuse it. Making and pushing them is a port's.

Rules R48–R58 of docs/reference/tags.md.
"""

from __future__ import annotations

from typing import NamedTuple


class NewTag(NamedTuple):
    """An annotated tag to make: `time` in unix seconds is the tagger's, `commit` a full id."""

    name: str
    commit: str
    message: str
    time: int
