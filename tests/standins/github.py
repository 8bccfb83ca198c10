"""A GitHub that lives in a test: stateful, on a real socket, held to GitHub's own OpenAPI description.

`GitHubStandIn` is what tests use; `python -m tests.standins.github` runs it as a process. Next door:
`github_exchange` (checks), `github_description` (schemas), `github_state` (memory and rules),
`github_workflows`, `github_operations`, `github_answers`, `github_faults`, `github_server` (HTTP), `github_process`.
"""

from __future__ import annotations

import json
import re
import threading
import time
from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import asdict, dataclass, replace
from datetime import datetime
from functools import lru_cache
from pathlib import Path
from types import TracebackType
from typing import Any, Literal

from tests.standins.github_answers import Answers, stamp
from tests.standins.github_checks import MadeCheckRun
from tests.standins.github_description import GHES_SUBSET, SUBSET, Description
from tests.standins.github_exchange import Exchange, Parsed
from tests.standins.github_faults import FaultQueue, Kind
from tests.standins.github_forge import Branch
from tests.standins.github_replies import replied, troubled
from tests.standins.github_server import Reply, Request, Server
from tests.standins.github_state import (
    Behind,
    CommitStatus,
    Deployment,
    DeploymentStatus,
    RepositoryState,
)
from tests.standins.github_workflows import DEPLOY_BY_HAND, Asked, Dispatch, Workflow, Workflows

__all__ = ["Call", "CommitStatus", "Deployment", "DeploymentStatus", "Dispatch", "GitHubStandIn", "Workflow"]

PREFIXES = {"github": "", "ghes": "/api/v3"}
SUBSETS = {"github": SUBSET, "ghes": GHES_SUBSET}
RATE_LIMIT = 5000  # requests an hour, as of a token of a person
_HOST = re.compile(r"[A-Za-z0-9.-]+(:[0-9]{1,5})?")


@dataclass(frozen=True)
class Call:
    """One request as it arrived, and the status it was answered with (None: the connection was cut)."""

    method: str
    path: str  # without the prefix, percent-decoded once
    target: str  # path and query exactly as sent
    query: Mapping[str, str]
    headers: Mapping[str, str]  # lower-case names
    body: Any  # parsed JSON; the plain text where it is not JSON; None where there is none
    operation: str | None  # operationId of the description
    status: int | None


class GitHubStandIn:
    """One repository of GitHub behind a real HTTP server; a context manager.

    Arguments: `repository` owner/name; `token` that requests must carry as `Bearer` or `token` (None: not
    checked); `permissions` as in a workflow (None: everything); `description` whose law holds, `prefix` what its
    paths begin with (None: "" as on github.com, "/api/v3" as on Enterprise Server); `known_commits` (None: any 40
    hex digits), `refs` name to commit, `behind` ref to what merging the default branch into it does; `workflows`
    files that can be started (None: deploy-by-hand.yml, which takes a tag); `state_file` that receives `dump()` as
    JSON after each change;
    `spoil_answer` changes a success answer before it is validated (to test the validation itself).
    """

    def __init__(
        self,
        *,
        repository: str = "org/models",
        token: str | None = "test-token",
        permissions: Mapping[str, str] | None = None,
        description: Literal["github", "ghes"] = "github",
        prefix: str | None = None,
        host: str = "127.0.0.1",
        port: int = 0,
        known_commits: Collection[str] | None = None,
        refs: Mapping[str, str] | None = None,
        behind: Mapping[str, Behind] | None = None,
        default_branch: str = "main",
        workflows: Mapping[str, Workflow] | None = None,
        clock: Callable[[], datetime] | None = None,
        state_file: Path | None = None,
        spoil_answer: Callable[[str, Any], Any] | None = None,
    ) -> None:
        self.repository = repository
        self.prefix = PREFIXES[description] if prefix is None else prefix
        self.calls: list[Call] = []
        self.violations: list[str] = []
        self.state = RepositoryState(known_commits, dict(refs or {}), dict(behind or {}), default_branch)
        if clock:
            self.state.clock = clock
        known = {DEPLOY_BY_HAND: Workflow({"tag": True})} if workflows is None else workflows
        self._workflows = Workflows(dict(known))
        self._exchange = Exchange(
            _description(SUBSETS[description]),
            self.state,
            self._workflows,
            repository,
            token,
            permissions,
            self._complain,
            spoil_answer,
        )
        self._state_file = state_file
        self._faults = FaultQueue()
        self._lock = threading.RLock()
        self._reset_at = int(time.time()) + 3600
        self._host = "127.0.0.1" if host in {"", "0.0.0.0"} else host
        self._server = Server((host, port), self._respond, self._complain)

    def __enter__(self) -> GitHubStandIn:
        self._server.start()
        self._save()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def stop(self) -> None:
        """End the server with all its connections, also stalled ones. More than once is fine."""
        self._server.stop()

    @property
    def url(self) -> str:
        """The API's base address, prefix included, without a slash at the end."""
        return self.url_for(self._host)

    def url_for(self, host: str) -> str:
        """The base address as a client sees it that reaches us under another host name."""
        return f"http://{host}:{self._server.port}{self.prefix}"

    @property
    def deployments(self) -> list[Deployment]:
        """All deployments, oldest first."""
        with self._lock:
            return list(self.state.deployments.values())

    def deployment_statuses(self, deployment_id: int) -> list[DeploymentStatus]:
        """The statuses of a deployment, oldest first. Raises: KeyError for an unknown deployment."""
        with self._lock:
            return list(self.state.deployment_statuses[deployment_id])

    @property
    def check_runs(self) -> list[MadeCheckRun]:
        """The check runs that clients made, oldest first."""
        with self._lock:
            return list(self.state.check_runs.values())

    def commit_statuses(self, sha: str) -> list[CommitStatus]:
        """The statuses of a commit, oldest first."""
        with self._lock:
            return list(self.state.commit_statuses.get(sha, ()))

    @property
    def dispatches(self) -> list[Dispatch]:
        """The workflow runs that were started by hand, in order."""
        with self._lock:
            return list(self._workflows.dispatches)

    @property
    def events(self) -> list[Asked]:
        """What programs asked for by `repository_dispatch`, in order."""
        with self._lock:
            return list(self._workflows.events)

    @property
    def pending_faults(self) -> int:
        """How many requests ordered faults are still waiting for."""
        with self._lock:
            return self._faults.pending

    def fail_next(
        self,
        method: str,
        path_regex: str,
        *,
        status: int | None = None,
        headers: Mapping[str, str] | None = None,
        body: Any = None,
        times: int = 1,
        kind: Kind = "status",
        after: int = 0,
        seconds: float = 60.0,
        applied: bool = False,
    ) -> None:
        """Order trouble for coming requests; the arguments are those of `github_faults.Fault`."""
        with self._lock:
            self._faults.add(
                method,
                path_regex,
                status=status,
                headers=headers,
                body=body,
                times=times,
                kind=kind,
                after=after,
                seconds=seconds,
                applied=applied,
            )

    def limit_next(self, method: str, path_regex: str, *, retry_after: int = 1, times: int = 1) -> None:
        """Order GitHub's secondary rate limit (403, `Retry-After` in seconds)."""
        with self._lock:
            self._faults.add_secondary_limit(method, path_regex, retry_after=retry_after, times=times)

    def heal(self) -> None:
        """Forget all trouble that was ordered."""
        with self._lock:
            self._faults.faults.clear()

    def add_deployment(self, *, states: Iterable[str] = ("success",), **fields: Any) -> Deployment:
        """Put a deployment there without HTTP: `fields` as of the request, then one status per state.

        Like a request, except that open statuses of the commit do not hinder it.
        """
        with self._lock:
            made = self.state.create_deployment({"auto_merge": False, "required_contexts": [], **fields})
            assert isinstance(made, Deployment)
            for state in states:
                self.state.create_deployment_status(made, {"state": state})
            self._save()
            return self.state.deployments[made.id]

    def add_commit_status(self, sha: str, state: str, **fields: Any) -> CommitStatus:
        """Put a commit status there without HTTP: `fields` as of the request."""
        with self._lock:
            status = self.state.create_commit_status(sha, {"state": state, **fields})
            self._save()
            return status

    def permit(self, permissions: Mapping[str, str] | None) -> None:
        """From now on the token may do just this, as in a workflow; None for everything."""
        with self._lock:
            self._exchange = replace(self._exchange, permissions=permissions)

    def add_person(self, login: str, role: str, *, base: str = "") -> None:
        """Let GitHub know somebody, with a role on the repository; `base` for one that an organization made."""
        with self._lock:
            self.state.forge.roles[login] = role
            if base:
                self.state.forge.bases[role] = base

    def add_team(self, team: str, **members: str) -> None:
        """Make the team org/team: members with their states, active or pending."""
        with self._lock:
            self.state.forge.teams[team] = members

    def add_check_run(self, sha: str, name: str, conclusion: str | None, *, status: str = "completed") -> None:
        """Put a check run of a commit there without HTTP."""
        with self._lock:
            self.state.forge.add_run(sha, name, conclusion, status)

    def add_branch(self, name: str, sha: str, *, protected: bool = False, rules: Iterable[str] = ()) -> None:
        """Put a branch there without HTTP; `rules` are the kinds of the rules that rule sets lay on it."""
        with self._lock:
            self.state.forge.branches[name] = Branch(sha, protected, tuple(rules))

    def assert_clean(self) -> None:
        """Raises: AssertionError with all violations of the description, of either side."""
        with self._lock:
            violations = list(self.violations)
        assert not violations, "GitHub's description was violated:\n" + "\n".join(violations)

    def dump(self) -> dict[str, Any]:
        """Everything there is to see, as values that JSON can hold."""
        with self._lock:
            deployments = [
                {**asdict(each), "statuses": [asdict(one) for one in self.state.deployment_statuses[each.id]]}
                for each in self.state.deployments.values()
            ]
            plain: dict[str, Any] = {
                "url": self.url,
                "repository": self.repository,
                "calls": [asdict(call) for call in self.calls],
                "deployments": deployments,
                "commit_statuses": {
                    sha: [asdict(each) for each in statuses] for sha, statuses in self.state.commit_statuses.items()
                },
                "dispatches": [asdict(each) for each in self._workflows.dispatches],
                "violations": list(self.violations),
                "pending_faults": self._faults.pending,
            }
        loaded: dict[str, Any] = json.loads(json.dumps(plain, default=stamp))
        return loaded

    def _respond(self, request: Request) -> Reply:
        parsed = Parsed.of(request, self.prefix)
        with self._lock:
            fault = self._faults.take(parsed.method, parsed.raw_path)
            match = self._exchange.find(parsed)
            operation = match.operation.id if match else None
            used = sum(call.operation != "rate-limit/get" for call in self.calls)
            budget = (RATE_LIMIT, min(used, RATE_LIMIT - 1), self._reset_at)
            reply: Reply | None = None
            if fault is None or fault.applied:
                answers = Answers(self._base_for(request), self.repository, self.state.default_branch)
                reply = replied(self._exchange.answer(parsed, match, answers, budget), budget)
            if fault is not None:
                reply = troubled(fault, budget)
            assert reply is not None
            # Recorded before it is sent, so that a client that has its answer finds its call here.
            self.calls.append(_call(parsed, request, operation, None if reply.drop else reply.status))
            self._save()
        return reply

    def _base_for(self, request: Request) -> str:
        # Links lead back to the name by which the client came: a container may know us by another one.
        host = request.headers.get("host", "")
        return f"http://{host}{self.prefix}" if _HOST.fullmatch(host) else self.url

    def _complain(self, violation: str) -> None:
        with self._lock:
            self.violations.append(violation)
            self._save()

    def _save(self) -> None:
        if self._state_file is None:
            return
        with self._lock:
            draft = self._state_file.with_name(self._state_file.name + ".new")
            draft.write_text(json.dumps(self.dump(), indent=1), encoding="utf-8")
            draft.replace(self._state_file)  # in one step, so that a reader never sees half of it


@lru_cache(maxsize=2)
def _description(path: Path) -> Description:
    return Description.load(path)  # never changed, and dear to load for each of many small tests


def _call(parsed: Parsed, request: Request, operation: str | None, status: int | None) -> Call:
    return Call(
        method=parsed.method,
        path=parsed.path,
        target=request.target,
        query=parsed.query,
        headers=parsed.headers,
        body=parsed.body,
        operation=operation,
        status=status,
    )


if __name__ == "__main__":
    from tests.standins.github_process import main

    raise SystemExit(main())
