"""Tells the demo's story: each command is run as a process, with its real output and its real exit code."""

from __future__ import annotations

import base64
import io
import os
import secrets
import shlex
import subprocess
import sys
import textwrap
import time
from collections.abc import Sequence
from contextlib import redirect_stdout
from dataclasses import dataclass, field
from pathlib import Path

from model_stage_deploy import Registry
from model_stage_deploy.core.lifecycle import now_running
from model_stage_deploy.demo.chapters import (
    CHAPTERS,
    SHORT_SOAK,
    SOAK,
    UNLOADABLE,
    Chapter,
    Run,
    Say,
    Soak,
    Step,
    Train,
    Wait,
)
from model_stage_deploy.demo.kept import log_of, mark, place_of
from model_stage_deploy.demo.past import BEGAN, Dated, live_through
from model_stage_deploy.demo.receiver import Receiver
from model_stage_deploy.demo.repository import ENVIRONMENTS, Repository, environment, staging_file
from model_stage_deploy.report.columns import columns

_WIDTH = 100
_OPENING = """\
A model called churn, in a new repository with a remote: {directory}
Two servers on this machine play staging and production. Every command below is really run.

Before a version gets to production, its mapping asks that it
  - was deployed to staging and verified there, and was good there for {soak};
  - has an accuracy of 0.9 or more, and an AUC that is not much worse than that of the version that is live.
What is deployed is asked which version it serves. If it does not serve, the one before comes back.
"""


def new_secret() -> str:
    """What the demo's production is signed for."""
    return "whsec_" + base64.b64encode(secrets.token_bytes(32)).decode("ascii")


def tell(*, keep: str = "", replace: bool = False, chapters: Sequence[Chapter] = CHAPTERS, quiet: bool = False) -> int:
    """Tell the chapters; 0 if each command ended as it must, and what serves is what is recorded and decided.

    `keep` names a directory in which the registry stays; with `replace` an earlier demo's there goes. `quiet` does it
    all and tells nothing. Raises Invalid (usage) where the directory is not empty otherwise, MachineryFailed
    (git-failed, log-failed).
    """
    if quiet:
        with redirect_stdout(io.StringIO()):
            return _tell(keep, chapters, replace=replace, stream=subprocess.DEVNULL)
    return _tell(keep, chapters, replace=replace, stream=None)


def _tell(keep: str, chapters: Sequence[Chapter], *, replace: bool, stream: int | None) -> int:
    secret = new_secret()
    with (
        place_of(keep, replace=replace) as directory,
        Receiver(secret, staging_file(directory), {UNLOADABLE}) as receiver,
    ):
        repository = begin(directory, receiver.port)
        teller = _Teller(repository, secret, stream)
        print(_OPENING.format(directory=directory, soak=SOAK))
        for number, chapter in enumerate(chapters, 1):
            teller.chapter(number, chapter)
        teller.heading("What is live, by the servers' own word and by the records")
        agrees = teller.compare(receiver)
        repository.set_soak(SHORT_SOAK)  # for whoever plays with it
    for line in teller.wrong:
        print(f"error: {line}", file=sys.stderr)
    if keep:
        print(f"\nThe registry is yours to play with: cd {shlex.quote(str(directory))}")
        print(f"Look at it in a browser, and deploy from there: {look_command(keep)}")
    return 0 if agrees and not teller.wrong else 1


def look_command(keep: str) -> str:
    """The command line that opens the page on a kept registry, to be typed where we were started."""
    try:
        python = str(Path(sys.executable).relative_to(Path.cwd()))
    except ValueError:
        python = "python" if os.environ.get("VIRTUAL_ENV") else sys.executable
    return shlex.join([python, "-m", "model_stage_deploy", "demo", "--serve", keep])


def begin(directory: Path, port: int) -> Repository:
    """The repository with what was there before the story."""
    repository, now, clock = Repository(directory, port), time.time(), Dated()
    repository.at(int(now - (BEGAN + 1) * 86_400))
    repository.create(SOAK)
    mark(directory, port)
    live_through(repository, log_of(directory, clock), clock, now)
    return repository


@dataclass
class _Teller:
    """Carries out the steps and prints them."""

    repository: Repository
    secret: str
    stream: int | None = None
    wrong: list[str] = field(default_factory=list)

    def chapter(self, number: int, chapter: Chapter) -> None:
        """One chapter, from its heading on."""
        self.heading(f"{number}. {chapter.title}")
        for step in chapter.steps:
            self._step(step)

    def heading(self, text: str) -> None:
        """A line that stands out, in bold on a terminal."""
        print(_bold(f"=== {text} ".ljust(_WIDTH, "=")) + "\n", flush=True)

    def _step(self, step: Step) -> None:
        match step:
            case Say(text):
                print(textwrap.fill(text, _WIDTH) + "\n", flush=True)
            case Train(training):
                self.repository.train(training)
                print(f"A model is trained: accuracy {training.accuracy:.3f}, AUC {training.auc:.3f}.\n", flush=True)
            case Soak(duration):
                self.repository.set_soak(duration)
            case Wait(seconds):
                time.sleep(seconds)
            case Run():
                self._run(step)

    def _run(self, step: Run) -> None:
        line = command_line(step)
        print(_bold(f"$ {line}"), flush=True)
        done = subprocess.run(
            self._argv(step.arguments),
            cwd=self.repository.directory,
            env=self._environment(step.actor),
            stdout=self.stream,
            stderr=self.stream,
            check=False,
        )
        print(flush=True)
        if done.returncode != step.exit_code:
            self.wrong.append(f"{line}\n  ended with exit code {done.returncode}, not {step.exit_code}")

    def compare(self, receiver: Receiver) -> bool:
        """Print what serves beside what is recorded and what is decided; whether they agree."""
        decided = Registry(self.repository.directory)
        rows = [("STAGE", "SERVES", "RECORDED", "DECIDED")]
        for stage, place in ENVIRONMENTS.items():
            serves = receiver.serve(f"/{stage}/churn")[1].get("version", "nothing")
            recorded = now_running(log_of(self.repository.directory).records("churn", stage, place, limit=10))
            held = decided.which("churn", stage)
            rows.append((stage, serves, recorded.version if recorded else "nothing", str(held or "nothing")))
        for row in columns(rows):
            print(f"  {row}")
        return all(len(set(row[1:])) == 1 for row in rows[1:])

    def _argv(self, arguments: tuple[str, ...]) -> list[str]:
        return [sys.executable, "-m", "model_stage_deploy", *arguments]

    def _environment(self, actor: str) -> dict[str, str]:
        who = {"GITHUB_ACTOR": actor} if actor else {}
        return environment() | {"DEMO_HOOK_SECRET": self.secret} | who


def command_line(step: Run) -> str:
    """The command as a person would type it."""
    who = f"GITHUB_ACTOR={step.actor} " if step.actor else ""
    return f"{who}python -m model_stage_deploy {shlex.join(step.arguments)}"


def _bold(text: str) -> str:
    return f"\033[1m{text}\033[0m" if sys.stdout.isatty() and not os.environ.get("NO_COLOR") else text
