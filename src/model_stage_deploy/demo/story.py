"""Tells the demo's story: each command is run as a process, with its real output and its real exit code."""

from __future__ import annotations

import base64
import os
import secrets
import shlex
import subprocess
import sys
import tempfile
import textwrap
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from model_stage_deploy import Registry
from model_stage_deploy.adapters.local_log import LocalLog
from model_stage_deploy.adapters.system_clock import SystemClock
from model_stage_deploy.core.errors import Invalid
from model_stage_deploy.core.lifecycle import now_running
from model_stage_deploy.core.reasons import Reason
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


def tell(*, keep: str = "", chapters: Sequence[Chapter] = CHAPTERS) -> int:
    """Tell the chapters; 0 if each command ended as it must, and what serves is what is recorded and decided.

    `keep` names a directory in which the registry stays. Raises Invalid (usage) where it is not empty, MachineryFailed
    (git-failed).
    """
    secret = "whsec_" + base64.b64encode(secrets.token_bytes(32)).decode("ascii")
    with _place(keep) as directory, Receiver(secret, staging_file(directory), {UNLOADABLE}) as receiver:
        repository = Repository(directory, receiver.port)
        repository.create(SOAK)
        teller = _Teller(repository, secret)
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
    return 0 if agrees and not teller.wrong else 1


@dataclass
class _Teller:
    """Carries out the steps and prints them."""

    repository: Repository
    secret: str
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
            self._argv(step.arguments), cwd=self.repository.directory, env=self._environment(step.actor), check=False
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
            recorded = now_running(self._log().records("churn", stage, place, limit=10))
            held = decided.which("churn", stage)
            rows.append((stage, serves, recorded.version if recorded else "nothing", str(held or "nothing")))
        for row in columns(rows):
            print(f"  {row}")
        return all(len(set(row[1:])) == 1 for row in rows[1:])

    def _log(self) -> LocalLog:
        path = self.repository.directory / ".git" / "model-stages" / "deployments.sqlite3"
        return LocalLog(path, who="demo", clock=SystemClock(), scrub=str)

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


@contextmanager
def _place(keep: str) -> Iterator[Path]:
    if not keep:
        with tempfile.TemporaryDirectory(prefix="model-stage-deploy-demo-") as directory:
            yield Path(directory)
        return
    place = Path(keep).resolve()
    if place.exists() and (not place.is_dir() or any(place.iterdir())):
        raise Invalid(Reason.USAGE, f"{keep!r} is not an empty directory", hint="name one that does not exist yet")
    try:
        place.mkdir(parents=True, exist_ok=True)
    except OSError as problem:
        raise Invalid(Reason.USAGE, f"{keep!r} cannot be made: {problem.strerror}") from problem
    yield place
