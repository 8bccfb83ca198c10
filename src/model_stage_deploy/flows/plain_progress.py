"""Progress where nobody watches: nothing is drawn. What is told is told by whoever calls."""

from __future__ import annotations

from collections.abc import Sequence

from model_stage_deploy.core.targets import TargetResult, Wave


class NoProgress:
    """Fulfils the Progress port, and shows nothing."""

    def begin(self, what: str, waves: Sequence[Wave]) -> None:
        """Nothing."""

    def wave(self, wave: Wave) -> None:
        """Nothing."""

    def started(self, target: str) -> None:
        """Nothing."""

    def ended(self, result: TargetResult) -> None:
        """Nothing."""

    def note(self, text: str) -> None:
        """Nothing."""

    def end(self) -> None:
        """Nothing."""
