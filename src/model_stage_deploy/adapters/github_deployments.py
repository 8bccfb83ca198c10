"""The deployment's record on GitHub: Deployments, their statuses, and the commit status people see.

A Deployment belongs to one model and stage: its environment is `<environment>/<model>`, so no model can hide or
inactivate another (T30, T31, T35), and the payload (core/records.py) says which stage. Older ones go inactive only
after a success. Reading is next door, in github_records.py; approvals are in github_approvals.py.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import Any

from model_stage_deploy.adapters.github_approvals import GitHubApprovals
from model_stage_deploy.adapters.github_client import GitHubClient, GitHubProblem, Patience
from model_stage_deploy.adapters.github_records import PLACED, TASK, GitHubRecords, environment_name, status_context
from model_stage_deploy.core.errors import MachineryFailed
from model_stage_deploy.core.evidence import Approved, Evidence
from model_stage_deploy.core.lifecycle import ENDED_BADLY, INACTIVE, SUCCESS, UNDER_WAY, Recorded, Records
from model_stage_deploy.core.plan import Plan, doing
from model_stage_deploy.core.reasons import Reason
from model_stage_deploy.core.records import payload_of
from model_stage_deploy.ports import Ending

_DEPLOYMENTS = "deployments: write"
_STATUSES = "statuses: write"
_NO_MORE = "maximum number of statuses"
_DESCRIPTION = 140  # characters; GitHub cuts or refuses longer ones (T41)
_STATUSES_READ = 1000  # of a commit, to see whether ours is still pending: other models may have theirs there


class GitHubDeployments:
    """Fulfils the CodeHost port. `looks` says that nothing will be written, so that less is asked of the token."""

    def __init__(
        self, client: GitHubClient, scrub: Callable[[str], str], run_url: str = "", *, looks: bool = False
    ) -> None:
        self._client = client
        self._scrub = scrub
        self._run_url = run_url
        self._reader = GitHubRecords(client, "deployments: read" if looks else _DEPLOYMENTS)
        self._approvals = GitHubApprovals(client, scrub, run_url)
        self._owed: set[str] = set()  # deployments in place, which GitHub could not be told
        self._unshown: set[str] = set()  # commits that take no more statuses
        self._unended: dict[str, tuple[Plan, Ending]] = {}  # bad ends that GitHub could not be told

    def start(self, plan: Plan, attempt: str, evidence: Evidence) -> str:
        """Record the start (see the port): the Deployment, `in_progress`, and a pending commit status."""
        try:
            deployment_id = self._create(plan, attempt, evidence)
            self._set_state(deployment_id, "in_progress", self._described(doing(plan)), "patient")
            self._set_commit_status(plan, "pending", doing(plan), "patient")
        except MachineryFailed as problem:
            self._abandon(plan, attempt)
            if problem.reason is Reason.PERMISSION_MISSING:
                raise
            if problem.reason is Reason.RATE_LIMITED:
                raise MachineryFailed(
                    Reason.RATE_LIMITED, f"nothing was deployed: {problem.message}", hint=problem.hint
                ) from problem
            raise MachineryFailed(
                Reason.START_NOT_RECORDED,
                f"nothing was deployed, because the start could not be recorded: {problem.message}",
                hint=f"{problem.hint}; to deploy without a record on GitHub, use --no-github",
            ) from problem
        return deployment_id

    def placed(self, plan: Plan, deployment_id: str) -> None:
        """Record that the deployer ended well (see the port): one more `in_progress`, whose description says so.

        Where that fails, `finish` tries once more before it records a bad end: what is live must not be forgotten.
        """
        try:
            self._set_placed(plan, deployment_id, "patient")
        except MachineryFailed as problem:
            self._owed.add(deployment_id)
            raise MachineryFailed(
                Reason.END_NOT_RECORDED,
                f"that the deployer ended well could not be recorded on GitHub: {problem.message}",
                hint=f"{problem.hint}; what GitHub shows for {_environment(plan)} is out of date",
            ) from problem

    def finish(self, plan: Plan, attempt: str, deployment_id: str | None, ending: Ending) -> list[str]:
        """Record the end (see the port).

        A bad end that could not be recorded is tried once more after the end of the attempt that answers it: behind
        that one nobody looks for a record without an end, but `sweep`.
        """
        patience: Patience = "hurry" if ending.hurry else "patient"
        found = deployment_id
        try:
            found = deployment_id or self._find_attempt(plan, attempt, patience)
            self._end(plan, found, ending, patience)
            self._end_what_is_not(found, patience)
        except MachineryFailed as problem:
            if found is not None and ending.state in ENDED_BADLY:
                self._unended[found] = plan, ending
            raise MachineryFailed(
                Reason.END_NOT_RECORDED,
                f"the end ({ending.state}) could not be recorded on GitHub: {problem.message}",
                hint=f"{problem.hint}; what GitHub shows for {_environment(plan)} is out of date",
            ) from problem
        warnings = self._told_of_unshown(plan)
        if ending.state not in (SUCCESS, INACTIVE) or found is None:
            return warnings
        return warnings + self._retire_older(plan, found, patience)

    def close(self, record: Recorded, summary: str) -> None:
        """End a record that nobody works on any more (see the port): `error`, on its commit, too, if still pending.

        What has ended in the meantime stays as it is. The link leads to the run that died, not to this one.
        A success that was replaced goes inactive.
        """
        state = self._reader.last_state(record.id)
        if record.state == SUCCESS:
            if state == SUCCESS:
                self._set_state(record.id, INACTIVE, self._described(summary), "patient", log_url=record.log_url)
            return
        if state in UNDER_WAY:
            text = self._described(summary)
            self._set_state(record.id, "error", text, "patient", log_url=record.log_url)
        elif state != "error":
            return
        self._close_commit_status(record, summary)

    def records(self, model: str, stage: str, environment: str, *, limit: int, past: int = 0) -> Records:
        """What became of the deployments of model and stage (see the port and GitHubRecords)."""
        return self._reader.records(model, stage, environment, limit=limit, past=past)

    def approve(self, model: str, version: str, stage: str, commit: str, message: str) -> str:
        """Record an approval (see the port and GitHubApprovals)."""
        return self._approvals.approve(model, version, stage, commit, message)

    def approvals(self, model: str, version: str, stage: str, commit: str) -> Sequence[Approved]:
        """Approvals, newest first (see the port and GitHubApprovals)."""
        return self._approvals.approvals(model, version, stage, commit)

    def _create(self, plan: Plan, attempt: str, evidence: Evidence) -> str:
        """Create the Deployment exactly once: after an unclear failure, look for it before trying again."""
        decision = plan.decision
        body = {
            "ref": decision.commit,
            "task": TASK,
            "auto_merge": False,  # true would merge the default branch into an old version (T33)
            "required_contexts": [],  # our own pending status would block us (T32)
            "payload": payload_of(plan, attempt, evidence, self._scrub),
            "environment": _environment(plan),
            "description": self._described(doing(plan)),
            "transient_environment": False,
            "production_environment": plan.production,
        }
        try:
            deployment = self._client.post("/deployments", body, permission=_DEPLOYMENTS, patience="once")
        except MachineryFailed as problem:
            if problem.reason in (Reason.PERMISSION_MISSING, Reason.RATE_LIMITED):
                raise  # refused, so nothing was made
            found = self._find_attempt(plan, attempt, "patient")
            if found is not None:
                return found
            deployment = self._client.post("/deployments", body, permission=_DEPLOYMENTS, patience="once")
        if not isinstance(deployment, dict) or not isinstance(deployment.get("id"), int):
            raise MachineryFailed(Reason.GITHUB_FAILED, "GitHub's answer holds no deployment id")
        if deployment.get("sha") != decision.commit:
            raise MachineryFailed(
                Reason.GITHUB_FAILED,
                f"GitHub made the deployment for commit {str(deployment.get('sha'))[:12]}, "
                f"not for {decision.commit[:12]} (T36)",
            )
        return str(deployment["id"])

    def _abandon(self, plan: Plan, attempt: str) -> None:
        """Close what a failed start left behind, if that is possible at all; the start's own error matters more."""
        try:
            found = self._find_attempt(plan, attempt, "hurry")
            if found is not None:
                self._set_state(found, "error", "the start could not be recorded; nothing was deployed", "hurry")
        except MachineryFailed:
            return

    def _end(self, plan: Plan, found: str | None, ending: Ending, patience: Patience) -> None:
        if found is not None:
            if found in self._owed and ending.state != SUCCESS:
                self._set_placed(plan, found, patience)
            text = self._described(ending.summary)
            self._set_state(found, ending.state, text, patience, url=ending.environment_url)
        self._set_commit_status(plan, _as_commit_state(ending.state), ending.summary, patience)

    def _end_what_is_not(self, current: str | None, patience: Patience) -> None:
        """The bad ends of earlier attempts that GitHub could not be told; the run has already said so itself."""
        self._unended.pop(current or "", None)
        if patience == "hurry":
            return
        for deployment_id, (plan, ending) in list(self._unended.items()):
            with suppress(MachineryFailed):
                self._end(plan, deployment_id, ending, "hurry")
                del self._unended[deployment_id]

    def _set_placed(self, plan: Plan, deployment_id: str, patience: Patience) -> None:
        decision = plan.decision
        what = self._scrub(f"{decision.model} {decision.version} in {decision.stage}")
        self._set_state(deployment_id, "in_progress", _cut(PLACED + what), patience)
        self._owed.discard(deployment_id)

    def _set_state(
        self,
        deployment_id: str,
        state: str,
        description: str,
        patience: Patience,
        *,
        url: str | None = None,
        log_url: str = "",
    ) -> None:
        body: dict[str, Any] = {"state": state, "description": description, "auto_inactive": False}
        if log_url or self._run_url:
            body["log_url"] = log_url or self._run_url
        if url:
            body["environment_url"] = self._scrub(url)
        path = f"/deployments/{int(deployment_id)}/statuses"
        _require_state(self._client.post(path, body, permission=_DEPLOYMENTS, patience=patience), state)

    def _set_commit_status(self, plan: Plan, state: str, text: str, patience: Patience) -> None:
        decision = plan.decision
        context = _context(decision.model, decision.stage)
        self._post_commit_status(decision.commit, context, state, text, patience, self._run_url)

    def _post_commit_status(
        self, commit: str, context: str, state: str, text: str, patience: Patience, url: str
    ) -> None:
        body = {"state": state, "context": context, "description": self._described(text)}
        if url:
            body["target_url"] = url
        path = f"/statuses/{commit}"
        try:
            answer = self._client.post(path, body, permission=_STATUSES, patience=patience)
        except GitHubProblem as problem:
            if problem.status != 422 or _NO_MORE not in problem.message:
                raise
            self._unshown.add(commit)  # the Deployment, which counts, has no such limit (T41)
        else:
            _require_state(answer, state)

    def _close_commit_status(self, record: Recorded, summary: str) -> None:
        """End the dead run's own pending status; a pending one with another link is another run's."""
        place = self._reader.place_of(record.id) if record.commit else None
        if place is None:
            return
        context = _context(*place)
        path = f"/commits/{record.commit}/statuses"
        statuses = self._client.pages(path, {}, limit=_STATUSES_READ, permission=_STATUSES)
        newest = next((status for status in statuses if status.get("context") == context), {})
        url = newest.get("target_url") or ""
        if newest.get("state") == "pending" and (not url or not record.log_url or url == record.log_url):
            self._post_commit_status(record.commit, context, "error", summary, "patient", record.log_url)

    def _told_of_unshown(self, plan: Plan) -> list[str]:
        commit = plan.decision.commit
        if commit not in self._unshown:
            return []
        context = _context(plan.decision.model, plan.decision.stage)
        return [f"commit {commit[:12]} has 1,000 statuses {context} and GitHub takes no more, so it shows an older one"]

    def _retire_older(self, plan: Plan, current: str, patience: Patience) -> list[str]:
        """Make inactive what was live before, newest first, up to the first that already is.

        What failed stays as it is: its mark is history, and what is newer settles what runs. An undeployment is
        inactive by itself, so it does not end the search.
        """
        decision = plan.decision
        verb = "replaced by" if decision.action == "deploy" else "undeployed with"
        text = self._described(f"{verb} {decision.model} {decision.version}")
        try:
            for deployment, payload in self._reader.ours(plan.environment, decision.model, decision.stage, patience):
                if int(deployment["id"]) >= int(current):
                    continue
                state = self._reader.last_state(str(deployment["id"]), patience)
                if state == INACTIVE and payload.get("action", "deploy") == "deploy":
                    break
                if state == SUCCESS:
                    self._set_state(str(deployment["id"]), INACTIVE, text, patience)
        except MachineryFailed as problem:
            return [f"the deployment before this one still looks active on GitHub: {problem.message}"]
        return []

    def _find_attempt(self, plan: Plan, attempt: str, patience: Patience) -> str | None:
        decision = plan.decision
        return self._reader.find_attempt(plan.environment, decision.model, decision.stage, attempt, patience)

    def _described(self, text: str) -> str:
        return _cut(self._scrub(text))


def _require_state(answer: object, state: str) -> None:
    """What is in between may answer 200 with a page of its own: only GitHub's word that it recorded `state` counts."""
    if not isinstance(answer, dict) or answer.get("state") != state:
        raise MachineryFailed(
            Reason.GITHUB_FAILED,
            f"GitHub's answer does not say that the state {state} was recorded",
            hint="does a proxy answer for GitHub? then run the job again",
        )


def _as_commit_state(state: str) -> str:
    """A commit knows no `inactive`: an undeployment that went well is a success of its own."""
    return SUCCESS if state == INACTIVE else state


def _environment(plan: Plan) -> str:
    return environment_name(plan.environment, plan.decision.model)


def _context(model: str, stage: str) -> str:
    return status_context("model-deploy/", f"{model}/{stage}")


def _cut(text: str) -> str:
    """At most 140 characters of printable text."""
    plain = "".join(character if character.isprintable() else " " for character in text)
    return plain if len(plain) <= _DESCRIPTION else plain[: _DESCRIPTION - 1] + "…"
