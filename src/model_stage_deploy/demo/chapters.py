"""The demo's story as data: what is told, and the command lines with the exit codes that they must have.

docs/start/promotion-story.md shows the same commands; a test compares the two.
"""

from __future__ import annotations

from dataclasses import dataclass

from model_stage_deploy.demo.repository import Training

SOAK, SHORT_SOAK = "24h", "1s"
UNLOADABLE = "v1.3.0"


@dataclass(frozen=True, slots=True)
class Say:
    """A sentence or two."""

    text: str


@dataclass(frozen=True, slots=True)
class Train:
    """A new model is committed and pushed."""

    training: Training


@dataclass(frozen=True, slots=True)
class Soak:
    """The mapping's soak time is changed."""

    time: str


@dataclass(frozen=True, slots=True)
class Wait:
    """Time passes."""

    seconds: float


@dataclass(frozen=True, slots=True)
class Run:
    """A command line, the exit code that it must have, and who is at the keyboard as GitHub would tell it."""

    arguments: tuple[str, ...]
    exit_code: int = 0
    actor: str = ""


Step = Say | Train | Soak | Wait | Run


@dataclass(frozen=True, slots=True)
class Chapter:
    """A heading and what happens below it."""

    title: str
    steps: tuple[Step, ...]


def _deploy(tag: str, *options: str, exit_code: int = 0, actor: str = "") -> Run:
    return Run(("deploy", tag, *options, "--no-github"), exit_code, actor)


def _promote(version: str, stage: str, *options: str) -> Run:
    which = options or ("--version", version)
    return Run(("promote", "churn", *which, "--to", stage, "--push"))


def _new(version: str) -> Run:
    """Register the newest commit and give it to staging, by one command."""
    return _promote(version, "staging", "--ref", "main", "--register-as", version)


_REASON = "incident 42: v1.2.0 is too slow, v1.4.0 is not"

CHAPTERS = (
    Chapter(
        "The first version goes to staging",
        (
            Train(Training(accuracy=0.91, auc=0.940)),
            Say("A version is a tag on that commit, and so is its place in a stage."),
            Run(("register", "churn", "--version", "v1.0.0", "--push")),
            _promote("v1.0.0", "staging"),
            Say(
                "On GitHub the pushed tag starts the deployment. Here we say it by hand, and keep the record in this "
                "repository instead of on GitHub. Staging is a script; then its server is asked what it serves."
            ),
            _deploy("churn#staging#1"),
        ),
    ),
    Chapter(
        "Production waits",
        (
            Say(f"Production wants a version that was good in staging for {SOAK}. It is too early."),
            _promote("v1.0.0", "prod"),
            _deploy("churn#prod#2", exit_code=3),
            Say(f"So as not to wait a day, the mapping now says {SHORT_SOAK}. Production is a signed webhook."),
            Soak(SHORT_SOAK),
            Wait(1.0),
            _deploy("churn#prod#2"),
        ),
    ),
    Chapter(
        "A worse model is kept out of production",
        (
            Train(Training(accuracy=0.92, auc=0.931)),
            _new("v1.1.0"),
            _deploy("churn#staging#3"),
            Wait(1.0),
            Run(("promote", "churn", "--from", "staging", "--to", "prod", "--push")),
            Say("Its accuracy is better, its AUC is not. The rule compares with the version that is live."),
            _deploy("churn#prod#4", exit_code=3),
        ),
    ),
    Chapter(
        "A better one passes",
        (
            Train(Training(accuracy=0.93, auc=0.944)),
            _new("v1.2.0"),
            _deploy("churn#staging#5"),
            Wait(1.0),
            _promote("v1.2.0", "prod"),
            _deploy("churn#prod#6"),
        ),
    ),
    Chapter(
        "Good numbers, and it does not serve",
        (
            Train(Training(accuracy=0.95, auc=0.951)),
            _new(UNLOADABLE),
            _deploy("churn#staging#7"),
            Wait(1.0),
            _promote(UNLOADABLE, "prod"),
            Say(
                "Production's servers have an older library than staging's. They accept the model, and cannot load it. "
                "The webhook says 200; the verification does not believe it."
            ),
            _deploy("churn#prod#8", exit_code=1),
            Say("Nobody had to be awake for that. What happened is on record:"),
            Run(("history", "churn", "prod", "--deployments", "--no-github")),
            Say("A workflow that is run again does not bring the broken version back:"),
            _deploy("churn#prod#8", exit_code=3),
        ),
    ),
    Chapter(
        "An emergency",
        (
            Say(
                "v1.2.0 is live, and under load its answers take three seconds. While Ada looks into it, nobody "
                f"deploys to production. (The soak time is {SOAK} again.)"
            ),
            Soak(SOAK),
            Run(("lock", "churn", "prod", "-m", "incident 42: answers take 3 seconds")),
            Say("v1.4.0 is smaller and faster:"),
            Train(Training(accuracy=0.94, auc=0.950)),
            _new("v1.4.0"),
            _deploy("churn#staging#9"),
            _promote("v1.4.0", "prod"),
            Say("It cannot wait a day. The mapping lets Ada go past the gates, with a reason. Bob it does not:"),
            _deploy("churn#prod#10", "--override", _REASON, exit_code=3, actor="bob"),
            Say("Even Ada does not get past a lock:"),
            _deploy("churn#prod#10", "--override", _REASON, exit_code=3, actor="ada"),
            Run(("unlock", "churn", "prod")),
            _deploy("churn#prod#10", "--override", _REASON, actor="ada"),
        ),
    ),
    Chapter(
        "Going back by hand",
        (
            Say(
                "v1.4.0 is fast, and it forgets half of the customers. Slow is better than wrong: Ada goes back. What "
                "was verified here before is not asked for metrics or soak again. The rollback writes a tag, so that "
                "the registry says what runs."
            ),
            Run(("rollback", "churn", "prod", "--to", "v1.2.0", "--no-github")),
            Say("The older tag is history now. A run of it that comes late changes nothing:"),
            _deploy("churn#prod#10", exit_code=3),
        ),
    ),
)
