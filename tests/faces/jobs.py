"""A workflow job without a container: the action as a process, on a real remote and a GitHub stand-in."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tests.standins.git_remote import GitRemote
from tests.standins.github import GitHubStandIn
from tests.standins.receiver import Receiver
from tests.standins.registries import GitRepository, artifacts_file, isolated_environment

REPOSITORY = "org/models"
TOKEN = "ghs_OnlyForTests0123456789"
SECRET = "whsec_aG9vay1zZWNyZXQtMDEyMzQ1Njc4OS1mb3ItdGVzdHM="

# Without locks, which cost each run ten requests more: they have tests of their own, and the campaign.
MAPPING = """\
version: 1
defaults: {lock: {use: none}}
stages:
  dev:
    environment: development
    deploy: {run: "echo dev $MSD_MODEL $MSD_VERSION"}
  staging:
    environment: staging
    deploy: {run: ./deploy.sh}
  prod:
    environment: production
    url: "https://models.example.com/{{ model.slug }}"
    secrets: [DEPLOY_HOOK_SECRET]
    deploy:
      uses: webhook
      with:
        url: "RECEIVER/models/{{ model.name | urlencode }}"
        secret: "{{ secrets.DEPLOY_HOOK_SECRET }}"
      retries: 0
      timeout: 20s
"""
SCRIPT = """\
#!/usr/bin/env bash
echo "staging $MSD_MODEL $MSD_VERSION"
cat "$MSD_MODEL_DIR/models/churn.pkl"
"""


@dataclass(frozen=True)
class Ended:
    """How the action's process ended, and everything it wrote."""

    exit_code: int
    log: str
    outputs: dict[str, str]
    summary: str

    @property
    def document(self) -> dict[str, Any]:
        """The `json` output."""
        found: dict[str, Any] = json.loads(self.outputs["json"])
        return found

    @property
    def everything(self) -> str:
        """All that a reader could see, but for the masks that the runner swallows."""
        shown = [line for line in self.log.splitlines() if not line.startswith("::add-mask::")]
        return "\n".join([*shown, *self.outputs.values(), self.summary])


@dataclass
class Job:
    """A repository `org/models`, its remote, GitHub and a receiver; `push` and `dispatch` run the action."""

    path: Path
    repository: GitRepository
    remote: GitRemote
    github: GitHubStandIn
    receiver: Receiver
    extra: dict[str, str] = field(default_factory=dict)
    runs: int = 0
    program: tuple[str, ...] = (sys.executable, "-I", "-u", "-m", "model_stage_deploy.faces.action")

    def publish(self) -> None:
        """Bring the remote up to date."""
        self.remote.update(REPOSITORY, self.repository)

    def map(self, mapping: str, files: Mapping[str, str] | None = None) -> None:
        """Put another mapping (RECEIVER stands for the receiver's address), and other files, on the default branch."""
        text = mapping.replace("RECEIVER", self.receiver.url)
        self.repository.commit({".github/model-stages.yml": text, **(files or {})}, message="Say anew how to deploy")
        self.publish()

    def push(self, tag: str, *, checkout: str = "none", event: Mapping[str, Any] | None = None, **inputs: str) -> Ended:
        """The run that pushing `tag` starts. `checkout`: none, shallow (actions/checkout's default) or full."""
        return self.run(*self._pushed(tag, event), inputs, checkout)

    def begin_push(self, tag: str, **inputs: str) -> Any:
        """Start that run without a checkout; see `begin`."""
        return self.begin(*self._pushed(tag, None), inputs, "none")

    def _pushed(self, tag: str, event: Mapping[str, Any] | None) -> tuple[str, str, str, Mapping[str, Any]]:
        commit = self.repository.tags().get(tag, "0" * 40)
        after = self.repository.git("rev-parse", f"refs/tags/{tag}") if tag in self.repository.tags() else "0" * 40
        body = {"ref": f"refs/tags/{tag}", "after": after, "deleted": False, "forced": False} | dict(event or {})
        return "push", f"refs/tags/{tag}", commit, body

    def dispatch(self, *, checkout: str = "none", **inputs: str) -> Ended:
        """The run that somebody starts by hand on the default branch."""
        commit = self.repository.git("rev-parse", "main")
        return self.run("workflow_dispatch", "refs/heads/main", commit, {"inputs": inputs}, inputs, checkout)

    def run(
        self,
        name: str,
        ref: str,
        commit: str,
        body: Mapping[str, Any],
        inputs: Mapping[str, str],
        checkout: str,
    ) -> Ended:
        """One run of the action's process."""
        process, finish = self.begin(name, ref, commit, body, inputs, checkout)
        return finish(process.communicate(timeout=60)[0])

    def begin(
        self,
        name: str,
        ref: str,
        commit: str,
        body: Mapping[str, Any],
        inputs: Mapping[str, str],
        checkout: str,
    ) -> tuple[subprocess.Popen[str], Callable[[str], Ended]]:
        """Start the action's process; it and a function that turns its log into what it ended as."""
        self.runs += 1
        job = self.path / f"run-{self.runs}"
        workspace = job / "workspace"
        workspace.mkdir(parents=True)
        self._check_out(workspace, ref, commit, checkout)
        whole = dict(body) | {"repository": {"full_name": REPOSITORY, "default_branch": "main"}}
        (job / "event.json").write_text(json.dumps(whole), encoding="utf-8")
        environment = self._environment(job, workspace, name, ref, commit, inputs)
        process = subprocess.Popen(
            self.program,
            cwd=workspace,
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            encoding="utf-8",
            errors="replace",
        )

        def finish(log: str) -> Ended:
            outputs = read_outputs((job / "output").read_bytes().decode())
            return Ended(process.returncode, log, outputs, (job / "summary").read_text(encoding="utf-8"))

        return process, finish

    def _environment(
        self, job: Path, workspace: Path, name: str, ref: str, commit: str, inputs: Mapping[str, str]
    ) -> dict[str, str]:
        for file in ("output", "summary"):
            (job / file).touch()
        return {
            **isolated_environment(job),
            "GITHUB_ACTIONS": "true",
            "GITHUB_EVENT_NAME": name,
            "GITHUB_EVENT_PATH": str(job / "event.json"),
            "GITHUB_REF": ref,
            "GITHUB_SHA": commit,
            "GITHUB_REPOSITORY": REPOSITORY,
            "GITHUB_SERVER_URL": self.remote.url,
            "GITHUB_API_URL": self.github.url,
            "GITHUB_WORKSPACE": str(workspace),
            "GITHUB_OUTPUT": str(job / "output"),
            "GITHUB_STEP_SUMMARY": str(job / "summary"),
            "GITHUB_RUN_ID": str(1000 + self.runs),
            "GITHUB_RUN_ATTEMPT": "1",
            "GITHUB_ACTOR": "ada",
            "INPUT_TOKEN": TOKEN,
            "DEPLOY_HOOK_SECRET": SECRET,
            "TMPDIR": str(job),
            "NO_PROXY": "127.0.0.1",
            **{f"INPUT_{key.replace('_', '-').upper()}": value for key, value in inputs.items()},
            **self.extra,
        }

    def _check_out(self, workspace: Path, ref: str, commit: str, checkout: str) -> None:
        """What actions/checkout does, at its defaults or with `fetch-depth: 0`; past the HTTP server's token."""
        if checkout == "none":
            return
        bare = self.remote.directory(*REPOSITORY.split("/"))
        here = GitRepository(workspace)
        here.git("remote", "add", "origin", f"{self.remote.url}/{REPOSITORY}")
        if checkout == "shallow":
            here.git("fetch", "--quiet", "--no-tags", "--depth=1", f"file://{bare}", f"+{ref}:{ref}")
        elif checkout == "lightweight":  # actions/checkout up to v6.0.1 (T2)
            here.git(
                "fetch", "--quiet", f"file://{bare}", "+refs/heads/*:refs/remotes/origin/*", "+refs/tags/*:refs/tags/*"
            )
            here.git("update-ref", ref, commit)
        else:
            here.git(
                "fetch", "--quiet", f"file://{bare}", "+refs/heads/*:refs/remotes/origin/*", "+refs/tags/*:refs/tags/*"
            )
        if checkout == "stale":  # the folder of an earlier run, on a runner that keeps them
            newest = here.git(
                "for-each-ref", "--sort=-taggerdate", "--count=1", "--format=%(refname:strip=2)", "refs/tags"
            )
            here.git("tag", "--delete", newest)
        here.git("checkout", "--quiet", "--detach", commit)


def history(path: Path) -> GitRepository:
    """Two versions of `churn`: v1.0.0 in prod, then v2.0.0 in dev, staging and prod; no mapping yet."""
    repository = GitRepository(path)
    for version, tags in (("v1.0.0", ["churn#prod#1", "churn#dev#2"]), ("v2.0.0", ["churn#dev#3", "churn#staging#4"])):
        repository.commit({"dvc.yaml": artifacts_file(["churn"]), "models/churn.pkl": f"weights of {version}\n"})
        for tag in [f"churn@{version}", *tags]:
            repository.tag(tag)
    repository.tag("churn#prod#5")
    return repository


def users_repository(path: Path, receiver: str, beginning: GitRepository | None = None) -> GitRepository:
    """A copy of `beginning` (by default a new `history`), with the mapping and a deploy script on `main`."""
    if beginning is None:
        repository = history(path)
    else:
        shutil.copytree(beginning.path, path)
        repository = GitRepository(path, moment=beginning.moment)
    repository.commit({".github/model-stages.yml": MAPPING.replace("RECEIVER", receiver)}, message="Say how to deploy")
    script = path / "deploy.sh"
    script.write_text(SCRIPT, encoding="utf-8")
    script.chmod(0o755)
    repository.commit(message="Deploy with a script")
    return repository


def read_outputs(text: str) -> dict[str, str]:
    """GITHUB_OUTPUT as the runner reads it: `name=value` lines and heredocs."""
    outputs: dict[str, str] = {}
    lines = iter(text.split("\n"))
    for line in lines:
        heredoc = re.fullmatch(r"([^=<]+)<<(.+)", line)
        if heredoc:
            value = []
            for part in lines:
                if part == heredoc[2]:
                    break
                value.append(part)
            outputs[heredoc[1]] = "\n".join(value)
        elif "=" in line:
            name, _, value_text = line.partition("=")
            outputs[name] = value_text
    return outputs
