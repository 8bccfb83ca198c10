"""What the stand-in knows of people, teams, check runs and branches, and the shapes in which GitHub tells it."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

FIRST_CHECK_RUN_ID = 9_000_000_001
_FOUNDED = "2024-01-01T00:00:00Z"
_BASES = {"maintain": "write", "triage": "read"}  # `permission` has fewer words than `role_name`


@dataclass(frozen=True)
class CheckRun:
    """A check run; `conclusion` is None until it has ended."""

    id: int
    name: str
    status: str
    conclusion: str | None


@dataclass(frozen=True)
class Branch:
    """A branch; `rules` are the kinds of the rules that rule sets lay on it."""

    sha: str
    protected: bool = False
    rules: tuple[str, ...] = ()


@dataclass
class ForgeState:
    """`roles`: login to role, for everybody whom GitHub knows. `teams`: org/team to its members and their states."""

    roles: dict[str, str] = field(default_factory=dict)
    bases: dict[str, str] = field(default_factory=dict)
    teams: dict[str, dict[str, str]] = field(default_factory=dict)
    runs: dict[str, list[CheckRun]] = field(default_factory=dict)
    branches: dict[str, Branch] = field(default_factory=dict)

    def add_run(self, sha: str, name: str, conclusion: str | None, status: str) -> CheckRun:
        number = FIRST_CHECK_RUN_ID + sum(len(each) for each in self.runs.values())
        run = CheckRun(number, name, status, conclusion)
        self.runs.setdefault(sha, []).append(run)
        return run

    def role(self, login: str) -> tuple[str, str] | None:
        """Role and base permission of a login, None where GitHub knows nobody of that name."""
        found = {known.casefold(): role for known, role in self.roles.items()}.get(login.casefold())
        return None if found is None else (found, self.bases.get(found) or _BASES.get(found, found))

    def membership(self, team: str, login: str) -> str | None:
        members = {known.casefold(): state for known, state in self.teams[team].items()}
        return members.get(login.casefold())


def permission_answer(user: dict[str, Any], role: str, base: str) -> dict[str, Any]:
    return {"permission": base, "role_name": role, "user": {**user, "role_name": role}}


def membership_answer(url: str, state: str) -> dict[str, Any]:
    return {"url": url, "role": "member", "state": state}


def team_answer(base: str, org: str, slug: str) -> dict[str, Any]:
    url = f"{base}/orgs/{org}"
    team = f"{base}/organizations/1/team/1"
    links = ("repos", "events", "hooks", "issues", "members", "public_members", "avatar")
    organization = {
        **{f"{name}_url": f"{url}/{name}" for name in links},
        **dict.fromkeys(("has_organization_projects", "has_repository_projects"), True),
        **dict.fromkeys(("public_repos", "public_gists", "followers", "following"), 0),
        "login": org,
        "id": 1,
        "node_id": "O_1",
        "url": url,
        "html_url": f"https://github.com/{org}",
        "description": None,
        "type": "Organization",
        "archived_at": None,
        **dict.fromkeys(("created_at", "updated_at"), _FOUNDED),
    }
    return {
        "id": 1,
        "node_id": "T_1",
        "name": slug,
        "slug": slug,
        "description": None,
        "permission": "push",
        "url": team,
        "members_url": f"{team}/members{{/member}}",
        "repositories_url": f"{team}/repos",
        "html_url": f"https://github.com/orgs/{org}/teams/{slug}",
        "type": "organization",
        "members_count": 1,
        "repos_count": 1,
        "created_at": _FOUNDED,
        "updated_at": _FOUNDED,
        "organization": organization,
    }


def run_answer(base: str, sha: str, run: CheckRun) -> dict[str, Any]:
    url = f"{base}/check-runs/{run.id}"
    return {
        "id": run.id,
        "node_id": f"CR_{run.id}",
        "head_sha": sha,
        "name": run.name,
        "url": url,
        "html_url": None,
        "details_url": None,
        "external_id": None,
        "app": None,
        "pull_requests": [],
        "status": run.status,
        "conclusion": run.conclusion,
        "check_suite": {"id": 1},
        "started_at": _FOUNDED,
        "completed_at": None if run.conclusion is None else _FOUNDED,
        "output": {
            **dict.fromkeys(("title", "summary", "text")),
            "annotations_count": 0,
            "annotations_url": f"{url}/annotations",
        },
    }


def branch_answer(base: str, name: str, branch: Branch) -> dict[str, Any]:
    url = f"{base}/branches/{name}"
    commit = f"{base}/commits/{branch.sha}"
    person = {"name": "Ada Model", "email": "ada@example.com", "date": _FOUNDED}
    verification = {"verified": False, "reason": "unsigned", **dict.fromkeys(("payload", "signature", "verified_at"))}
    return {
        "name": name,
        "protected": branch.protected,
        "protection": {"enabled": branch.protected},
        "protection_url": f"{url}/protection",
        "_links": {"self": url, "html": f"https://github.com/org/models/tree/{name}"},
        "commit": {
            "url": commit,
            "sha": branch.sha,
            "node_id": f"C_{branch.sha}",
            "html_url": commit,
            "comments_url": f"{commit}/comments",
            "author": {},
            "committer": {},
            "parents": [],
            "commit": {
                "url": commit,
                "message": "a change",
                "comment_count": 0,
                "author": person,
                "committer": person,
                "tree": {"url": f"{base}/git/trees/{branch.sha}", "sha": branch.sha},
                "verification": verification,
            },
        },
    }


def rule_answer(kind: str) -> dict[str, Any]:
    """A rule that holds on a branch; only kinds that need no parameters, and those that tests use."""
    rule: dict[str, Any] = {"type": kind, "ruleset_source_type": "Repository", "ruleset_source": "org/models"}
    flags = (
        *("dismiss_stale_reviews_on_push", "require_code_owner_review"),
        *("require_last_push_approval", "required_review_thread_resolution"),
    )
    if kind == "pull_request":
        rule["parameters"] = {**dict.fromkeys(flags, False), "required_approving_review_count": 1}
    return {**rule, "ruleset_id": 1}
