"""MLEM's command line as a port: what it was asked, and answers as MLEM 0.4.14 was seen to give them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import NamedTuple

from model_stage_deploy.ports import Command, Finished


class Said(NamedTuple):
    """How one command of MLEM ended."""

    exit_code: int = 0
    words: str = ""
    seconds: float = 0.1


class ScriptedMlem:
    """Fulfils ports.Process. `answers` by command (`run`, `status`, `remove`); of a list the last answer stays."""

    def __init__(self, answers: Mapping[str, Said | list[Said]]) -> None:
        self._answers = {name: list(said) if isinstance(said, list) else [said] for name, said in answers.items()}
        self.asked: list[str] = []
        self.given: list[float | None] = []

    def run(self, command: Command, output: Callable[[str], None]) -> Finished:
        """See ports.Process."""
        assert command.argv[:2] == ("mlem", "deployment")
        name = command.argv[2]
        self.asked.append(name)
        self.given.append(command.timeout)
        answers = self._answers.get(name) or [Said()]
        said = answers.pop(0) if len(answers) > 1 else answers[0]
        output(said.words)
        return Finished(said.exit_code, said.seconds, said.words)
