"""Deployments on GitLab: the record in Git, and on it what people look at: Deployments, commit statuses, environments.

GitLab's Deployments hold no payload and no history of states, and a commit status 255 characters: neither can say why
a version was allowed or what it replaced. Notes on commits could, but anybody who may comment can write those, and
their author can change them. So the record is git_log.py's, append-only on the same remote as the tags, and GitLab
shows it: if it cannot be shown from the start, nothing is deployed; an end that it cannot be told is a warning.

An environment is `<environment>/<model>`, as on GitHub: GitLab shows those of one environment as a folder.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from typing import Any

from model_stage_deploy.adapters.git_log import GitLog
from model_stage_deploy.adapters.gitlab_approvals import MOST_TEXT, GitLabApprovals, named
from model_stage_deploy.adapters.gitlab_client import GitLabClient, GitLabProblem, Patience, strange, text_of
from model_stage_deploy.core.errors import MachineryFailed
from model_stage_deploy.core.evidence import Approved, Evidence
from model_stage_deploy.core.inert import one_line
from model_stage_deploy.core.lifecycle import INACTIVE, SUCCESS, UNDER_WAY, Recorded, Records
from model_stage_deploy.core.plan import Plan, doing
from model_stage_deploy.core.reasons import Reason
from model_stage_deploy.core.tags import slug
from model_stage_deploy.ports import Ending

_MOST_NAME = 255  # characters of an environment's name
_NAME = re.compile(r"(?!/)[A-Za-z0-9_/${}. -]+(?<!/)")
"""What GitLab takes for an environment's name (Gitlab::Regex.environment_name_regex)."""
_RUNNING_READ = 500  # deployments of one environment that are under way: those of dead runs, at the most


class GitLabDeployments:
    """Fulfils the CodeHost port."""

    def __init__(self, client: GitLabClient, log: GitLog, scrub: Callable[[str], str], run_url: str = "") -> None:
        self._client = client
        self._log = log
        self._scrub = scrub
        self._run_url = run_url
        self._approvals = GitLabApprovals(client, scrub, run_url)
        self._shown: dict[str, tuple[int, int]] = {}  # deployment -> GitLab's deployment and environment

    def start(self, plan: Plan, attempt: str, evidence: Evidence) -> str:
        """Record the start (see the port): in Git, as a running Deployment, and as a commit status."""
        deployment_id = self._log.start(plan, attempt, evidence)
        try:
            self._shown[deployment_id] = self._open(plan)
            self._set_commit_status(plan, "running", doing(plan), "patient")
        except MachineryFailed as problem:
            self._abandon(plan, attempt, deployment_id)
            if problem.reason is Reason.PERMISSION_MISSING:
                raise
            raise MachineryFailed(
                Reason.START_NOT_RECORDED,
                f"nothing was deployed, because the start could not be shown on GitLab: {problem.message}",
                hint=f"{problem.hint}; to deploy with a record in Git alone, use --records git",
            ) from problem
        return deployment_id

    def placed(self, plan: Plan, deployment_id: str) -> None:
        """Record that the deployer ended well (see the port). GitLab knows no such state: it goes on running."""
        self._log.placed(plan, deployment_id)

    def finish(self, plan: Plan, attempt: str, deployment_id: str | None, ending: Ending) -> list[str]:
        """Record the end (see the port), then show it: what GitLab cannot be told is a warning."""
        patience: Patience = "hurry" if ending.hurry else "patient"
        try:
            warnings = self._log.finish(plan, attempt, deployment_id, ending)
        except MachineryFailed:
            with suppress(MachineryFailed):
                self._show(plan, deployment_id, ending, "hurry")
            raise
        try:
            self._show(plan, deployment_id, ending, patience)
        except MachineryFailed as problem:
            place = environment_name(plan.environment, plan.decision.model)
            return [*warnings, f"GitLab's page of {place} is out of date: {problem.message}"]
        return warnings

    def close(self, record: Recorded, summary: str) -> None:
        """End a record that nobody works on any more (see the port): on GitLab first, so that a failure is met again.

        There, what is under way of its commit and tag in its environment is of it: no other run works on that stage.
        """
        model, stage = self._log.place_of(record.id)
        known = next((each for each in self._log.reread(record.id) if each.id == record.id), None)
        if known is None or known.state not in UNDER_WAY:
            return
        place = environment_name(record.environment, model)
        own = {shown for shown, _ in self._shown.values()}
        for deployment in self._running(place, record.commit, record.tag):
            if deployment.get("id") not in own:
                self._set_state(deployment, "canceled", "patient")
        self._post_status(
            record.commit, record.tag, _context(model, stage), "canceled", summary, record.log_url, "patient"
        )
        self._log.close(record, summary)

    def records(self, model: str, stage: str, environment: str, *, limit: int, past: int = 0) -> Records:
        """What became of the deployments of model and stage (see the port and GitLog)."""
        return self._log.records(model, stage, environment, limit=limit, past=past)

    def approve(self, model: str, version: str, stage: str, commit: str, message: str) -> str:
        """Record an approval (see the port and GitLabApprovals)."""
        return self._approvals.approve(model, version, stage, commit, message)

    def approvals(self, model: str, version: str, stage: str, commit: str) -> Sequence[Approved]:
        """Approvals, newest first (see the port and GitLabApprovals)."""
        return self._approvals.approvals(model, version, stage, commit)

    def _open(self, plan: Plan) -> tuple[int, int]:
        """Create the Deployment exactly once: after an unclear failure, look for it before trying again."""
        decision = plan.decision
        place = environment_name(plan.environment, decision.model)
        body = {"environment": place, "sha": decision.commit, "ref": decision.tag, "tag": True, "status": "running"}
        try:
            answer = self._client.send("POST", "/deployments", body, patience="once")
        except GitLabProblem as problem:
            if problem.status is not None and problem.status < 500:
                raise
            found = self._running(place, decision.commit, decision.tag)
            answer = found[0] if found else self._client.send("POST", "/deployments", body, patience="once")
        if not isinstance(answer, dict) or answer.get("sha") != decision.commit:
            raise strange("POST /deployments", f"is not for commit {decision.commit[:12]}")
        return _numbers(answer)

    def _abandon(self, plan: Plan, attempt: str, deployment_id: str) -> None:
        """Close what a failed start left behind, if that is possible at all; the start's own error matters more."""
        ending = Ending("error", "the start could not be shown on GitLab; nothing was deployed")
        with suppress(MachineryFailed):
            self._log.finish(plan, attempt, deployment_id, ending)
        with suppress(MachineryFailed):
            if deployment_id in self._shown:
                self._set_state({"id": self._shown[deployment_id][0]}, "canceled", "hurry")

    def _show(self, plan: Plan, deployment_id: str | None, ending: Ending, patience: Patience) -> None:
        """The end, for people: the Deployment, the commit status, and the environment's address or its stop."""
        state = "success" if ending.state in (SUCCESS, INACTIVE) else "failed"
        shown = self._shown.get(deployment_id or "")
        if shown is None and patience != "hurry":  # else there is no time to look for it: the next run closes it
            place = environment_name(plan.environment, plan.decision.model)
            found = self._running(place, plan.decision.commit, plan.decision.tag)
            shown = _numbers(found[0]) if found else None
        if shown is not None:
            self._set_state({"id": shown[0]}, state, patience)
        self._set_commit_status(plan, state, ending.summary, patience)
        if shown is not None and ending.state == INACTIVE:
            self._client.send("POST", f"/environments/{shown[1]}/stop", {}, patience=patience)
        url = self._scrub(ending.environment_url or "")
        if shown is not None and url.startswith(("https://", "http://")) and len(url) <= MOST_TEXT:
            self._client.send("PUT", f"/environments/{shown[1]}", {"external_url": url}, patience=patience)

    def _running(self, place: str, commit: str, tag: str) -> list[dict[str, Any]]:
        """Deployments of an environment, commit and tag that are under way by GitLab, newest first."""
        asked = {"environment": place, "status": "running", "order_by": "id", "sort": "desc"}
        found = self._client.pages("/deployments", asked, limit=_RUNNING_READ)
        return [each for each in found if each.get("sha") == commit and each.get("ref") == tag]

    def _set_state(self, deployment: Mapping[str, Any], state: str, patience: Patience) -> None:
        path = f"/deployments/{int(deployment['id'])}"
        try:
            answer = self._client.send("PUT", path, {"status": state}, patience=patience)
        except GitLabProblem as problem:
            if problem.status == 400 and text_of(self._client.get(path), "status") == state:
                return  # an answer was lost: it is there already, and no state follows itself
            raise
        if text_of(answer, "status") != state:
            raise strange(f"PUT {path}", f"does not say that the state {state} was recorded")

    def _set_commit_status(self, plan: Plan, state: str, text: str, patience: Patience) -> None:
        decision = plan.decision
        context = _context(decision.model, decision.stage)
        self._post_status(decision.commit, decision.tag, context, state, text, self._run_url, patience)

    def _post_status(
        self, commit: str, tag: str, context: str, state: str, text: str, url: str, patience: Patience
    ) -> None:
        body = {"state": state, "name": context, "description": one_line(self._scrub(text), MOST_TEXT)}
        if tag and len(tag) <= MOST_TEXT:
            body["ref"] = tag
        if url and len(url) <= MOST_TEXT:
            body["target_url"] = url
        path = f"/statuses/{commit}"
        try:
            answer = self._client.send("POST", path, body, patience=patience)
        except GitLabProblem as problem:
            if problem.status == 400 and "annot transition status" in problem.message:
                return  # it is in that state: a dead run left it so, or an answer was lost
            raise
        if text_of(answer, "status") != state:
            raise strange(f"POST {path}", f"does not say that the state {state} was recorded")


def environment_name(environment: str, model: str) -> str:
    """The environment's name on GitLab; one that GitLab does not take keeps a hash, so that no two are the same."""
    whole = f"{environment}/{model}"
    return whole if len(whole) <= _MOST_NAME and _NAME.fullmatch(whole) else slug(whole, limit=_MOST_NAME)


def _numbers(deployment: Mapping[str, Any]) -> tuple[int, int]:
    """The ids of a deployment and of its environment."""
    environment = deployment.get("environment")
    found = deployment.get("id"), environment.get("id") if isinstance(environment, dict) else None
    if not isinstance(found[0], int) or not isinstance(found[1], int):
        raise strange("POST /deployments", "holds no ids")
    return found[0], found[1]


def _context(model: str, stage: str) -> str:
    return named("model-deploy/", f"{model}/{stage}")
