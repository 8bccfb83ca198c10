"""A release in a real runner: its action.yml names an image by digest, and what the job `smoke` of release.yml does."""

from __future__ import annotations

import json
import shutil
import subprocess
from dataclasses import replace
from pathlib import Path
from typing import Any, NamedTuple

import pytest
import yaml

from release.image import pinned, unpinned
from tests.acceptance.conftest import ROOT
from tests.acceptance.runner import ACTION_IMAGE
from tests.acceptance.world import World
from tests.standins.registries import isolated_environment

pytestmark = [pytest.mark.runner, pytest.mark.xdist_group("runner"), pytest.mark.timeout(600)]

CHECK = """\
on: push
jobs:
  check:
    runs-on: ubuntu-latest
    steps:
      - {id: check, uses: org/model-stage-deploy@v1, with: {command: check}}
"""


class Image(NamedTuple):
    """An image as a registry names it."""

    name: str
    digest: str


@pytest.fixture
def image(world: World) -> Image:
    """The image that the engine built for `@v1`, as a release would have pushed it."""
    built = world.push("churn#prod#3", CHECK)
    assert built.succeeded, built.log
    assert "docker build" in built.log
    status, body = world.runner.engine.ask("GET", f"/images/{ACTION_IMAGE}/json")
    assert status == 200
    name, _, digest = json.loads(body)["RepoDigests"][0].partition("@")
    return Image(name, digest)


def assert_smoke_test_passes(world: World, image: Image, place: Path) -> None:
    """The step of release.yml that resolves a tag, as it stands: without a network, nothing but the image answers."""
    docker = shutil.which("docker")
    assert docker, "the docker command is not installed"
    release: dict[Any, Any] = yaml.safe_load((ROOT / ".github/workflows/release.yml").read_text(encoding="utf-8"))
    [text] = [step["run"] for step in release["jobs"]["smoke"]["steps"] if "docker run" in step.get("run", "")]
    environment = {
        **isolated_environment(place),
        "DOCKER_HOST": world.runner.engine.address,
        "IMAGE": image.name,
        "DIGEST": image.digest,
    }
    done = subprocess.run(
        ["bash", "-e", "-c", text], cwd=place, env=environment, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert "Resolved: churn#prod#1 is the assignment of churn v1.2.0 in prod" in done.stdout


def test_a_release_runs_its_image_by_digest_and_builds_none(world: World, image: Image, tmp_path: Path) -> None:
    ours = unpinned((ROOT / "action.yml").read_text(encoding="utf-8"))
    released = tmp_path / "released"  # action.yml and nothing else: there is nothing to build from
    released.mkdir()
    (released / "action.yml").write_text(pinned(ours, *image), encoding="utf-8")
    actions = {**world.runner.actions, "org/model-stage-deploy@v9.9.9": released}
    elsewhere = replace(world, runner=replace(world.runner, actions=actions))

    run = elsewhere.push("churn#prod#3", CHECK.replace("@v1", "@v9.9.9"))

    assert run.succeeded, run.log
    assert run.steps["check"].outputs["result"] == "checked", run.log
    assert image.digest in run.log
    assert "docker build" not in run.log
    assert_smoke_test_passes(world, image, tmp_path)
