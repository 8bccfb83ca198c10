"""What became of a mirror, another registry that follows this one, in a run."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple


class Mirrored(NamedTuple):
    """One mirror in one run. `ok`: it says what is live; `changed`: it did not before. `sentence` says what was done.

    `hint` says what to do where it is not `ok`. `facts` are plain JSON values.
    """

    mirror: str
    ok: bool
    changed: bool
    sentence: str
    hint: str = ""
    facts: Mapping[str, Any] = {}

    def document(self) -> dict[str, Any]:
        """The same as JSON."""
        return {
            "mirror": self.mirror,
            "ok": self.ok,
            "changed": self.changed,
            "sentence": self.sentence,
            "hint": self.hint or None,
            "facts": dict(self.facts),
        }
