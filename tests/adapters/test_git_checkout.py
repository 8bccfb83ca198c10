"""Checkouts of single commits: all the files, none of the secrets, and nothing of the repository's is run."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from model_stage_deploy.adapters.git_checkout import check_out
from model_stage_deploy.adapters.git_repository import GitRepository as Reader
from model_stage_deploy.adapters.git_source import GitSource
from model_stage_deploy.core.errors import Invalid, MachineryFailed
from model_stage_deploy.core.reasons import Reason
from tests.adapters.git_clones import TOKEN, World, make_registry, serve, snapshot
from tests.standins.registries import GitRepository


@pytest.fixture
def world(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[World]:
    with serve(make_registry(tmp_path / "registry"), monkeypatch, tmp_path) as made:
        yield made


@pytest.mark.parametrize("kind", ["none", "whole", "shallow", "partial"])
def test_files_of_a_commit(world: World, kind: str) -> None:
    options = {"whole": [], "shallow": ["--depth=1", "--branch=m@v2.0.0"], "partial": ["--filter=blob:none"]}
    clone = None if kind == "none" else world.clone(*options[kind])
    before = snapshot(clone.path) if clone else {}
    with world.source(clone) as source:
        second = world.registry.git("rev-parse", "m@v2.0.0^{commit}")
        first = world.registry.git("rev-parse", "m@v1.0.0^{commit}")
        files = source.checkout(second)
        assert {str(path.relative_to(files)) for path in files.rglob("*") if ".git" not in path.parts} == {
            "dvc.yaml",
            "model.bin",
            "sub",
            "sub/deep.txt",
        }
        assert (files / "model.bin").read_bytes() == b"\x00two\xff"
        other = source.checkout(first)
        assert (other / "model.bin").read_bytes() == b"\x00one\xff"
        assert files != other
        checked = Reader.open(files)
        assert (checked.commit_of("HEAD"), checked.remote_url()) == (second, world.url)
        text = (files / ".git/config").read_text()
        assert not [word for word in (TOKEN, "extraheader", "credential", "basic") if word in text]
        if kind in ("whole",):
            assert world.remote.requests == [], "what is here is not fetched"
    assert clone is None or snapshot(clone.path) == before


def test_local_repository_without_a_remote(world: World) -> None:
    with GitSource(Reader.open(world.registry.path)) as source:
        files = source.checkout(world.registry.git("rev-parse", "HEAD"))
        assert (files / "model-stages.yml").read_text() == "version: 1\n"
        assert Reader.open(files).remote_url() is None


def test_a_folder_of_another_user_serves_once_git_was_told_to_trust_it(
    world: World, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """As in a job's container, after actions/checkout (T6)."""
    commit = world.registry.git("rev-parse", "HEAD")
    into, config = tmp_path / "files", tmp_path / "gitconfig"
    into.mkdir()
    monkeypatch.setenv("GIT_CONFIG_GLOBAL", str(config))
    monkeypatch.setenv("GIT_TEST_ASSUME_DIFFERENT_OWNER", "1")
    with pytest.raises(Invalid, match="dubious ownership"):
        Reader.open(world.registry.path)

    trusted = "".join(f"\tdirectory = {directory}\n" for directory in (world.registry.path, into))
    config.write_text(f"[safe]\n{trusted}", encoding="utf-8")
    source = str(Reader.open(world.registry.path).git_directory)
    check_out(commit, source=source, into=into, environment={}, origin=None)
    assert (into / "model-stages.yml").read_text() == "version: 1\n"


def test_commit_that_is_nowhere(world: World) -> None:
    with world.source(None) as source, pytest.raises(MachineryFailed) as failure:
        source.checkout("f" * 40)
    assert failure.value.reason is Reason.GIT_FAILED
    assert "files of commit ffffffffffff could not be had: fatal:" in failure.value.message
    world.remote.down = True
    with world.source(None) as source, pytest.raises(MachineryFailed, match="503"):
        source.checkout(world.registry.git("rev-parse", "HEAD"))


def test_hooks_and_filters_of_the_user_are_not_run(
    world: World, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """A person's template hooks, a hooks path for all repositories, a file system monitor."""
    program = tmp_path / "evil"
    program.write_text(f"#!/bin/sh\ntouch {tmp_path / 'ran'}\n")
    program.chmod(0o755)
    for hooks in ("hooks", "template/hooks"):
        (tmp_path / hooks).mkdir(parents=True)
        for name in ("post-checkout", "reference-transaction", "post-index-change"):
            (tmp_path / hooks / name).write_text(program.read_text())
            (tmp_path / hooks / name).chmod(0o755)
    settings = tmp_path / "gitconfig"
    settings.write_text(
        f"[init]\n\ttemplateDir = {tmp_path / 'template'}\n"
        f"[core]\n\thooksPath = {tmp_path / 'hooks'}\n\tfsmonitor = {program}\n"
    )
    monkeypatch.setenv("GIT_CONFIG_GLOBAL", str(settings))
    with GitSource(Reader.open(world.registry.path)) as source:
        assert (source.checkout(world.registry.git("rev-parse", "HEAD")) / "model.bin").is_file()
    assert not (tmp_path / "ran").exists()


def test_variables_of_a_calling_hook_do_not_lead_elsewhere(
    world: World, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """`deploy` called from a hook or a git alias: the checkout is still made in its own place."""
    elsewhere = GitRepository(tmp_path / "elsewhere")
    elsewhere.commit({"mine": "untouched"})
    before = snapshot(elsewhere.path)
    monkeypatch.setenv("GIT_DIR", str(elsewhere.path / ".git"))
    monkeypatch.setenv("GIT_WORK_TREE", str(elsewhere.path))
    monkeypatch.setenv("GIT_INDEX_FILE", str(elsewhere.path / ".git/index"))
    with world.source(None) as source:
        files = source.checkout(source.commit_of("main"))
    assert files.name.startswith("model-stage-deploy-files-")
    assert snapshot(elsewhere.path) == before


def test_checkout_called_with_those_variables_has_the_files(
    world: World, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("GIT_DIR", str(tmp_path / "nowhere"))
    monkeypatch.setenv("GIT_WORK_TREE", str(tmp_path / "nowhere"))
    into = tmp_path / "into"
    into.mkdir()
    commit = world.registry.git("rev-parse", "HEAD")
    check_out(commit, source=str(world.registry.path / ".git"), into=into, environment={}, origin=None)
    assert (into / "model.bin").read_bytes() == b"\x00two\xff"
    assert (into / ".git/HEAD").read_text().strip() == commit


def test_large_files_stay_pointers(world: World, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """With git-lfs set up for the user, its filter must not download."""
    settings = tmp_path / "gitconfig"
    smudge = tmp_path / "smudge"
    smudge.write_text('#!/bin/sh\ntest "$GIT_LFS_SKIP_SMUDGE" = 1 && cat\n')
    smudge.chmod(0o755)
    settings.write_text(f'[filter "lfs"]\n\tsmudge = {smudge}\n\trequired = true\n')
    monkeypatch.setenv("GIT_CONFIG_GLOBAL", str(settings))
    world.registry.commit({".gitattributes": "*.big filter=lfs\n"})
    (world.registry.path / "model.big").write_text("version https://git-lfs.example/spec/v1\n")
    commit = world.registry.commit()
    with GitSource(Reader.open(world.registry.path)) as source:
        files = source.checkout(commit)
        assert (files / "model.big").read_text() == "version https://git-lfs.example/spec/v1\n"
