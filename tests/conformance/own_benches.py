"""How to bring deployers of a user's own (tests/data/own) into the situations that test_deployers.py asks about."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

from tests.conformance.deployer_benches import SECRET, Bench, Scene
from tests.fakes.plans import a_plan

TRUSTED = Path(__file__).parents[1] / "data" / "own"


class OurBench(Bench):
    """A file with all verbs, which runs small programs by the port that it asks for."""

    def _scene(self, program: str, **settings: Any) -> Scene:
        given = {"program": program, **settings}
        return Scene("./deployers/ours.py", given, self.files, verb=self.verb, trusted=TRUSTED)

    def good(self) -> Scene:
        return self._scene("echo hello")

    def failing(self) -> Scene:
        return self._scene("echo last words; exit 9")

    def transient(self) -> Scene:
        return self._scene(f"echo x >> '{self.marks}'; echo last words; exit 75")

    def hanging(self) -> Scene:
        return self._scene("trap '' TERM; sleep 60 & sleep 60")

    def gated(self) -> Scene:
        return self._scene(f"echo hello; until [ -e '{self.gate}' ]; do sleep 0.01; done")

    def secretive(self) -> Scene:
        return self._scene('echo "$TOKEN"; exit 1', token=SECRET)

    def echoing(self, hostile: str) -> Scene:
        program = f"printf %s \"$MSD_MODEL_DESCRIPTION\" > '{self.arrived_at}'"
        return replace(self._scene(program), plan=a_plan(description=hostile))

    def telling(self) -> Scene:
        return self._scene("true")

    def silent(self) -> Scene:
        return self._scene("true", looks=False)

    def speaking(self, target: str) -> Scene:
        return replace(self._scene('echo "for $MSD_TARGET"'), plan=a_plan(target=target))


class SmallestBench(Bench):
    """A file that has `describe` and `deploy`, and nothing else."""

    asks = "nobody"

    def _scene(self, **settings: Any) -> Scene:
        return Scene("./deployers/smallest.py", settings, self.files, verb=self.verb, trusted=TRUSTED)

    def good(self) -> Scene:
        return self._scene()

    def failing(self) -> Scene:
        return self._scene(fails="for good")

    def transient(self) -> Scene:
        return self._scene(fails="for now")

    def hanging(self) -> Scene:
        return self._scene(**{"for": "/nonexistent/file"})

    def gated(self) -> Scene:
        return self._scene(**{"for": str(self.gate)})

    def secretive(self) -> Scene:
        return self._scene(token=SECRET)

    def echoing(self, hostile: str) -> Scene:
        return replace(self._scene(writes=str(self.arrived_at)), plan=a_plan(description=hostile))

    def speaking(self, target: str) -> Scene:
        return replace(self._scene(), plan=a_plan(target=target))
