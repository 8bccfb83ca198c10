"""What the flows, deployers and gates need of the world, as small Protocols. Adapters fulfil them."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, Protocol

from model_stage_deploy.core.check_run import CheckRun
from model_stage_deploy.core.errors import Mistake
from model_stage_deploy.core.evidence import Approved, Evidence
from model_stage_deploy.core.lifecycle import Recorded, Records
from model_stage_deploy.core.model import TagRecord
from model_stage_deploy.core.plan import Plan
from model_stage_deploy.core.stored import LockEntry, Signature
from model_stage_deploy.core.targets import TargetRecord, TargetResult, Wave
from model_stage_deploy.core.web import WebProblem as WebProblem  # noqa: PLC0414 - named here for all who send
from model_stage_deploy.core.web import WebRequest as WebRequest  # noqa: PLC0414 - named here for all who send
from model_stage_deploy.core.web import WebResponse as WebResponse  # noqa: PLC0414 - named here for all who send
from model_stage_deploy.core.writing import NewTag

Level = Literal["notice", "warning", "error"]


class Repository(Protocol):
    """The Git repository that holds the registry: its tags, its files, checkouts of its commits."""

    def tags(self, model: str | None, *, wanted: str | None = None, fresh: bool = False) -> Sequence[TagRecord]:
        """Every tag of `model` (of all models for None), complete or refused.

        `wanted` is a tag that must be among them as it was pushed. `fresh` asks the remote where there is one.
        Raises Refused (incomplete-tags) where completeness cannot be had, MachineryFailed (git-failed).
        """

    def commit_of(self, ref: str | None) -> str:
        """Commit id of a branch, tag or commit; None means the default branch. Raises MachineryFailed."""

    def read_file(self, commit: str, path: str) -> bytes | None:
        """A file of a commit, None where there is none. Raises MachineryFailed."""

    def read_files(self, asked: Sequence[tuple[str, str]]) -> Mapping[tuple[str, str], bytes | None]:
        """Many files by commit and path, as quick as one; what `read_file` must say of one by itself is left out.

        Raises MachineryFailed.
        """

    def checkout(self, commit: str) -> Path:
        """A directory with the files of a commit, deleted when the run ends. Raises MachineryFailed."""

    def is_reachable(self, commit: str, branch: str) -> bool | None:
        """Whether a branch contains the commit; None where there is no such branch. Raises MachineryFailed."""


class TagClash(Exception):
    """A tag to be made is there already: somebody was quicker. Nothing was made; look again and choose anew."""

    def __init__(self, names: Sequence[str]) -> None:
        super().__init__(", ".join(names))
        self.names = tuple(names)


class TagStore(Protocol):
    """The registry as one who changes it sees it. With `push` the remote decides, else the clone that is here."""

    def tags(self, model: str) -> Sequence[TagRecord]:
        """Every tag of the model where it counts: on the remote for a push, read anew at each call; else in the clone,
        and on its remote, too, where that answers.

        Raises Refused (incomplete-tags), MachineryFailed (git-failed).
        """

    def only_here(self, model: str) -> Sequence[str]:
        """Names of the model's tags that are in the clone and not on the remote. Empty where nothing is pushed."""

    def commit_of(self, ref: str) -> str:
        """Full commit id of a branch, tag, commit id or `HEAD`. Raises Refused (unknown-ref), MachineryFailed."""

    def read_file(self, path: str) -> bytes | None:
        """A file of the working tree's top (of the remote's default branch, where there is no working tree)."""

    def make(self, tags: Sequence[NewTag], *, sign: bool) -> None:
        """Make all the tags, in that order, or none; with `push` on the remote first and then in the clone.

        Raises TagClash, Invalid (identity-missing), MachineryFailed (git-failed, permission-missing).
        """


@dataclass(frozen=True, slots=True)
class Command:
    """A process to run: an argument list, never a shell string. `timeout` in seconds, None for none."""

    argv: tuple[str, ...]
    cwd: Path
    env: Mapping[str, str]
    timeout: float | None = None


@dataclass(frozen=True, slots=True)
class Finished:
    """How a process ended. `exit_code` is 128 + n for a process that signal n ended; `tail` is decoded output."""

    exit_code: int
    seconds: float
    tail: str = ""
    timed_out: bool = False


class Process(Protocol):
    """Runs processes."""

    def run(self, command: Command, output: Callable[[str], None]) -> Finished:
        """Run to the end, handing decoded output on as it comes; at the timeout end the whole process group.

        Raises FileNotFoundError, PermissionError or NotADirectoryError where it cannot start. On any exception
        (a cancelled run) the group is ended before the exception goes on.
        """


class Web(Protocol):
    """Sends HTTP requests; verifies TLS; follows redirects on the same host only; caps answers."""

    def send(self, request: WebRequest) -> WebResponse:
        """One exchange, no retry. Raises WebProblem."""


class Clock(Protocol):
    """Time, so that decisions can be tested at any hour."""

    def now(self) -> float:
        """Unix time in seconds."""

    def monotonic(self) -> float:
        """Seconds that only ever grow."""

    def sleep(self, seconds: float) -> None:
        """Wait."""


class Announcer(Protocol):
    """Tells the person or the runner what happens. Scrubs secrets and disarms control sequences itself."""

    def mask(self, secret: str) -> None:
        """Never show this text from now on. Call before the first use of a secret."""

    def say(self, text: str) -> None:
        """One line of progress."""

    def note(self, level: Level, text: str, *, title: str = "", at: Mistake | None = None) -> None:
        """An annotation: something a person must see; `at` is the place in a file that it is about."""

    def begin(self, title: str) -> None:
        """Open a group of foreign output (a deployer's); what follows through `output` is not ours."""

    def output(self, text: str) -> None:
        """A piece of foreign output, as it came: any length, any content."""

    def end(self) -> None:
        """Close the group."""

    def outputs(self, values: Mapping[str, str]) -> None:
        """Set step outputs."""

    def summary(self, markdown: str) -> None:
        """Add to the job summary."""


@dataclass(frozen=True, slots=True)
class Ending:
    """How a deployment ended, for the record. `summary` is one line, scrubbed.

    `inactive` is the end of an undeployment: nothing runs. `hurry` asks for one short attempt: a cancelled job is
    killed within seconds.
    """

    state: Literal["success", "failure", "error", "inactive"]
    summary: str
    environment_url: str | None = None
    hurry: bool = False


class CodeHost(Protocol):
    """Where deployments are recorded and people look: GitHub, or the log of the local repository."""

    def start(self, plan: Plan, attempt: str, evidence: Evidence) -> str:
        """Record that the deployment starts; the record's id. `attempt` is unique to this try.

        Raises MachineryFailed (start-not-recorded, permission-missing, log-failed); nothing may then be deployed.
        """

    def placed(self, plan: Plan, deployment_id: str) -> None:
        """Record that the deployer ended well and verification begins. Raises MachineryFailed."""

    def finish(self, plan: Plan, attempt: str, deployment_id: str | None, ending: Ending) -> list[str]:
        """Record the end and, after a success, retire what was live before; warnings for a person.

        `deployment_id` None: the start was cut short; whatever it left is found by `attempt` and closed.
        Raises MachineryFailed (end-not-recorded, permission-missing).
        """

    def close(self, record: Recorded, summary: str) -> None:
        """End a record that nobody works on any more, as `error`. Raises MachineryFailed.

        One that is given as a success was replaced since: where it still looks active, it goes `inactive`.
        """

    def records(self, model: str, stage: str, environment: str, *, limit: int, past: int = 0) -> Records:
        """Deployments of model and stage, newest first, down to the one that settles what runs now.

        `past` asks for at least that many, where there are so many; `limit` bounds how many are looked at.
        Raises MachineryFailed (github-failed, permission-missing, log-failed).
        """

    def approve(self, model: str, version: str, stage: str, commit: str, message: str) -> str:
        """Record the approval of whoever the host knows us to be; their name. Raises MachineryFailed."""

    def approvals(self, model: str, version: str, stage: str, commit: str) -> Sequence[Approved]:
        """Approvals of this version in this stage, newest first. Raises MachineryFailed."""


class TargetLog(Protocol):
    """What became of each target of a stage: kept as the work goes on, so that a run which dies loses nothing.

    Several jobs write at the same time, each to a part of its own; `join` makes one whole of all parts.
    """

    def read(self, model: str, stage: str, environment: str) -> Mapping[str, TargetRecord]:
        """The newest record of every target, by name, also of parts that nobody has joined yet.

        Raises MachineryFailed (log-failed, permission-missing).
        """

    def add(self, plan: Plan, part: str, records: Sequence[TargetRecord], *, hurry: bool = False) -> None:
        """Keep records: they are durable when this returns. A target's newest one counts (by time, then by order).

        `part` names the job's own part (letters, digits, `.`, `-`). `hurry` asks for one short attempt, as the process
        is killed within seconds. Raises MachineryFailed (log-failed, permission-missing).
        """

    def join(self, plan: Plan) -> None:
        """Make one whole of all parts, in one step that happens or does not. Raises MachineryFailed."""


class Progress(Protocol):
    """Shows how the targets of a stage get on. Called from one thread at a time.

    `begin` says in a few words what begins, and all that there is to do; `note` is a line about the whole, or of the
    output of a target; after `end` the view is gone, and what was said stays.
    """

    def begin(self, what: str, waves: Sequence[Wave]) -> None: ...
    def wave(self, wave: Wave) -> None: ...
    def started(self, target: str) -> None: ...
    def ended(self, result: TargetResult) -> None: ...
    def note(self, text: str) -> None: ...
    def end(self) -> None: ...


class CheckRuns(Protocol):
    """Where commits have check runs: a report on the commit's page, with remarks at the lines of its files."""

    def report(self, run: CheckRun, *, hurry: bool = False) -> str:
        """Make the check run, ended; its address. `hurry` asks for one short attempt, as the job is being killed.

        Raises MachineryFailed (permission-missing, github-failed, rate-limited).
        """


class Forge(Protocol):
    """What the code host knows of people, checks and branches. Each raises MachineryFailed where it cannot be known."""

    def permission(self, login: str) -> str:
        """A person's permission on the repository: none, read, triage, write, maintain or admin."""

    def is_member(self, login: str, team: str) -> bool:
        """Whether a person is an active member of a team, named `org/team`."""

    def checks(self, commit: str) -> Mapping[str, str]:
        """The newest state of every commit status and check run by name: success, failure, pending, …"""

    def is_protected(self, branch: str) -> bool:
        """Whether a branch is protected, by a branch rule or a rule set."""


class Signatures(Protocol):
    """Checks signatures of tag objects."""

    def check(self, tag: TagRecord, *, allowed_signers: bytes | None, gpg_keys: bytes | None) -> Signature | str:
        """The signature of the very object that the record names, or why it does not count, as a sentence.

        Raises MachineryFailed (git-failed) where it cannot be checked: no ssh-keygen, no gpg, no object.
        """


class Trusted(Protocol):
    """Reads files where the mapping is read: the default branch, unless said otherwise; never the tagged commit."""

    def __call__(self, path: str) -> bytes | None:
        """A file by its path from the top, None where there is none. Raises MachineryFailed."""


class DocumentProblem(ValueError):
    """A document cannot be read; the text says why, on one line, without quoting the document."""


class Documents(Protocol):
    """Reads JSON, YAML and TOML."""

    def __call__(self, text: bytes, path: str) -> object:
        """The value of a document; its kind follows from the path's ending. Raises DocumentProblem."""


class LockClash(Exception):
    """The lock is not (any more) what the change builds on; nothing was changed."""


class LockStore(Protocol):
    """Locks in a place that all who deploy share. Changes are atomic: compare and swap."""

    def entries(self) -> Sequence[LockEntry]:
        """Every lock there is, read anew. Raises MachineryFailed (lock-failed, permission-missing)."""

    def put(self, entry: LockEntry, *, replacing: str) -> str:
        """Store the entry in place of the version `replacing` ("" for none); its new version.

        Raises LockClash, MachineryFailed (lock-failed, permission-missing).
        """

    def remove(self, entry: LockEntry) -> None:
        """Remove that version of the lock. Raises LockClash, MachineryFailed."""

    def hurry(self) -> None:
        """From now on give up after two seconds, and leave nothing running: the process is killed within seconds."""


class WorkflowStarter(Protocol):
    """Starts a workflow by hand (`workflow_dispatch`): a tag that a workflow's own token pushed starts none (T20)."""

    def start(self, workflow: str, inputs: Mapping[str, str]) -> str:
        """Start the workflow of that file name on the default branch, once; the address of the run or of its runs.

        Raises MachineryFailed (dispatch-failed, permission-missing); its message says so where it may have started.
        """
