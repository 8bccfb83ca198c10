"""How to bring each built-in deployer into the situations that test_deployers.py asks about."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Literal

from model_stage_deploy.adapters.subprocesses import Subprocesses
from model_stage_deploy.adapters.system_clock import SystemClock
from model_stage_deploy.adapters.web_requests import RequestsWeb
from model_stage_deploy.core.plan import Plan
from model_stage_deploy.deployers.catalogue import build, load, options_of
from model_stage_deploy.deployers.contract import Job, Receipt
from model_stage_deploy.deployers.environment import child_environment, msd_variables
from model_stage_deploy.ports import WebRequest, WebResponse
from tests.fakes.clock import FakeClock
from tests.fakes.plans import a_plan
from tests.standins.receiver import Answer, Receiver, Stall

Verb = Literal["deploy", "undeploy"]
SECRET = "hunter2' \"correct\\horse"
GRACE = 0.5


@dataclass
class Scene:
    """One deployment or undeployment, ready to be carried out by real ports unless others are given."""

    name: str
    settings: Mapping[str, Any]
    files: Path
    plan: Plan = field(default_factory=a_plan)
    ports: Mapping[str, object] | None = None
    timeout: float = 20.0
    said: list[str] = field(default_factory=list)
    listen: Callable[[str], None] | None = None
    path: str = ""
    verb: Verb = "deploy"
    attempt: str = "try-1"
    trusted: Path | None = None
    """Where a deployer of the user's own is found."""

    @property
    def deployer(self) -> Any:
        real = {"process": Subprocesses(GRACE), "web": RequestsWeb(), "clock": SystemClock()}
        return build(load(self.name, self.trusted), {**real, **(self.ports or {})})

    @property
    def options(self) -> Any:
        return options_of(load(self.name, self.trusted), self.settings)

    def job(self) -> Job:
        values = msd_variables(self.plan, self.attempt, model_dir=self.files, action=self.verb)
        env = {**child_environment(os.environ), **values}
        env["PATH"] = f"{self.path}:{env['PATH']}"
        plan = replace(self.plan, decision=replace(self.plan.decision, action=self.verb))
        return Job(plan, self.attempt, env, self.timeout, self._heard, self.files, self.files)

    def _heard(self, text: str) -> None:
        self.said.append(text)
        if self.listen is not None:
            self.listen(text)

    def describe(self) -> list[str]:
        told: list[str] = getattr(self.deployer, _DESCRIBE[self.verb])(self.plan, self.options)
        return told

    def deploy(self) -> Receipt:
        """Carry it out, whatever it is."""
        receipt: Receipt = getattr(self.deployer, self.verb)(self.job(), self.options)
        return receipt


_DESCRIBE: Mapping[Verb, str] = {"deploy": "describe", "undeploy": "describe_undeploy"}


class Bench:
    """How to bring one deployer into each of the situations that are asked about, with either of its verbs."""

    verb: Verb = "deploy"
    asks: str = "a port"
    """What the deployer works with: `nobody` for one that asks for no port."""

    def __init__(self, tmp_path: Path) -> None:
        self.files = tmp_path / "files"
        self.files.mkdir()
        self.gate = tmp_path / "gate"
        self.marks = tmp_path / "marks"
        self.arrived_at = tmp_path / "arrived"

    def good(self) -> Scene:
        raise NotImplementedError

    def failing(self) -> Scene:
        raise NotImplementedError

    def hanging(self) -> Scene:
        raise NotImplementedError

    def gated(self) -> Scene:
        """Says something, and then ends well only once the file `gate` is there."""
        raise NotImplementedError

    def secretive(self) -> Scene:
        """Has SECRET in its settings."""
        raise NotImplementedError

    def echoing(self, hostile: str) -> Scene:
        """Carries `hostile` to the other end, where `arrived` finds it."""
        raise NotImplementedError

    def transient(self) -> Scene | None:
        """Fails in a way that passes, and leaves a mark; None where no failure of it is known to pass."""
        return None

    def telling(self) -> Scene | None:
        """Can tell what runs; None where it never can."""
        return None

    def silent(self) -> Scene:
        """Could tell what runs with other settings."""
        return self.good()

    def speaking(self, target: str) -> Scene:
        """Says its target's name, or has it (or the attempt's, which is the same) in its receipt."""
        raise NotImplementedError

    def tries(self) -> int:
        """How often something was begun since the bench was made."""
        return len(self.marks.read_text().splitlines()) if self.marks.exists() else 0

    def arrived(self) -> str:
        return self.arrived_at.read_bytes().decode()

    def close(self) -> None:
        """Nothing to end."""


class ShellBench(Bench):
    """`shell`, with small programs."""

    def _scene(self, text: str) -> Scene:
        settings = {"run": text} if self.verb == "deploy" else {"run": "exit 1", "undeploy": text}
        return Scene("shell", settings, self.files, verb=self.verb)

    def good(self) -> Scene:
        return self._scene("echo hello")

    def failing(self) -> Scene:
        return self._scene("echo last words; exit 9")

    def hanging(self) -> Scene:
        return self._scene("trap '' TERM; echo hello; sleep 60 & sleep 60; sleep 60")

    def gated(self) -> Scene:
        return self._scene(f"echo hello; until [ -e '{self.gate}' ]; do sleep 0.01; done")

    def secretive(self) -> Scene:
        settings = {"argv": ["./deploy.sh", SECRET, f"--token={SECRET}"], "undeploy": "./remove.sh"}
        return Scene("shell", settings, self.files, verb=self.verb)

    def echoing(self, hostile: str) -> Scene:
        plan = a_plan(description=hostile)
        return replace(self._scene(f"printf %s \"$MSD_MODEL_DESCRIPTION\" > '{self.arrived_at}'"), plan=plan)

    def transient(self) -> Scene:
        return self._scene(f"echo x >> '{self.marks}'; echo last words; exit 75")

    def telling(self) -> Scene:
        return Scene("shell", {"run": "exit 1", "status": "echo hello"}, self.files, verb=self.verb)

    def speaking(self, target: str) -> Scene:
        return replace(self._scene('echo "for $MSD_TARGET"'), plan=a_plan(target=target))


class MlemBench(Bench):
    """`mlem`, with a program of that name in front of PATH."""

    def __init__(self, tmp_path: Path) -> None:
        super().__init__(tmp_path)
        self.bin = tmp_path / "bin"
        self.bin.mkdir()

    def _scene(self, text: str, load_from: str = "deploy/prod", **changes: Any) -> Scene:
        program = self.bin / "mlem"
        program.write_text(f"#!{sys.executable}\nimport json, os, sys, time\nprint('hello', flush=True)\n{text}\n")
        program.chmod(0o755)
        settings = {"load": load_from, "model": "models/iris", "allow-remove": True, **changes}
        return Scene("mlem", settings, self.files, path=str(self.bin), verb=self.verb)

    def good(self) -> Scene:
        return self._scene("")

    def failing(self) -> Scene:
        return self._scene("sys.exit('last words')")

    def hanging(self) -> Scene:
        return self._scene("import signal; signal.signal(signal.SIGTERM, signal.SIG_IGN); time.sleep(60)")

    def gated(self) -> Scene:
        return self._scene(f"while not os.path.exists({str(self.gate)!r}): time.sleep(0.01)")

    def secretive(self) -> Scene:
        return self._scene("", load_from=SECRET, extra=[SECRET])

    def echoing(self, hostile: str) -> Scene:
        came = "sys.argv[-1]" if self.verb == "deploy" else "os.environ['MSD_MODEL_DESCRIPTION']"
        write = f"'status' in sys.argv or open({str(self.arrived_at)!r}, 'wb').write(os.fsencode({came}))"
        return replace(self._scene(write, extra=[hostile]), plan=a_plan(description=hostile))

    def telling(self) -> Scene:
        return self._scene("print('running')")

    def silent(self) -> Scene:
        return Scene("mlem", {"argv": ["mlem", "deploy"]}, self.files, verb=self.verb)

    def speaking(self, target: str) -> Scene:
        return replace(self._scene("print('for', os.environ['MSD_TARGET'])"), plan=a_plan(target=target))


class PresetBench(Bench):
    """`preset`, with a program `kubectl` in front of PATH; what it does with each tool is for tests/deployers."""

    def __init__(self, tmp_path: Path) -> None:
        super().__init__(tmp_path)
        self.bin = tmp_path / "bin"
        self.bin.mkdir()

    def _scene(self, text: str, uri: str = "s3://models/churn") -> Scene:
        program = self.bin / "kubectl"
        program.write_text(f"#!{sys.executable}\nimport os, sys, time\nprint('hello', flush=True)\n{text}\n")
        program.chmod(0o755)
        settings: dict[str, Any] = {"name": "seldon", "model": "churn", "uri": uri}
        if self.verb == "undeploy":
            settings = {"name": "kserve", "inferenceservice": "churn", "uri": uri, "allow-delete": True}
        return Scene("preset", settings, self.files, path=str(self.bin), verb=self.verb)

    def good(self) -> Scene:
        return self._scene("")

    def failing(self) -> Scene:
        return self._scene("sys.exit('last words')")

    def hanging(self) -> Scene:
        return self._scene("import signal; signal.signal(signal.SIGTERM, signal.SIG_IGN); time.sleep(60)")

    def gated(self) -> Scene:
        return self._scene(f"while not os.path.exists({str(self.gate)!r}): time.sleep(0.01)")

    def secretive(self) -> Scene:
        return self._scene("", uri=SECRET)

    def echoing(self, hostile: str) -> Scene:
        write = f"open({str(self.arrived_at)!r}, 'wb').write(os.fsencode(os.environ['MSD_MODEL_DESCRIPTION']))"
        return replace(self._scene(write), plan=a_plan(description=hostile))

    def transient(self) -> Scene:
        return self._scene(f"open({str(self.marks)!r}, 'a').write('x\\n'); print('last words'); sys.exit(75)")

    def telling(self) -> Scene:
        return self._scene("print('True')")

    def silent(self) -> Scene:
        return Scene("preset", {"name": "modal", "app": "app.py", "deployment": "churn"}, self.files, verb=self.verb)

    def speaking(self, target: str) -> Scene:
        return replace(self._scene("print('for', os.environ['MSD_TARGET'])"), plan=a_plan(target=target))


class _GatedWeb:
    """Takes the work, and says then that it is done if the gate is open."""

    def __init__(self, gate: Path) -> None:
        self._gate = gate
        self._first = True

    def send(self, request: WebRequest) -> WebResponse:
        first, self._first = self._first, False
        if first:
            return WebResponse(202, {"location": "/operations/1"}, b"")
        return WebResponse(200, {}, b'{"status": "succeeded"}' if self._gate.exists() else b'{"status": "failed"}')


class WebhookBench(Bench):
    """`webhook`, with a receiver on loopback."""

    def __init__(self, tmp_path: Path) -> None:
        super().__init__(tmp_path)
        self.receiver = Receiver().__enter__()

    def _scene(self, **settings: Any) -> Scene:
        return Scene("webhook", {"url": self.receiver.url + "/hook", **settings}, self.files, verb=self.verb)

    def good(self) -> Scene:
        return self._scene()

    def failing(self) -> Scene:
        self.receiver.behave(Answer(422, b"last words"))
        return self._scene()

    def hanging(self) -> Scene:
        self.receiver.behave(Stall(60))
        return self._scene()

    def gated(self) -> Scene:
        return replace(self._scene(), ports={"web": _GatedWeb(self.gate), "clock": FakeClock()})

    def secretive(self) -> Scene:
        body = {"a": [SECRET]}
        return self._scene(
            signature="github", secret=SECRET, headers={"X-Odd": f"a {SECRET}"}, body=body, **{"undeploy-body": body}
        )

    def echoing(self, hostile: str) -> Scene:
        return replace(self._scene(), plan=a_plan(description=hostile))

    def transient(self) -> Scene:
        self.receiver.behave(Answer(503, b"last words", {"Retry-After": "7"}))
        return self._scene()

    def telling(self) -> Scene:
        self.receiver.behave(Answer(200, b'{"state": "running", "version": "v3.1.0"}'))
        return self._scene(status={"url": self.receiver.url + "/status"})

    def speaking(self, target: str) -> Scene:
        return replace(self._scene(), plan=a_plan(target=target))

    def tries(self) -> int:
        return sum(request.method != "GET" for request in self.receiver.requests)

    def arrived(self) -> str:
        return str(self.receiver.requests[-1].json["model"]["description"])

    def close(self) -> None:
        self.receiver.__exit__(None, None, None)


BENCHES: Mapping[str, type[Bench]] = {
    "shell": ShellBench,
    "webhook": WebhookBench,
    "mlem": MlemBench,
    "preset": PresetBench,
}
