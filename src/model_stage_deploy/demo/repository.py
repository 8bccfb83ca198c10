"""The demo's repository: a model in Git with its metrics, a mapping with gates, and a remote to push to."""

from __future__ import annotations

import json
import os
import re
import subprocess
from dataclasses import dataclass
from pathlib import Path

from model_stage_deploy.core.errors import MachineryFailed
from model_stage_deploy.core.inert import one_line
from model_stage_deploy.core.reasons import Reason

ENVIRONMENTS = {"staging": "staging", "prod": "production"}
"""The environment of each stage, as the mapping has it."""
_IDENTITY = ("Ada", "ada@example.com")
_DATES = ("GIT_AUTHOR_DATE", "GIT_COMMITTER_DATE")

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
  fraud:
    path: models/fraud.txt
    type: model
    desc: Which payments somebody should look at twice
  segments:
    path: models/segments.txt
    type: model
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
        self._runs: dict[str, int] = {}
        self._when: int | None = None

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

    def move(self, port: int) -> None:
        """Say in the mapping that the servers are at another port; nothing where they are there already."""
        mapping = self.directory / ".github" / "model-stages.yml"
        text = mapping.read_text(encoding="utf-8")
        moved = re.sub(r"(?<=//127\.0\.0\.1:)[0-9]+", str(port), text)
        self._port = port
        if moved != text:
            self._write(".github/model-stages.yml", moved)
            self._git("commit", "--quiet", "--message", "The servers have moved", ".github/model-stages.yml")

    def train(self, training: Training, model: str = "churn") -> str:
        """Commit and push a new model with its metrics; the commit."""
        run = self._runs[model] = self._runs.get(model, 0) + 1
        self._write(f"models/{model}.txt", f"the {model} model of training run {run}\n")
        self._write("metrics.json", json.dumps({"accuracy": training.accuracy, "auc": training.auc}) + "\n")
        self._commit(f"Train {model}, run {run}")
        return self._git("rev-parse", "HEAD").strip()

    def at(self, when: int | None) -> None:
        """Date what comes next, in unix seconds; it is pushed by `push_all` then. None: now, as ever."""
        self._when = when

    def tag(self, name: str, commit: str, message: str) -> None:
        """Make an annotated tag."""
        self._git("tag", "--annotate", "--message", message, name, commit)

    def push_all(self) -> None:
        """Push main and all tags."""
        self._git("push", "--quiet", "--tags", "--set-upstream", "origin", "main")

    def stage(self, model: str, version: str) -> None:
        """Put a version on the staging server, as deploy.sh does."""
        place = staging_file(self.directory).with_suffix(f".{model}")
        place.parent.mkdir(exist_ok=True)
        place.write_text(f"{version}\n", encoding="utf-8")

    def _commit(self, subject: str) -> None:
        self._git("add", "--all")
        self._git("commit", "--quiet", "--message", subject)
        if self._when is None:
            self._git("push", "--quiet", "--set-upstream", "origin", "main")

    def _write(self, path: str, text: str) -> None:
        place = self.directory / path
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_text(text, encoding="utf-8", newline="\n")

    def _git(self, *arguments: str) -> str:
        dated = {} if self._when is None else dict.fromkeys(_DATES, f"{self._when} +0000")
        done = subprocess.run(
            ["git", *arguments], cwd=self.directory, env=environment() | dated, capture_output=True, check=False
        )
        if done.returncode:
            said = one_line(done.stderr.decode("utf-8", "replace").strip(), 300)
            raise MachineryFailed(Reason.GIT_FAILED, f"git {arguments[0]} failed in {self.directory}: {said}")
        return done.stdout.decode("utf-8", "replace")


def staging_file(directory: Path) -> Path:
    """Where deploy.sh notes the version that it put on the staging server."""
    return directory / "live" / "staging.churn"


_NOT_OURS = ("GITHUB_", "INPUT_", "GIT_AUTHOR_", "GIT_COMMITTER_", "GIT_DIR", "GIT_INDEX_FILE", "GIT_WORK_TREE")


def environment() -> dict[str, str]:
    """Our environment without what would tell another story: a workflow's own values, other dates and names."""
    return {name: value for name, value in os.environ.items() if not name.startswith(_NOT_OURS)}
