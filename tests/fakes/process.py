"""A process runner that runs nothing."""

from __future__ import annotations

from collections.abc import Callable

from model_stage_deploy.ports import Command, Finished


class FakeProcess:
    """Fulfils ports.Process: says `words`, then ends as told (or raises `failure`); remembers `commands`."""

    def __init__(self, finished: Finished | None = None, words: str = "", failure: BaseException | None = None) -> None:
        self.finished = finished or Finished(0, 0.1, words)
        self.words = words
        self.failure = failure
        self.commands: list[Command] = []

    def run(self, command: Command, output: Callable[[str], None]) -> Finished:
        self.commands.append(command)
        if self.failure is not None:
            raise self.failure
        if self.words:
            output(self.words)
        return self.finished
