"""The quick look at a clone's own files against git's own answer: it may doubt a whole clone, never trust another."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from model_stage_deploy.adapters.git_process import Git
from model_stage_deploy.adapters.git_repository import GitRepository as Reader
from tests.adapters.git_clones import CLONES, World, make_registry, serve
from tests.standins.registries import GitRepository

pytestmark = pytest.mark.thorough


@pytest.fixture(scope="module")
def registry(tmp_path_factory: pytest.TempPathFactory) -> GitRepository:
    return make_registry(tmp_path_factory.mktemp("registry") / "registry")


@pytest.fixture
def world(registry: GitRepository, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[World]:
    with serve(registry, monkeypatch, tmp_path) as made:
        yield made


def looks_whole(path: Path) -> bool:
    """The quick look; held to git's own answer."""
    reader = Reader(Git(path))
    found = reader.is_plainly_whole()
    if found:
        assert Reader.open(path).why_incomplete() is None
    return found


@pytest.mark.parametrize("kind", list(CLONES))
@pytest.mark.parametrize("place", ["", "sub"])
def test_incomplete_clones_are_never_trusted(world: World, kind: str, place: str) -> None:
    clone = CLONES[kind](world)
    (clone.path / place).mkdir(exist_ok=True)
    assert not looks_whole(clone.path / place)


@pytest.mark.parametrize("kind", ["made here", "cloned", "bare", "cloned bare", "below its top"])
def test_plain_ones_are(world: World, kind: str) -> None:
    room = world.room / kind
    if kind == "bare":
        path = GitRepository(room, bare=True).path
    elif kind == "made here":
        path = world.registry.path
    else:
        path = world.clone(*(["--bare"] if kind == "cloned bare" else [])).path if kind == "cloned" else room
        if kind != "cloned":
            options = ["--bare"] if kind == "cloned bare" else []
            world.registry.git("clone", "--quiet", *options, str(world.registry.path), str(path))
            path = path / "sub" if kind == "below its top" else path
    assert looks_whole(path)


def test_others_are_left_to_git(world: World) -> None:
    """Linked worktrees, mirrors, submodules, no repository: not plain, whatever they are."""
    clone = world.clone()
    clone.git("worktree", "add", "--quiet", "--detach", str(world.room / "linked"))
    world.registry.git("clone", "--quiet", "--mirror", str(world.registry.path), str(world.room / "mirror"))
    for path in (world.room / "linked", world.room / "mirror", world.room / "home", world.room / "nowhere"):
        assert not looks_whole(path) or path.name != "linked"
    assert not looks_whole(world.room / "linked")
    assert not looks_whole(world.room / "nowhere")


@pytest.mark.parametrize(
    "setting",
    [
        *("remote.origin.tagOpt=--no-tags", "REMOTE.ORIGIN.TAGOPT=--no-tags", "remote.up.partialCloneFilter=blob:none"),
        *("extensions.partialClone=origin", "remote.origin.fetch=+refs/heads/main:refs/remotes/origin/main"),
        *("include.path=other", "includeIf.gitdir:/.path=other", "remote.origin.promisor=true"),
    ],
)
@pytest.mark.parametrize("where", ["clone", "home", "xdg", "machine", "environment", "environment-count"])
def test_settings_from_anywhere(
    registry: GitRepository, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, setting: str, where: str
) -> None:
    clone = GitRepository(tmp_path / "clone")
    home = tmp_path / "home"
    home.mkdir()
    for name in [name for name in os.environ if name.startswith("GIT_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("HOME", str(home))
    monkeypatch.setenv("XDG_CONFIG_HOME", str(home / "xdg"))
    monkeypatch.setenv("GIT_CONFIG_NOSYSTEM", "1")
    clone.commit({"a": "a"})
    assert looks_whole(clone.path)
    name, _, value = setting.partition("=")
    if where == "clone":
        clone.git("config", "--add", name, value)
    elif where == "environment":
        monkeypatch.setenv("GIT_CONFIG_PARAMETERS", f"'{name}'='{value}'")
    elif where == "environment-count":
        monkeypatch.setenv("GIT_CONFIG_COUNT", "1")
        monkeypatch.setenv("GIT_CONFIG_KEY_0", name)
        monkeypatch.setenv("GIT_CONFIG_VALUE_0", value)
    else:
        if where == "machine":
            monkeypatch.delenv("GIT_CONFIG_NOSYSTEM")
            monkeypatch.setenv("GIT_CONFIG_SYSTEM", str(home / "machine"))
        file = home / {"home": ".gitconfig", "xdg": "xdg/git/config"}.get(where, where)
        file.parent.mkdir(parents=True, exist_ok=True)
        clone.git("config", "--file", str(file), "--add", name, value)
    assert not looks_whole(clone.path)


def test_settings_that_say_nothing_about_tags(registry: GitRepository, world: World) -> None:
    clone = world.clone()
    for name, value in (("user.name", "A"), ("core.editor", "vi"), ("fetch.prune", "true"), ("alias.x", "log")):
        clone.git("config", name, value)
    assert looks_whole(clone.path)


_LINES = st.lists(
    st.sampled_from(
        [
            '[remote "origin"]\n\turl = x\n\tfetch = +refs/heads/*:refs/remotes/origin/*\n',
            '[remote "origin"]\n\turl = x\n\tfetch = +refs/heads/main:refs/remotes/origin/main\n',
            '[remote "up"]\nfetch=refs/heads/*:refs/up/*\n',
            '[remote "up"]\n\tFETCH = "+refs/heads/x:refs/up/x"\n',
            '[remote "up"] fetch = +refs/heads/x:refs/up/x\n',
            '[Remote "up"]\n\tFetch=\\\n+refs/heads/x:refs/up/x\n',
            '[remote "up"]\n\ttagopt = --no-tags\n',
            "[core]\n\tbare = false\n",
            '[branch "main"]\n\tremote = origin\n',
            "# fetch = +refs/heads/*:x\n",
            "fetch = +refs/heads/x:y # refs/heads/*:z\n",
            "[fetch]\n\tprune = true\n",
            "[remote.up]\n\tfetch = +refs/heads/x:refs/up/x\n",
        ]
    ),
    max_size=4,
)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(_LINES)
def test_settings_however_written(registry: GitRepository, tmp_path: Path, lines: list[str]) -> None:
    clone = GitRepository(tmp_path / "clone")
    (clone.path / ".git" / "config").write_text("[core]\n\trepositoryformatversion = 0\n" + "".join(lines))
    looks_whole(clone.path)
