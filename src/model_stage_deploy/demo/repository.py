"""The demo's repository: a model in Git with its metrics, a mapping with gates, and a remote to push to."""

from __future__ import annotations

import json
import os
import subprocess
from dataclasses import dataclass
from pathlib import Path

from model_stage_deploy.core.errors import MachineryFailed
from model_stage_deploy.core.inert import one_line
from model_stage_deploy.core.reasons import Reason

ENVIRONMENTS = {"staging": "staging", "prod": "production"}
"""The environment of each stage, as the mapping has it."""
_IDENTITY = ("Ada", "ada@example.com")

MAPPING = """\
version: 1
stages:
  staging:
    environment: staging
    deploy:
      run: ./deploy.sh
    verify:
      - http:
          url: "http://127.0.0.1:{port}/staging/{{{{ model.slug }}}}"
          json: {{"$.version": "{{{{ version }}}}"}}   # the version that serves is the one that was sent
          interval: 0.3s
          deadline: 5s
  prod:
    environment: production
    secrets: [DEMO_HOOK_SECRET]
    gates:
      needs: [staging]                  # deployed and verified there first
      soak: {soak:<28}# and good there for so long
      metrics: ["accuracy >= 0.9", "auc >= live.auc - 0.005"]
      override: {{by: [ada], reason: required}}
    deploy:
      uses: webhook
      with:
        url: "http://127.0.0.1:{port}/prod"
        secret: "{{{{ secrets.DEMO_HOOK_SECRET }}}}"
      timeout: 30s
    verify:
      - http:
          url: "http://127.0.0.1:{port}/prod/{{{{ model.slug }}}}"
          json: {{"$.version": "{{{{ version }}}}"}}
          interval: 0.3s
          deadline: 1s
    on-failure: rollback
"""

_DESCRIPTION = """\
artifacts:
  churn:
    path: models/churn.txt
    type: model
    desc: Who is about to leave
metrics:
  - metrics.json
"""

_SCRIPT = """\
#!/usr/bin/env bash
echo "copying $(cat "$MSD_MODEL_DIR/$MSD_MODEL_PATH") to the $MSD_ENVIRONMENT server"
mkdir -p live && echo "$MSD_VERSION" > "live/$MSD_STAGE.$MSD_MODEL"
"""


@dataclass(frozen=True, slots=True)
class Training:
    """What came of one training run."""

    accuracy: float
    auc: float


class Repository:
    """A clone in `directory` with its remote inside `.git`, so that one directory is all there is.

    Every method raises MachineryFailed (git-failed) where git fails.
    """

    def __init__(self, directory: Path, port: int) -> None:
        self.directory = directory
        self._port = port
        self._runs = 0

    def create(self, soak: str) -> None:
        """Begin the history: the mapping, the deploy script, no model yet."""
        self.directory.mkdir(parents=True, exist_ok=True)
        self._git("init", "--quiet", "--initial-branch=main", "--template=")
        for name, value in zip(("user.name", "user.email"), _IDENTITY, strict=True):
            self._git("config", name, value)  # whoever plays with it may not have told git who they are
        for name, value in (("commit.gpgSign", "false"), ("tag.gpgSign", "false"), ("core.hooksPath", "/dev/null")):
            self._git("config", name, value)  # nor shall their own settings change the story
        remote = self.directory / ".git" / "demo-remote.git"
        self._git("init", "--quiet", "--bare", "--initial-branch=main", "--template=", str(remote))
        self._git("remote", "add", "origin", str(remote))
        self._write("dvc.yaml", _DESCRIPTION)
        self._write(".gitignore", "live/\n")
        self._write("deploy.sh", _SCRIPT)
        (self.directory / "deploy.sh").chmod(0o755)
        self.set_soak(soak)

    def set_soak(self, soak: str) -> None:
        """Change how long production waits after staging."""
        self._write(".github/model-stages.yml", MAPPING.format(port=self._port, soak=soak))
        self._commit(f"Production waits {soak}")

    def train(self, training: Training) -> None:
        """Commit and push a new model with its metrics."""
        self._runs += 1
        self._write("models/churn.txt", f"the churn model of training run {self._runs}\n")
        self._write("metrics.json", json.dumps({"accuracy": training.accuracy, "auc": training.auc}) + "\n")
        self._commit(f"Train churn, run {self._runs}")

    def _commit(self, subject: str) -> None:
        self._git("add", "--all")
        self._git("commit", "--quiet", "--message", subject)
        self._git("push", "--quiet", "--set-upstream", "origin", "main")

    def _write(self, path: str, text: str) -> None:
        place = self.directory / path
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_text(text, encoding="utf-8", newline="\n")

    def _git(self, *arguments: str) -> None:
        done = subprocess.run(
            ["git", *arguments], cwd=self.directory, env=environment(), capture_output=True, check=False
        )
        if done.returncode:
            said = one_line(done.stderr.decode("utf-8", "replace").strip(), 300)
            raise MachineryFailed(Reason.GIT_FAILED, f"git {arguments[0]} failed in {self.directory}: {said}")


def staging_file(directory: Path) -> Path:
    """Where deploy.sh notes the version that it put on the staging server."""
    return directory / "live" / "staging.churn"


_NOT_OURS = ("GITHUB_", "INPUT_", "GIT_AUTHOR_", "GIT_COMMITTER_", "GIT_DIR", "GIT_INDEX_FILE", "GIT_WORK_TREE")


def environment() -> dict[str, str]:
    """Our environment without what would tell another story: a workflow's own values, other dates and names."""
    return {name: value for name, value in os.environ.items() if not name.startswith(_NOT_OURS)}
