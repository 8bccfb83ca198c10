"""A GitLab CI job without a container: the script of the example, on a real remote and a GitLab stand-in."""

from __future__ import annotations

import base64
import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from tests.contract.generate import ROOT
from tests.faces.command_lines import Done, assert_civil, environment
from tests.standins.git_remote import GitRemote
from tests.standins.gitlab import GitLabStandIn
from tests.standins.registries import GitRepository

PROJECT = "ml/models"
TOKEN = "glpat-OnlyForTests01234"
JOB_TOKEN = "glcbt-OnlyForTests01234"
EXAMPLE = ROOT / "workflows-examples" / "gitlab-ci.yml"
MAPPING = """\
version: 1
defaults: {lock: {use: none}}
stages:
  prod:
    environment: production
    url: "https://models.example.com/{{ model.slug }}"
    deploy: {run: 'echo "deploying $MSD_VERSION"; test "$MSD_VERSION" != v9.0.0'}
    verify: [{run: 'true'}]
  staging:
    gates: {approval: {by: ["permission:maintain"]}}
    deploy: {run: 'true'}
"""


def script(job: str) -> str:
    """The script of a job of the example, as GitLab makes it of the lines."""
    document: dict[str, Any] = yaml.safe_load(EXAMPLE.read_text(encoding="utf-8"))
    lines: list[str] = document[job]["script"]
    return "\n".join(["set -eo pipefail", *lines])


class GitLabRemote(GitRemote):
    """Lets in whoever has one of `tokens`, by any name, and a job's own token by the name that GitLab gives it."""

    tokens: tuple[str, ...] = (TOKEN,)

    def authorized(self, header: str | None) -> bool:
        pair = base64.b64decode((header or "").removeprefix("Basic ").removeprefix("basic ")).decode()
        name, _, token = pair.partition(":")
        return bool(name and token in self.tokens) or pair == f"gitlab-ci-token:{JOB_TOKEN}"


@dataclass
class Project:
    """The project `ml/models`: its repository, where GitLab has it, and GitLab; `run` runs a job of the example."""

    path: Path
    repository: GitRepository
    remote: GitLabRemote
    gitlab: GitLabStandIn
    extra: dict[str, str] = field(default_factory=dict)
    runs: int = 0

    def publish(self) -> None:
        """Bring the branches and tags of the remote up to date; what else is there stays."""
        bare = str(self.remote.directory(*PROJECT.split("/")))
        self.repository.git("push", "--quiet", bare, "refs/heads/*:refs/heads/*", "refs/tags/*:refs/tags/*")

    def release(self, version: str, *tags: str) -> None:
        """A new version of the model churn, with its tags for stages; the remote has them then."""
        self.repository.commit({"model.bin": version})
        for tag in (f"churn@{version}", *tags):
            self.repository.tag(tag)
        self.publish()

    def map(self, mapping: str) -> None:
        """Put another mapping on the default branch."""
        self.repository.commit({"model-stages.yml": mapping})
        self.publish()

    def push(self, tag: str, **variables: str) -> Done:
        """The pipeline of a pushed tag."""
        commit = self.repository.tags()[tag]
        return self.run("deploy-model", CI_COMMIT_TAG=tag, CI_COMMIT_SHA=commit, CI_PIPELINE_SOURCE="push", **variables)

    def on_main(self, job: str, source: str, **variables: str) -> Done:
        """A pipeline of the default branch."""
        commit = self.repository.git("rev-parse", "main")
        return self.run(job, CI_COMMIT_BRANCH="main", CI_COMMIT_SHA=commit, CI_PIPELINE_SOURCE=source, **variables)

    def run(self, job: str, **variables: str) -> Done:
        """A job, as GitLab runs it; `sh` in place of a job's name runs what `SCRIPT` says."""
        self.runs += 1
        text = variables.pop("SCRIPT", "") or script(job)
        room = self.path / f"job-{self.runs}"
        workspace = room / "builds"
        workspace.mkdir(parents=True)
        if job != "deploy-model":
            self._fetch(workspace, variables["CI_COMMIT_SHA"])
        done = subprocess.run(
            ["bash", "-c", text.replace("python -I", f"{sys.executable} -I")],
            cwd=workspace,
            env=self._environment(room, workspace) | variables | self.extra,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=False,
        )
        found = Done(done.returncode, done.stdout, done.stderr)
        if done.returncode not in (-9, 137):  # killed
            assert_civil(found)
        assert TOKEN not in found.out + found.err
        assert JOB_TOKEN not in found.out + found.err
        return found

    def _environment(self, room: Path, workspace: Path) -> dict[str, str]:
        return environment(room) | {
            "CI": "true",
            "GITLAB_CI": "true",
            "CI_SERVER_URL": self.remote.url,
            "CI_API_V4_URL": self.gitlab.url,
            "CI_PROJECT_PATH": PROJECT,
            "CI_PROJECT_ID": "4321",
            "CI_PROJECT_DIR": str(workspace),
            "CI_DEFAULT_BRANCH": "main",
            "CI_JOB_ID": str(9000 + self.runs),
            "CI_JOB_URL": f"https://gitlab.example.com/{PROJECT}/-/jobs/{9000 + self.runs}",
            "CI_JOB_TOKEN": JOB_TOKEN,
            "CI_REPOSITORY_URL": f"{self.remote.url.replace('://', f'://gitlab-ci-token:{JOB_TOKEN}@')}/{PROJECT}.git",
            "CI_COMMIT_BEFORE_SHA": "0" * 40,
            "GITLAB_USER_LOGIN": "ada",
            "GITLAB_USER_EMAIL": "ada@example.com",
            "GITLAB_TOKEN": TOKEN,
        }

    def _fetch(self, workspace: Path, commit: str) -> None:
        """What the runner's `GIT_STRATEGY: fetch` leaves: a shallow clone without tags."""
        bare = self.remote.directory(*PROJECT.split("/"))
        here = GitRepository(workspace)
        here.git("remote", "add", "origin", f"{self.remote.url}/{PROJECT}.git")
        here.git("fetch", "--quiet", "--no-tags", "--depth=1", f"file://{bare}", commit)
        here.git("checkout", "--quiet", "--detach", commit)
