"""What .github/workflows/release.yml does in Python, done for real: papers, wheel, image line, tags on a Git remote."""

from __future__ import annotations

import difflib
import os
import re
import subprocess
import sys
import tarfile
from pathlib import Path

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

import model_stage_deploy
from release import image, papers, tags, wheel
from release.__main__ import main
from release.papers import NotReleasable
from tests.contract.generate import ROOT
from tests.standins.registries import GitRepository, isolated_environment

pytestmark = pytest.mark.thorough

VERSION = model_stage_deploy.__version__
IMAGE = "ghcr.io/org/model-stage-deploy"
DIGEST = f"sha256:{'5d' * 32}"
CHANGELOG = """# Changes

## Unreleased

- Not yet.

## 1.10.0 - 2026-11-02

- New: more.

### Breaking

- Old: less.

## 1.1.0 - 2026-10-01

- First.
"""


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What `python -m release build` makes of this checkout."""
    into = tmp_path_factory.mktemp("release") / "built"
    assert main(["build", VERSION, str(into)]) == 0
    return into


class World:
    """Our repository as it stands on a server, and the checkout of a job."""

    def __init__(self, root: Path) -> None:
        self.remote = root / "remote"
        subprocess.run(["git", "init", "--quiet", "--bare", str(self.remote)], check=True)
        self.job = GitRepository(root / "job")
        self.job.git("remote", "add", "origin", str(self.remote))
        (self.job.path / "action.yml").write_text((ROOT / "action.yml").read_text("utf-8"), encoding="utf-8")
        self.job.git("add", ".")
        self.job.git("commit", "-q", "-m", "main")
        self.main = self.job.git("rev-parse", "HEAD")
        self.job.git("push", "-q", "origin", "HEAD:refs/heads/main")

    def again(self) -> None:
        """The next job has a fresh checkout of the same commit."""
        self.job.git("checkout", "-q", "--detach", self.main)
        for name in self.job.git("tag").split():
            self.job.git("tag", "-d", name)

    def tags(self) -> dict[str, str]:
        """The commits of the remote's tags."""
        return tags._tags(self.job.path)


@pytest.fixture
def world(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> World:
    for name, value in isolated_environment(tmp_path).items():
        monkeypatch.setenv(name, value)
    return World(tmp_path)


def test_the_notes_are_those_of_the_version() -> None:
    assert papers.notes_of(CHANGELOG, "1.10.0") == "- New: more.\n\n### Breaking\n\n- Old: less.\n"
    assert papers.notes_of(CHANGELOG, "1.1.0") == "- First.\n"


@pytest.mark.parametrize(
    ("changelog", "said"),
    [
        (CHANGELOG.replace("## 1.1.0 - 2026-10-01", "## 1.1.0"), "0 headings"),
        (CHANGELOG.replace("1.10.0", "1.1.0"), "2 headings"),
        (CHANGELOG.replace("- First.", ""), "nothing below"),
        ("# Changes\n\n## Unreleased\n\n### 1.1.0\n\n- First.\n", "Unreleased"),
    ],
)
def test_a_changelog_without_the_version_is_refused(changelog: str, said: str) -> None:
    with pytest.raises(NotReleasable, match=said):
        papers.notes_of(changelog, "1.1.0")


def test_the_code_has_the_version_in_one_place(tmp_path: Path) -> None:
    assert papers.version_in_code(ROOT) == VERSION
    package = tmp_path / "src/model_stage_deploy"
    package.mkdir(parents=True)
    (package / "__init__.py").write_text('__version__ = "1.1.0"\n', encoding="utf-8")
    (tmp_path / "CHANGELOG.md").write_text(CHANGELOG, encoding="utf-8")
    assert papers.check(tmp_path, "1.1.0") == "- First.\n"
    with pytest.raises(NotReleasable, match=r"the code says 1\.1\.0, not 1\.10\.0"):
        papers.check(tmp_path, "1.10.0")


@pytest.mark.parametrize("version", ["v1.0.0", "1.0", "1.0.0-rc.1", "1.0.0\n", "01.0.0", "1.0.0 --force", ""])
def test_what_is_no_plain_version_is_refused(version: str) -> None:
    with pytest.raises(NotReleasable, match="is no version"):
        papers.parsed(version)


def test_a_step_that_cannot_be_done_says_why_and_fails(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["check", "99.0.0"]) == 1
    assert capsys.readouterr().err == (
        f"error: the code says {VERSION}, not 99.0.0: src/model_stage_deploy/__init__.py\n"
    )


def test_a_released_action_differs_from_ours_in_the_image_alone() -> None:
    ours = image.unpinned((ROOT / "action.yml").read_text(encoding="utf-8"))
    released = image.pinned(ours, IMAGE, DIGEST)
    changed = [line for line in difflib.ndiff(ours.splitlines(), released.splitlines()) if line[0] in "+-"]
    assert changed == ["-   image: Dockerfile", f"+   image: docker://{IMAGE}@{DIGEST}"]
    assert yaml.safe_load(released)["runs"] == {"using": "docker", "image": f"docker://{IMAGE}@{DIGEST}"}
    assert image.unpinned(released) == ours


def test_a_released_action_is_one_by_githubs_schema(tmp_path: Path) -> None:
    path = tmp_path / "action.yml"
    path.write_text(
        image.pinned(image.unpinned((ROOT / "action.yml").read_text("utf-8")), IMAGE, DIGEST), encoding="utf-8"
    )
    command = [sys.executable, "-m", "check_jsonschema", "--builtin-schema", "vendor.github-actions", str(path)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout


@pytest.mark.parametrize(
    ("name", "digest", "said"),
    [
        (IMAGE, "sha256:abc", "no digest"),
        (IMAGE, f"{DIGEST}\n  pre-entrypoint: /evil", "no digest"),
        (IMAGE, "", "no digest"),
        ("ghcr.io/Org/Model", DIGEST, "no name of an image"),
        ("ghcr.io/org/model:1.0.0", DIGEST, "no name of an image"),
        ("", DIGEST, "no name of an image"),
    ],
)
def test_only_a_digest_is_pinned(name: str, digest: str, said: str) -> None:
    with pytest.raises(NotReleasable, match=said):
        image.pinned("runs:\n  image: Dockerfile\n", name, digest)


def test_an_action_that_is_pinned_already_is_refused() -> None:
    once = image.pinned("runs:\n  image: Dockerfile\n", IMAGE, DIGEST)
    with pytest.raises(NotReleasable, match="has 0 lines"):
        image.pinned(once, IMAGE, DIGEST)
    with pytest.raises(NotReleasable, match="has 2 lines"):
        image.pinned("  image: Dockerfile\n" * 2, IMAGE, DIGEST)


@given(st.text(alphabet=st.characters(exclude_categories=["Cs"])), st.sampled_from("0123456789abcdef"))
def test_nothing_but_the_line_changes(around: str, digit: str) -> None:
    text = f"{around}\n  image: Dockerfile\n{around}"
    if text.count("  image: Dockerfile\n") == 1:
        released = image.pinned(text, IMAGE, f"sha256:{digit * 64}")
        assert released == f"{around}\n  image: docker://{IMAGE}@sha256:{digit * 64}\n{around}"


def test_the_wheel_holds_all_of_the_package_and_nothing_else(built: Path, tmp_path: Path) -> None:
    [made] = built.glob("*.whl")
    assert made.name == f"model_stage_deploy-{VERSION}-py3-none-any.whl"
    assert wheel.differences(ROOT, made) == []
    package = tmp_path / "src/model_stage_deploy"
    package.mkdir(parents=True)
    (package / "new.json").write_text("{}", encoding="utf-8")
    found = wheel.differences(tmp_path, made)
    assert found[0] == "-model_stage_deploy/new.json"
    for needed in ("py.typed", "mapping.schema.json", "report/summary.md.j2", "starter/model-stages.yml"):
        assert f"+model_stage_deploy/{needed}" in found


def test_the_source_archive_can_be_built_from_and_holds_no_more(built: Path) -> None:
    [archive] = built.glob("*.tar.gz")
    with tarfile.open(archive) as opened:
        names = {name.partition("/")[2] for name in opened.getnames()}
    assert {"pyproject.toml", "README.md", "LICENSE", "CHANGELOG.md", "requirements/runtime.lock"} <= names
    assert {name.split("/")[0] for name in names} <= {
        *(".gitignore", "CHANGELOG.md", "LICENSE", "PKG-INFO", "README.md", "pyproject.toml", "requirements", "src")
    }


def test_pip_takes_the_wheel_by_the_lock_and_no_other(built: Path, tmp_path: Path) -> None:
    """As a user installs it, with our own line of the lock alone: what we need is in this environment already."""
    lock = (built / f"model-stage-deploy-{VERSION}.lock").read_text(encoding="utf-8")
    ours, rest = lock.split("\n" + (ROOT / "requirements/runtime.lock").read_text("utf-8"))
    assert rest == ""
    asked = tmp_path / "ours.lock"
    pip = [sys.executable, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--no-index", "--no-deps"]
    command = [
        *pip,
        "--find-links",
        str(built),
        "--require-hashes",
        "-r",
        str(asked),
        "--target",
        str(tmp_path / "site"),
    ]
    asked.write_text(re.sub("hash=sha256:..", "hash=sha256:00", ours), encoding="utf-8")
    assert "DO NOT MATCH THE HASHES" in _run(command).stderr
    asked.write_text(ours, encoding="utf-8")
    assert _run(command).returncode == 0

    program = tmp_path / "site/bin/model-stage-deploy"
    said = _run([sys.executable, str(program), "--version"], PYTHONPATH=str(tmp_path / "site"))
    assert VERSION in said.stdout
    where = _run(
        [sys.executable, "-c", "import model_stage_deploy; print(model_stage_deploy.__file__)"],
        PYTHONPATH=str(tmp_path / "site"),
    )
    assert where.stdout.startswith(str(tmp_path / "site"))
    schema = _run([sys.executable, str(program), "schema"], PYTHONPATH=str(tmp_path / "site"))
    assert schema.stdout == (ROOT / "src/model_stage_deploy/mapping.schema.json").read_text(encoding="utf-8")


def _run(command: list[str], **environment: str) -> subprocess.CompletedProcess[str]:
    env = {**os.environ, **environment}
    return subprocess.run(command, env=env, cwd="/", capture_output=True, text=True, check=False)


def test_the_checksums_hold(built: Path) -> None:
    done = subprocess.run(
        ["sha256sum", "--check", "--strict", "SHA256SUMS"], cwd=built, capture_output=True, check=False
    )
    assert done.returncode == 0, done.stderr
    assert len((built / "SHA256SUMS").read_text(encoding="utf-8").splitlines()) == 3


def test_builds_that_differ_are_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    numbers = iter(range(9))

    def other_each_time(root: Path, into: Path, epoch: int) -> list[Path]:
        path = into / "a.whl"
        path.write_text(str(next(numbers)), encoding="utf-8")
        return [path]

    monkeypatch.setattr(wheel, "_built", other_each_time)
    with pytest.raises(NotReleasable, match="two builds of the same commit differ"):
        wheel.build(ROOT, tmp_path, 0)


def test_the_release_is_a_commit_on_top_of_main_that_changes_one_line(world: World) -> None:
    commit = tags.tag_release(world.job.path, "1.2.3", IMAGE, DIGEST)

    assert world.tags() == {"v1.2.3": commit}
    git = world.job.git
    assert git("rev-parse", f"{commit}^") == world.main
    assert git("diff", "--name-only", world.main, commit) == "action.yml"
    assert f"  image: docker://{IMAGE}@{DIGEST}\n" in git("show", f"{commit}:action.yml") + "\n"
    assert git("ls-remote", "origin", "refs/heads/main").split()[0] == world.main  # main itself stays as it is
    assert git("cat-file", "-t", "v1.2.3") == "tag"


def test_a_job_that_runs_again_makes_the_same_tag(world: World) -> None:
    first = tags.tag_release(world.job.path, "1.2.3", IMAGE, DIGEST)
    world.again()
    assert tags.tag_release(world.job.path, "1.2.3", IMAGE, DIGEST) == first


def test_a_release_is_never_put_over_another(world: World) -> None:
    first = tags.tag_release(world.job.path, "1.2.3", IMAGE, DIGEST)
    world.again()
    with pytest.raises(NotReleasable, match=r"git push failed: (.|\n)*rejected"):
        tags.tag_release(world.job.path, "1.2.3", IMAGE, f"sha256:{'0' * 64}")
    assert world.tags() == {"v1.2.3": first}


def test_the_floating_tag_follows_and_never_goes_back(world: World) -> None:
    commits = {}
    for version, digit in (("1.2.3", "1"), ("1.10.0", "2"), ("1.2.4", "3"), ("2.0.0", "4")):
        world.again()
        commits[version] = tags.tag_release(world.job.path, version, IMAGE, f"sha256:{digit * 64}")
        world.again()
        moved = tags.move_major(world.job.path, version)
        assert moved is (version != "1.2.4")
    assert world.tags()["v1"] == commits["1.10.0"]
    assert world.tags()["v2"] == commits["2.0.0"]
    assert tags.move_major(world.job.path, "2.0.0")  # again: it is there already


def test_a_floating_tag_needs_its_release(world: World) -> None:
    with pytest.raises(NotReleasable, match=r"has no tag v1\.2\.3"):
        tags.move_major(world.job.path, "1.2.3")


def test_a_floating_tag_that_somebody_moved_meanwhile_is_left_alone(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    tags.tag_release(world.job.path, "1.2.3", IMAGE, DIGEST)
    world.again()
    real = tags.git

    def meanwhile(root: Path, *arguments: str, when: str | None = None) -> str:
        if arguments[0] == "push":
            real(root, "push", "-q", "origin", f"{world.main}:refs/tags/v1")
        return real(root, *arguments, when=when)

    monkeypatch.setattr(tags, "git", meanwhile)
    with pytest.raises(NotReleasable, match="stale info"):
        tags.move_major(world.job.path, "1.2.3")
    assert world.tags()["v1"] == world.main


@pytest.mark.parametrize(
    ("names", "newest"),
    [
        ({"v1.2.0", "v1.10.0", "v2.0.0", "v1"}, "v1.10.0"),
        ({"v1.2.0-rc.1", "churn@v1.9.0", "churn#prod#1", "1.4.0"}, None),
        (set(), None),
    ],
)
def test_only_releases_count_for_the_floating_tag(names: set[str], newest: str | None) -> None:
    assert tags.newest(names, 1) == newest


def test_nothing_is_committed_beside_the_image(world: World) -> None:
    (world.job.path / "other.txt").write_text("left by a step before", encoding="utf-8")
    world.job.git("add", ".")
    commit = tags.tag_release(world.job.path, "1.2.3", IMAGE, DIGEST)
    assert world.job.git("diff", "--name-only", world.main, commit) == "action.yml"


def test_the_workflow_asks_for_steps_that_exist() -> None:
    text = (ROOT / ".github/workflows/release.yml").read_text(encoding="utf-8")
    asked = set(re.findall(r"python3? -m release (\w+)", text))
    done = _run([sys.executable, "-m", "release", "--help"], PYTHONPATH=str(ROOT))
    assert asked == {"check", "build", "pin", "tag", "notes", "major"}
    assert all(f"    {name} " in done.stdout for name in asked)
