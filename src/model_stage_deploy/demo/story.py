"""The demo's story: each chapter is a real command line, run as a process, with its real exit code."""

from __future__ import annotations

import os
import secrets
import shlex
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from model_stage_deploy.core.errors import Invalid
from model_stage_deploy.core.reasons import Reason
from model_stage_deploy.demo.receiver import Receiver
from model_stage_deploy.demo.registry import build
from model_stage_deploy.report.columns import columns


@dataclass(frozen=True, slots=True)
class Chapter:
    """A sentence, a command line, and the exit code that it must have."""

    says: str
    arguments: tuple[str, ...]
    exit_code: int = 0


CHAPTERS = (
    Chapter("The registry, read from Git tags: which version is decided for which stage.", ("show",)),
    Chapter(
        "What would the tag churn#prod#3 do? The whole plan, and nothing is touched.",
        ("deploy", "churn#prod#3", "--dry-run"),
    ),
    Chapter("Staging deploys with the team's own script.", ("deploy", "churn#staging#2", "--no-github")),
    Chapter(
        "Production deploys through a signed webhook; a receiver on this machine answers.",
        ("deploy", "churn#prod#3", "--no-github"),
    ),
    Chapter("dev gets v3.1.0 …", ("deploy", "churn#dev#4", "--no-github")),
    Chapter("… and is rolled back to the version before it.", ("rollback", "churn", "dev", "--no-github")),
    Chapter(
        "A deployment that fails says so, shows why, and exits with 1.", ("deploy", "segment#dev#1", "--no-github"), 1
    ),
    Chapter("A tag that only registers a version deploys nothing.", ("deploy", "churn@v3.1.0", "--no-github")),
    Chapter(
        "Going back to a version that prod never had is refused, with what to do.",
        ("rollback", "churn", "prod", "--to", "v3.1.0", "--no-github"),
        3,
    ),
)


def tell(*, keep: str = "") -> int:
    """Run every chapter; 0 if each ended as it must. `keep` names a directory in which the registry stays.

    Raises Invalid (usage) where `keep` is not empty.
    """
    with _place(keep) as directory, Receiver(secret := secrets.token_hex(16)) as receiver:
        build(directory, receiver.port)
        print(f"A registry with the tags of a real one: {directory}\n")
        wrong = [chapter for chapter in CHAPTERS if _run(chapter, directory, secret) != chapter.exit_code]
        print("What is live now:")
        for line in columns(_live(directory, receiver)):
            print(f"  {line}")
    for chapter in wrong:
        print(f"error: {shlex.join(chapter.arguments)} did not exit with {chapter.exit_code}", file=sys.stderr)
    if keep:
        print(f"\nThe registry is yours to play with: cd {shlex.quote(str(directory))}")
    return 1 if wrong else 0


def _run(chapter: Chapter, directory: Path, secret: str) -> int:
    print(f"## {chapter.says}\n$ python -m model_stage_deploy {shlex.join(chapter.arguments)}", flush=True)
    environment = {name: value for name, value in os.environ.items() if not name.startswith(("GITHUB_", "INPUT_"))}
    done = subprocess.run(
        [sys.executable, "-m", "model_stage_deploy", *chapter.arguments],
        cwd=directory,
        env=environment | {"DEMO_HOOK_SECRET": secret},
        check=False,
    )
    print(f"(exit code {done.returncode})\n", flush=True)
    return done.returncode


def _live(directory: Path, receiver: Receiver) -> list[tuple[str, ...]]:
    """What the script wrote down and what the receiver was sent: the outside's own view."""
    scripted = {path.name: path.read_text(encoding="utf-8").strip() for path in sorted((directory / "live").glob("*"))}
    rows: list[tuple[str, ...]] = [("MODEL", "STAGE", "LIVE", "TOLD BY")]
    for told_by, live in (("deploy.sh", scripted), ("webhook", receiver.live)):
        for key, version in sorted(live.items()):
            stage, _, model = key.partition(".")
            rows.append((model, stage, version, told_by))
    return rows


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
