"""A user's world on loopback: their repository behind a git remote, GitHub, and the service they deploy to."""

from __future__ import annotations

import json
import threading
from collections.abc import Mapping
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

from tests.acceptance.runner import Run, Runner
from tests.standins.git_remote import GitRemote
from tests.standins.github import GitHubStandIn
from tests.standins.registries import GitRepository

REPOSITORY = "org/models"
TOKEN = "ghs_0123456789abcdefOnlyForTests"
HOOK_SECRET = "whsec_aG9vay1zZWNyZXQtMDEyMzQ1Njc4OS1mb3ItdGVzdHM="
ABOUT = {
    "repository": {"full_name": REPOSITORY, "name": "models", "default_branch": "main"},
    "sender": {"login": "ada"},
}
PERMISSIONS = {"contents": "write", "deployments": "write", "statuses": "write"}

MAPPING = """\
version: 1
stages:
  staging:
    environment: staging
    deploy:
      run: ./deploy.sh
  slow:
    environment: slow
    deploy:
      run: 'curl --fail --silent --data started "RECEIVER/started"; sleep 600'
  prod:
    environment: production
    url: "https://models.example.com/{{ model.slug }}"
    secrets: [DEPLOY_HOOK_SECRET]
    deploy:
      uses: webhook
      with:
        url: "RECEIVER/models/{{ model.name | urlencode }}"
        secret: "{{ secrets.DEPLOY_HOOK_SECRET }}"
      timeout: 1m
"""
# Says what it was given and what the model's directory holds: from outside, that is what was deployed.
SCRIPT = """\
#!/usr/bin/env bash
set -euo pipefail
env --null | curl --fail --silent --show-error --data-binary @- "RECEIVER/environment"
curl --fail --silent --show-error --data-binary "@$MSD_MODEL_DIR/models/churn.pkl" "RECEIVER/model"
"""
# What a tagged commit may bring along, none of which may count: a mapping, a script, modules of our names.
TRAPS = {
    ".github/model-stages.yml": MAPPING.replace("/models/", "/stolen/").replace("./deploy.sh", "./stolen.sh"),
    "deploy.sh": "#!/usr/bin/env bash\nexit 66\n",
    "yaml.py": "raise SystemExit('a module of the checkout was run')\n",
    "model_stage_deploy.py": "raise SystemExit('a module of the checkout was run')\n",
    "sitecustomize.py": "raise SystemExit('a module of the checkout was run')\n",
}
# An annotation that tries to be an output, a workflow command and a shell's work; as YAML (JSON is YAML).
DESCRIPTION = (
    "The churn model\nversion=v6.6.6\n::set-output name=version::v6.6.6\n$(exit 66) `exit 66` %0A ]]> | </details>"
)
ARTIFACTS = {"artifacts": {"churn": {"path": "models/churn.pkl", "type": "model", "desc": DESCRIPTION}}}
EXAMPLE = (Path(__file__).resolve().parents[2] / "workflows-examples/deploy-on-tag.yml").read_text("utf-8")
WORKFLOW = """\
on:
  push:
    tags: ["**#**"]
  workflow_dispatch:
    inputs:
      model: {required: true, type: string}
      stage: {required: true, type: string}
      to: {required: false, type: string}
permissions: {contents: write, deployments: write, statuses: write}
jobs:
  deploy:
    runs-on: ubuntu-latest
    steps:
CHECKOUT
      - id: deploy
        uses: org/model-stage-deploy@v1
        with:
          command: ${{ github.event_name == 'workflow_dispatch' && 'rollback' || 'deploy' }}
          model: ${{ inputs.model }}
          stage: ${{ inputs.stage }}
          to: ${{ inputs.to }}
        env:
          DEPLOY_HOOK_SECRET: ${{ secrets.DEPLOY_HOOK_SECRET }}
      - id: after
        if: always()
        env:
          OUTPUTS: ${{ toJSON(steps.deploy.outputs) }}
        run: printf '%s' "$OUTPUTS" | jq --compact-output .
"""


def workflow(checkout: str = "") -> str:
    """A workflow like the example, with `checkout` as its first step, and one more that shows the outputs."""
    return WORKFLOW.replace("CHECKOUT\n", f"      - {checkout}\n" if checkout else "")


@dataclass(frozen=True)
class Delivery:
    """One request that the user's service received."""

    method: str
    path: str
    headers: Mapping[str, str]  # lower-case names
    body: bytes


class Receiver(ThreadingHTTPServer):
    """The service that is deployed to: takes everything but what is sent to `refusing`, and remembers it all in
    `deliveries`."""

    daemon_threads = True

    def __init__(self) -> None:
        self.deliveries: list[Delivery] = []
        self.refusing: set[str] = set()
        self.changed = threading.Condition()
        super().__init__(("127.0.0.1", 0), _ReceiverHandler)
        self._thread = threading.Thread(target=self.serve_forever, args=(0.02,), daemon=True)
        self._thread.start()

    @property
    def url(self) -> str:
        """Its address, without a slash at the end."""
        return f"http://127.0.0.1:{self.server_address[1]}"

    def at(self, path: str) -> list[Delivery]:
        """What was received at `path`."""
        return [delivery for delivery in self.deliveries if delivery.path == path]

    def wait_for(self, path: str, *, seconds: float) -> bool:
        """Whether something is received at `path` before the seconds are over."""
        with self.changed:
            return self.changed.wait_for(lambda: bool(self.at(path)), timeout=seconds)

    def __exit__(self, *_error: object) -> None:
        self.shutdown()
        self._thread.join()
        self.server_close()


class _ReceiverHandler(BaseHTTPRequestHandler):
    server: Receiver

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        headers = {name.lower(): value for name, value in self.headers.items()}
        with self.server.changed:
            self.server.deliveries.append(Delivery(self.command, self.path, headers, body))
            self.server.changed.notify_all()
        self.send_response(500 if self.path in self.server.refusing else 200)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - the base class's name
        """Silent: `deliveries` is the record."""


@dataclass(frozen=True)
class World:
    """Everything around one workflow run, and the ways to set it off."""

    repository: GitRepository
    remote: GitRemote
    github: GitHubStandIn
    receiver: Receiver
    runner: Runner

    def push(self, tag: str, workflow: str) -> Run:
        """What GitHub does when `tag` is pushed and the tagged commit has this workflow."""
        return self._run("push", self.push_event(tag), self.repository.tags()[tag], workflow)

    def dispatch(self, inputs: Mapping[str, str], workflow: str) -> Run:
        """What GitHub does when somebody starts the workflow by hand on the default branch."""
        event = {"ref": "refs/heads/main", "workflow": ".github/workflows/deploy.yml", "inputs": dict(inputs)}
        return self._run("workflow_dispatch", event | ABOUT, self.repository.git("rev-parse", "main"), workflow)

    def ask(self, payload: Mapping[str, Any], workflow: str) -> Run:
        """What GitHub does when a program asks through the API (`repository_dispatch`)."""
        event = {"action": "deploy-model", "branch": "main", "client_payload": dict(payload)}
        return self._run("repository_dispatch", event | ABOUT, self.repository.git("rev-parse", "main"), workflow)

    def schedule(self, workflow: str) -> Run:
        """What GitHub does when the time of a schedule has come: on the default branch, and nobody asked."""
        event = {"schedule": "23 * * * *", "workflow": ".github/workflows/reconcile.yml"}
        return self._run("schedule", event | ABOUT, self.repository.git("rev-parse", "main"), workflow)

    def push_event(self, tag: str) -> dict[str, Any]:
        """The event of a pushed tag, as GitHub writes it: `after` is the tag object, not the commit."""
        return {
            "ref": f"refs/tags/{tag}",
            "before": "0" * 40,
            "after": self.repository.git("rev-parse", f"refs/tags/{tag}"),
            "created": True,
            "deleted": False,
            "forced": False,
            "base_ref": None,
            "head_commit": {"id": self.repository.tags()[tag], "message": "Train"},
            "pusher": {"name": "ada", "email": "ada@example.com"},
            **ABOUT,
        }

    @property
    def servers(self) -> dict[str, str]:
        """The variables by which a runner says where GitHub is."""
        return {
            "GITHUB_REPOSITORY": REPOSITORY,
            "GITHUB_API_URL": self.github.url,
            "GITHUB_SERVER_URL": self.remote.url,
        }

    def _run(self, name: str, event: Mapping[str, Any], commit: str, workflow: str) -> Run:
        secrets = {"GITHUB_TOKEN": TOKEN, "DEPLOY_HOOK_SECRET": HOOK_SECRET}
        return self.runner.run(name, event, workflow=workflow, commit=commit, secrets=secrets, env=self.servers)


def users_repository(path: Path, receiver: str) -> GitRepository:
    """Two versions of `churn`, assigned in turn; the mapping and the script that count are on `main` only.

    v1.0.0 was in prod, v2.0.0 went to staging and then to prod; its deployment to slow takes ten minutes.
    """
    repository = GitRepository(path)
    traps = {name: text.replace("RECEIVER", receiver) for name, text in TRAPS.items()}
    for version, tags in (
        ("v1.0.0", ["churn#prod#1"]),
        ("v2.0.0", ["churn#staging#2", "churn#prod#3", "churn#slow#4"]),
    ):
        files = {"dvc.yaml": json.dumps(ARTIFACTS), "models/churn.pkl": f"churn {version}\n"}
        repository.commit({**traps, **files}, message=f"Train {version}")
        repository.tag(f"churn@{version}")
        for tag in tags:
            repository.tag(tag)
    for name in traps:
        (path / name).unlink()
    (path / "deploy.sh").write_text(SCRIPT.replace("RECEIVER", receiver), "utf-8")
    (path / "deploy.sh").chmod(0o755)
    repository.commit({".github/model-stages.yml": MAPPING.replace("RECEIVER", receiver)}, message="Map stages")
    return repository
