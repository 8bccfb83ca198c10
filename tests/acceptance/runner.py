"""Runs a real workflow as GitHub would: `act` drives jobs and container actions on a real engine.

What `act` (0.2.89) does here, seen by trying:

- With `--local-repository org/name@ref=DIR` a `uses:` of that name is read from DIR; nothing is fetched. The
  image of a container action is then built from *all* of DIR (`.gitignore` and `.dockerignore` reach the engine
  as files only), under one fixed name, and again on each run: with the engine's layer cache that takes a second.
- With `--no-skip-checkout` the workspace starts empty and `actions/checkout` is an action like any other, so a
  job without it has no checkout. The workspace is a volume shared by the job's containers, at the path that the
  user's repository has on this machine (`/github/workspace` on GitHub).
- `GITHUB_API_URL` and `GITHUB_SERVER_URL` given by `--env` reach contexts and containers alike. `SHA_REF` given
  so is the way to set `GITHUB_SHA`: from the event alone it would be the tag object (`after`), which it is not
  on GitHub. `GITHUB_REF` comes from the event.
- Container actions share the job's network; with `--network host` both reach this machine's loopback.
- `--json` logs every line with its step, and the outputs, summaries and commands as data of their own.
- Without `--insecure-secrets` it stars secrets in its log by itself, and would cover for an action that does not.
- Beside `INPUT_…` variables, a container action sees its inputs once more under their bare names.
"""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.acceptance.engine import Engine, engine_at
from tests.standins.registries import isolated_environment

# The name that act gives to the image of `org/model-stage-deploy@v1`.
ACTION_IMAGE = "act-org-model-stage-deploy-v1-dockeraction:latest"
JOB_IMAGE = os.environ.get("MSD_RUNNER_IMAGE", "localhost/act-runner:latest")


def engine() -> Engine | None:
    """The container engine that answers at DOCKER_HOST or at Docker's usual socket, if one does."""
    return engine_at(os.environ.get("DOCKER_HOST") or "unix:///var/run/docker.sock")


def act() -> Path | None:
    """The `act` program beside this Python, or on PATH, if there is one."""
    found = shutil.which("act", path=str(Path(sys.executable).parent)) or shutil.which("act")
    return Path(found) if found else None


def published(root: Path, to: Path) -> Path:
    """Copies into `to` what the checkout `root` would publish: everything that git does not ignore."""
    listing = subprocess.run(
        ["git", "-c", "safe.directory=*", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        cwd=root,
        env=isolated_environment(to),
        check=True,
        capture_output=True,
    )
    for name in filter(None, os.fsdecode(listing.stdout).split("\0")):
        source = root / name
        if source.is_file():
            (to / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(source, to / name)
    return to


@dataclass(frozen=True)
class Step:
    """What one step of a job did, as the runner saw it."""

    outcome: str  # "success", "failure", …; empty where it was skipped
    lines: tuple[str, ...]
    outputs: Mapping[str, str]
    summary: str
    commands: tuple[tuple[str, Mapping[str, str], str], ...]  # (command, properties, text)


@dataclass(frozen=True)
class Run:
    """A finished workflow run: the steps by their `id:`, or by number where they have none."""

    returncode: int
    steps: Mapping[str, Step]
    log: str  # what a person would read in the log, were secrets not starred there

    @property
    def succeeded(self) -> bool:
        """Whether every job ended well."""
        return self.returncode == 0


@dataclass(frozen=True)
class Runner:
    """Runs workflows, each in a throw-away home, with the given actions in place of those on GitHub.

    `actions` maps `owner/name@ref` to a directory.
    """

    program: Path
    engine: Engine
    scratch: Path
    actions: Mapping[str, Path]

    def run(
        self,
        event_name: str,
        event: Mapping[str, Any],
        *,
        workflow: str,
        commit: str,
        secrets: Mapping[str, str],
        env: Mapping[str, str] | None = None,
        timeout: float = 300,
    ) -> Run:
        """Runs the text `workflow` for an event whose GITHUB_SHA is `commit`; waits `timeout` seconds at most.

        `env` goes to every step, as the runner's own variables do.

        Raises AssertionError when the run takes longer; it and its containers are ended then.
        """
        # Containers are named after the workflow: its own name keeps runs on one machine apart.
        name = f"run-{uuid.uuid4().hex[:12]}"
        place = self.scratch / name
        (place / "workflows").mkdir(parents=True)
        (place / "workspace").mkdir()
        (place / "home").mkdir()
        (place / "workflows/workflow.yml").write_text(f"name: {name}\n{_without_name(workflow)}", "utf-8")
        (place / "event.json").write_text(json.dumps(event), "utf-8")
        command = [
            *(str(self.program), event_name, "--json", "--rm", "--pull=false", "--no-cache-server"),
            *("--no-skip-checkout", "--insecure-secrets", "--network", "host"),
            *("--container-daemon-socket", "-"),
            *("--directory", str(place / "workspace"), "--workflows", str(place / "workflows")),
            *("--eventpath", str(place / "event.json"), "--platform", f"ubuntu-latest={JOB_IMAGE}"),
        ]
        for action, directory in self.actions.items():
            command += ["--local-repository", f"{action}={directory}"]
        for key, value in {**(env or {}), "SHA_REF": commit}.items():
            command += ["--env", f"{key}={value}"]
        for key in secrets:
            command += ["--secret", key]  # the value comes from act's environment
        own = {
            "PATH": os.environ.get("PATH", os.defpath),
            "HOME": str(place / "home"),
            "XDG_CACHE_HOME": str(place / "home/.cache"),
            "DOCKER_HOST": self.engine.address,
        }
        try:
            returncode, output = _run_to_the_end(command, {**own, **secrets}, timeout)
        finally:
            self.engine.clear(f"act-{name}")
        return Run(returncode, *_read(output))


def _without_name(workflow: str) -> str:
    """A workflow's text without its `name:` line, so that it can be given another."""
    return "".join(line for line in workflow.splitlines(keepends=True) if not line.startswith("name:"))


def _run_to_the_end(command: Sequence[str], env: Mapping[str, str], timeout: float) -> tuple[int, str]:
    """Runs a command in a process group of its own, which is gone when this returns."""
    with subprocess.Popen(
        command, env=env, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, start_new_session=True
    ) as process:
        try:
            output, _ = process.communicate(timeout=timeout)
        except subprocess.TimeoutExpired as late:
            os.killpg(process.pid, signal.SIGKILL)
            tail = process.communicate()[0][-4000:].decode(errors="replace")
            raise AssertionError(f"the workflow was still running after {timeout:g} s:\n{tail}") from late
        finally:
            if process.poll() is None:
                os.killpg(process.pid, signal.SIGKILL)
    return process.returncode, output.decode(errors="replace")


class _Record:
    """A step while its lines are still being gathered."""

    def __init__(self) -> None:
        self.outcome = ""
        self.lines: list[str] = []
        self.outputs: dict[str, str] = {}
        self.summary = ""
        self.commands: list[tuple[str, Mapping[str, str], str]] = []

    def take(self, entry: Mapping[str, Any]) -> None:
        command = entry.get("command")
        if command == "set-output":
            self.outputs[entry["name"]] = entry["arg"]
        elif command == "summary":
            self.summary += entry["content"]
        elif command:
            self.commands.append((command, entry.get("kvPairs") or {}, entry.get("arg", "")))
        elif entry.get("raw_output"):
            self.lines.append(entry["msg"].removesuffix("\n"))
        if entry.get("stage") == "Main":
            self.outcome = entry.get("stepResult", self.outcome)

    def step(self) -> Step:
        return Step(self.outcome, tuple(self.lines), self.outputs, self.summary, tuple(self.commands))


def _read(output: str) -> tuple[dict[str, Step], str]:
    """The steps and the readable log in act's JSON lines; lines that are not JSON are kept as they are."""
    steps: dict[str, _Record] = {}
    log = []
    for line in output.splitlines():
        try:
            entry = json.loads(line)
        except ValueError:
            entry = {"msg": line}
        log.append(str(entry.get("msg", "")).rstrip("\n"))
        if ids := entry.get("stepID"):
            steps.setdefault(ids[0], _Record()).take(entry)
    return {name: record.step() for name, record in steps.items()}, "\n".join(log)
