"""The shapes in which GitHub tells its facts: JSON objects of the operations that the stand-in answers."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from urllib.parse import quote, urlencode

from tests.standins.github_state import CommitStatus, Deployment, DeploymentStatus

_FOUNDED = "2024-01-01T00:00:00Z"
# ruff: noqa: SIM905 - seventy short words read better as text than as a list of quotes
_REPOSITORY_LINKS = (
    "assignees{/user} blobs{/sha} branches{/branch} collaborators{/collaborator} comments{/number} "
    "commits{/sha} compare/{base}...{head} contents/{+path} contributors deployments downloads events "
    "forks git_commits{/sha} git_refs{/sha} git_tags{/sha} hooks issue_comment{/number} "
    "issue_events{/number} issues{/number} keys{/key_id} labels{/name} languages merges "
    "milestones{/number} notifications{?since,all,participating} pulls{/number} releases{/id} "
    "stargazers statuses/{sha} subscribers subscription tags teams trees{/sha}"
).split()
_USER_LINKS = (
    "followers following{/other_user} gists{/gist_id} starred{/owner}{/repo} subscriptions organizations "
    "repos events{/privacy} received_events"
).split()
_PATHS = {
    "git_commits": "git/commits",
    "git_refs": "git/refs",
    "git_tags": "git/tags",
    "issue_comment": "issues/comments",
    "issue_events": "issues/events",
    "organizations": "orgs",
    "trees": "git/trees",
}
_COUNTS = (
    "forks forks_count network_count open_issues open_issues_count size stargazers_count "
    "subscribers_count watchers watchers_count"
).split()


def stamp(moment: datetime) -> str:
    """A time as GitHub writes it: UTC, whole seconds."""
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


@dataclass(frozen=True)
class Answers:
    """Writes JSON answers whose links lead back to the address that the client used.

    Arguments: `base` (scheme, host, port and path prefix, no slash at the end), `repository` (owner/name).
    """

    base: str
    repository: str
    default_branch: str = "main"
    creator: str = "github-actions[bot]"

    @property
    def repository_url(self) -> str:
        return f"{self.base}/repos/{self.repository}"

    def user(self, login: str, kind: str) -> dict[str, Any]:
        url = f"{self.base}/users/{quote(login)}"
        return {
            "login": login,
            "id": 41898282,
            "node_id": "MDM6Qm90NDE4OTgyODI=",
            "avatar_url": "https://avatars.githubusercontent.com/in/15368?v=4",
            "gravatar_id": "",
            "url": url,
            "html_url": f"https://github.com/{quote(login)}",
            "type": kind,
            "site_admin": False,
            **_links(url, _USER_LINKS),
        }

    def deployment(self, deployment: Deployment) -> dict[str, Any]:
        url = f"{self.repository_url}/deployments/{deployment.id}"
        return {
            "url": url,
            "id": deployment.id,
            "node_id": f"DE_{deployment.id}",
            "sha": deployment.sha,
            "ref": deployment.ref,
            "task": deployment.task,
            "payload": deployment.payload,
            "original_environment": deployment.original_environment,
            "environment": deployment.environment,
            "description": deployment.description,
            "creator": self.user(self.creator, "Bot"),
            "created_at": stamp(deployment.created_at),
            "updated_at": stamp(deployment.updated_at),
            "statuses_url": f"{url}/statuses",
            "repository_url": self.repository_url,
            "transient_environment": deployment.transient_environment,
            "production_environment": deployment.production_environment,
            "performed_via_github_app": None,
        }

    def deployment_status(self, status: DeploymentStatus) -> dict[str, Any]:
        deployment_url = f"{self.repository_url}/deployments/{status.deployment_id}"
        return {
            "url": f"{deployment_url}/statuses/{status.id}",
            "id": status.id,
            "node_id": f"DES_{status.id}",
            "state": status.state,
            "creator": self.user(self.creator, "Bot"),
            "description": status.description,
            "environment": status.environment,
            "target_url": status.log_url,
            "log_url": status.log_url,
            "environment_url": status.environment_url,
            "created_at": stamp(status.created_at),
            "updated_at": stamp(status.created_at),
            "deployment_url": deployment_url,
            "repository_url": self.repository_url,
            "performed_via_github_app": None,
        }

    def simple_commit_status(self, status: CommitStatus) -> dict[str, Any]:
        return {
            "url": f"{self.repository_url}/statuses/{status.sha}",
            "avatar_url": "https://avatars.githubusercontent.com/in/15368?v=4",
            "id": status.id,
            "node_id": f"SC_{status.id}",
            "state": status.state,
            "description": status.description,
            "target_url": status.target_url,
            "context": status.context,
            "created_at": stamp(status.created_at),
            "updated_at": stamp(status.created_at),
        }

    def commit_status(self, status: CommitStatus) -> dict[str, Any]:
        return {**self.simple_commit_status(status), "creator": self.user(status.creator, "User")}

    def combined_status(self, sha: str, latest: list[CommitStatus], page: list[CommitStatus]) -> dict[str, Any]:
        """The combined state by GitHub's rule: any failure or error, else none or any pending, else success."""
        states = {each.state for each in latest}
        waiting = "pending" if not states or "pending" in states else "success"
        commit = f"{self.repository_url}/commits/{sha}"
        return {
            "state": "failure" if states & {"failure", "error"} else waiting,
            "statuses": [self.simple_commit_status(each) for each in page],
            "sha": sha,
            "total_count": len(latest),
            "repository": self.minimal_repository(),
            "commit_url": commit,
            "url": f"{commit}/status",
        }

    def workflow_run(self, run_id: int) -> dict[str, Any]:
        """What a start by hand answers where it was asked for details."""
        return {
            "workflow_run_id": run_id,
            "run_url": f"{self.repository_url}/actions/runs/{run_id}",
            "html_url": f"https://github.com/{self.repository}/actions/runs/{run_id}",
        }

    def minimal_repository(self) -> dict[str, Any]:
        owner, _, name = self.repository.partition("/")
        web = f"https://github.com/{self.repository}"
        return {
            "id": 1296269,
            "node_id": "R_kgDOABPHjQ",
            "name": name,
            "full_name": self.repository,
            "owner": self.user(owner, "Organization"),
            "private": True,
            "html_url": web,
            "description": None,
            "fork": False,
            "url": self.repository_url,
            "archive_url": f"{self.repository_url}/{{archive_format}}{{/ref}}",
            **_links(self.repository_url, _REPOSITORY_LINKS),
        }

    def full_repository(self) -> dict[str, Any]:
        web = f"https://github.com/{self.repository}"
        return {
            **self.minimal_repository(),
            **dict.fromkeys(_COUNTS, 0),
            **dict.fromkeys(("archived", "disabled", "has_pages", "has_discussions"), False),
            **dict.fromkeys(("has_issues", "has_projects", "has_wiki"), True),
            **dict.fromkeys(("homepage", "language", "license", "mirror_url"), None),
            **dict.fromkeys(("created_at", "updated_at", "pushed_at"), _FOUNDED),
            "clone_url": f"{web}.git",
            "git_url": f"git://github.com/{self.repository}.git",
            "ssh_url": f"git@github.com:{self.repository}.git",
            "svn_url": web,
            "default_branch": self.default_branch,
            "visibility": "private",
        }

    @staticmethod
    def rate_limit(limit: int, used: int, reset: int) -> dict[str, Any]:
        core = {"limit": limit, "used": used, "remaining": limit - used, "reset": reset}
        search = {"limit": 30, "used": 0, "remaining": 30, "reset": reset}
        return {"resources": {"core": core, "search": search, "graphql": core}, "rate": core}

    def page_links(self, path: str, query: dict[str, str], page: int, last: int) -> str | None:
        """The `Link` header of one page of a list, in GitHub's order; None where there is one page only."""
        wanted = {"prev": page - 1, "next": page + 1, "last": last, "first": 1}
        if page <= 1:
            del wanted["prev"], wanted["first"]
        if page >= last:
            del wanted["next"], wanted["last"]
        links = [
            f'<{self.base}{path}?{urlencode({**query, "page": number})}>; rel="{name}"'
            for name, number in wanted.items()
        ]
        return ", ".join(links) or None


def _links(base: str, templates: list[str]) -> dict[str, str]:
    names = [template.partition("{")[0].rstrip("/") for template in templates]
    return {
        f"{name}_url": f"{base}/{_PATHS.get(name, name)}{template[len(name) :]}"
        for name, template in zip(names, templates, strict=True)
    }
