"""A registry with a life behind it: a bare remote, a clone, models with metrics, deployments that really ran."""

from __future__ import annotations

import json
import shutil
import time
from dataclasses import dataclass
from pathlib import Path

from tests.faces.command_lines import environment, run
from tests.standins.registries import GitRepository

DAY = 86_400  # seconds
ADA = ("Ada Model", "ada@example.com")
GRACE = ("Grace Registry", "grace@example.com")

MAPPING = """\
version: 1
stages:
  dev: {deploy: {run: ./deploy.sh}}
  staging:
    deploy: {run: ./deploy.sh}
    gates:
      metrics: [accuracy >= 0.8]
  prod:
    environment: production
    deploy: {run: ./deploy.sh}
    gates:
      needs: [{stage: staging, verified: false}]
      metrics: [accuracy >= 0.9, auc >= live.auc - 0.005]
models:
  risk:
    stages:
      prod:
        gates: {needs: null, metrics: null, approval: {by: [ada@example.com, grace@example.com]}}
"""
ANNOTATIONS = """\
artifacts:
  churn:
    path: models/churn.pkl
    type: model
    desc: Who is about to leave
    labels: [tabular, weekly]
  risk:
    path: models/risk.pkl
    type: scorecard
    desc: Who may not pay back
  ranker:
    path: models/ranker.pkl
    type: model
metrics: [metrics.json]
"""
SCRIPT = """\
#!/usr/bin/env bash
echo "copying $MSD_MODEL $MSD_VERSION to $MSD_STAGE"
if [ "$MSD_VERSION" = v2.2.0 ] && [ "$MSD_STAGE" = dev ]; then echo "no room on the disk" >&2; exit 7; fi
"""
TRAININGS = ((0.91, 0.957), (0.93, 0.96), (0.85, 0.94), (0.94, 0.962), (0.95, 0.97))
"""Accuracy and AUC of the versions of churn: v1.0.0, v1.1.0, v2.0.0, v2.1.0, v2.2.0. Production refuses v2.0.0."""
VERSIONS = ("v1.0.0", "v1.1.0", "v2.0.0", "v2.1.0", "v2.2.0")


@dataclass(frozen=True)
class World:
    """A clone with its remote, below one directory. Whoever makes tags in the clone is Ada."""

    directory: Path

    @property
    def clone(self) -> GitRepository:
        """Where a person works."""
        return GitRepository(self.directory / "clone")

    @property
    def remote(self) -> GitRepository:
        """What everybody shares."""
        return GitRepository(self.directory / "remote.git", bare=True)

    def copied(self, place: Path) -> World:
        """The same once more, to be changed at will."""
        shutil.copytree(self.directory, place, symlinks=True)
        copy = World(place)
        copy.clone.git("remote", "set-url", "origin", str(place / "remote.git"))
        return copy

    def remote_tags(self) -> list[str]:
        """The names of the tags that everybody sees, in order."""
        return sorted(self.remote.tags())

    def push_from_elsewhere(self, tag: str, at: str, message: str = "from elsewhere") -> None:
        """Grace makes a tag in a clone of her own, and pushes it."""
        theirs = self.directory / "theirs"
        if not theirs.exists():
            self.remote.git("clone", "--quiet", str(self.remote.path), str(theirs))
        hers = GitRepository(theirs)
        hers.tag(tag, at=at, tagger=GRACE, message=message, when=int(time.time()))
        hers.git("push", "--quiet", "origin", f"refs/tags/{tag}")


def server_environment(world: World) -> dict[str, str]:
    """What `serve` runs in: nobody's own configuration, but the clock of the day and the clone's own identity."""
    whole = environment(world.directory)
    return {name: value for name, value in whole.items() if not name.startswith(("GIT_AUTHOR", "GIT_COMMITTER"))}


def begun(directory: Path) -> World:
    """An empty clone with its remote."""
    world = World(directory)
    world.remote.git("config", "receive.denyDeletes", "true")
    clone = world.clone
    for name, value in zip(("user.name", "user.email"), ADA, strict=True):
        clone.git("config", name, value)
    clone.git("remote", "add", "origin", str(world.remote.path))
    return world


def rich(directory: Path) -> World:
    """Models in every state: deployed, decided alone, failed, deprecated, waiting for an approval, lost to a typo."""
    world = begun(directory)
    clone = world.clone
    clone.moment = int(time.time()) - 40 * DAY
    clone.commit({"dvc.yaml": ANNOTATIONS, ".github/model-stages.yml": MAPPING, "deploy.sh": SCRIPT})
    (clone.path / "deploy.sh").chmod(0o755)
    for number, (version, (accuracy, auc)) in enumerate(zip(VERSIONS, TRAININGS, strict=True), 1):
        clone.commit(
            {"metrics.json": json.dumps({"accuracy": accuracy, "auc": auc}), "models/churn.pkl": f"run {number}\n"},
            message=f"Train churn, run {number}",
        )
        clone.tag(f"churn@{version}", message=f"Trained on week {30 + number}")
        clone.moment += 5 * DAY
    _deployed(clone, "churn", "dev", "v1.0.0", "staging", "v1.0.0", "prod", "v1.0.0")
    _deployed(clone, "churn", "staging", "v1.1.0", "prod", "v1.1.0", "staging", "v2.1.0")
    _deployed(clone, "churn", "dev", "v2.2.0", fails="dev")
    clone.tag("churn#staging#8", at="churn@v2.0.0^{commit}", message="Try the new features", tagger=GRACE)
    for name in (
        "risk@v0.1.0",
        "risk#dev#1",
        "fraud/eu@v1.0.0",
        "fraud/eu#prod#1",
        "ranker@v0.9.0",
        "ranker@deprecated",
    ):
        clone.tag(name)
    clone.tag("churn#Prod#x", annotated=False)
    clone.git("push", "--quiet", "--set-upstream", "origin", "main", "--tags")
    return world


def _deployed(clone: GitRepository, model: str, *moves: str, fails: str = "") -> None:
    """Assign stages one after the other (stage, version, stage, version, …), and deploy each.

    `fails` is the stage whose deployment does.
    """
    for stage, version in zip(moves[::2], moves[1::2], strict=True):
        taken = sum(name.startswith(f"{model}#") for name in clone.tags())
        tag = f"{model}#{stage}#{taken + 1}"
        clone.tag(tag, at=f"{model}@{version}^{{commit}}", message=f"{version} is for {stage}")
        clone.git("push", "--quiet", "--set-upstream", "origin", "main", "--tags")
        done = run(clone.path, "deploy", tag, "--no-github", home=clone.path.parent)
        assert done.exit_code == (1 if stage == fails else 0), done.out + done.err
