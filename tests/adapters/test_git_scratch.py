"""Fetching beside the user's clone: little, with the token in the environment only, whatever the names."""

from __future__ import annotations

import base64
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from model_stage_deploy.adapters.git_repository import GitRepository as Reader
from model_stage_deploy.adapters.git_scratch import ScratchRepository, credentials
from model_stage_deploy.adapters.git_source import GitSource
from model_stage_deploy.core.errors import MachineryFailed, ModelStageError
from model_stage_deploy.core.redaction import Secret
from tests.adapters.git_clones import TOKEN, Ears, World, in_prod, isolate, make_registry, serve
from tests.standins.registries import GitRepository, History

pytestmark = pytest.mark.thorough

PAIR = base64.b64encode(f"x-access-token:{TOKEN}".encode()).decode()


@pytest.fixture
def world(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[World]:
    with serve(make_registry(tmp_path / "registry"), monkeypatch, tmp_path) as made:
        yield made


def everything(source: GitSource) -> None:
    """All that a run asks of a repository."""
    assert in_prod(source.tags("m", wanted="m#prod#3")) == "v1.0.0"
    source.tags(None)
    commit = source.commit_of("main")
    assert source.read_file(commit, "model-stages.yml") == b"version: 1\n"
    assert (source.checkout(commit) / "model.bin").is_file()


@pytest.mark.parametrize("kind", ["no-clone", "single-tag"])
def test_token_is_on_no_command_line(world: World, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, kind: str) -> None:
    clone = world.single_tag("m#prod#3", annotated=True) if kind == "single-tag" else None
    ears = Ears(monkeypatch, tmp_path)
    with world.source(clone) as source:
        everything(source)
        files = [path for path in (tmp_path / "home").rglob("*") if path.is_file()]
        assert files
        assert [
            path for path in files if TOKEN.encode() in path.read_bytes() or PAIR.encode() in path.read_bytes()
        ] == []
    assert any("fetch" in line for line in ears.ours)
    assert any("remote-http" in line or "index-pack" in line for line in ears.traced), "git's own children were heard"
    assert [line for line in ears.all if TOKEN in line or PAIR in line] == []


@pytest.mark.parametrize("trouble", ["down", "wrong-token", "unknown-repository", "no-such-ref"])
@pytest.mark.parametrize("tracing", [False, True])
def test_token_is_in_no_error(world: World, monkeypatch: pytest.MonkeyPatch, trouble: str, tracing: bool) -> None:
    if tracing:  # somebody debugs a workflow with git's traces on stderr, unredacted
        for name in ("GIT_TRACE", "GIT_TRACE_CURL", "GIT_CURL_VERBOSE", "GIT_TRACE_PACKET"):
            monkeypatch.setenv(name, "1")
        monkeypatch.setenv("GIT_TRACE_REDACT", "0")
    world.remote.down = trouble == "down"
    if trouble == "wrong-token":
        world.remote.token = "another"
    url = world.url if trouble != "unknown-repository" else f"{world.remote.url}/org/none"
    messages = []
    requests: list[Callable[[GitSource], object]] = [
        lambda source: source.tags("m"),
        lambda source: source.commit_of("none" if trouble == "no-such-ref" else "main"),
        lambda source: source.read_file("f" * 40, "x"),
        lambda source: source.checkout("f" * 40),
    ]
    for ask in requests:
        with GitSource(None, [(url, Secret(TOKEN))]) as source:
            try:
                ask(source)
            except ModelStageError as problem:
                messages += [problem.message, problem.hint, str(problem), repr(problem.__cause__)]
    assert messages
    assert [text for text in messages if TOKEN in text or PAIR in text or PAIR[8:-4] in text] == []


def test_address_with_a_password(world: World, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Some clones keep `https://x-access-token:TOKEN@…` as their remote: it works, and goes no further than that."""
    url = world.url.replace("http://", f"http://x-access-token:{TOKEN}@")
    clone = world.clone()
    clone.git("config", "remote.origin.url", url)
    ears = Ears(monkeypatch, tmp_path)
    with GitSource(Reader.open(clone.path), [(url, None)]) as source:
        assert in_prod(source.tags("m", fresh=True)) == "v1.0.0"
        files = source.checkout(source.commit_of("main"))
        assert TOKEN not in (files / ".git/config").read_text()
        assert (files / ".git/config").read_text().count(world.url) == 1
    assert [line for line in ears.ours if TOKEN in line] == []
    world.remote.down = True
    with GitSource(None, [(url, None)]) as source, pytest.raises(ModelStageError) as failure:
        source.tags("m")
    assert TOKEN not in failure.value.message


def test_credentials_are_for_one_server() -> None:
    found = credentials("https://git.example.com:8443/org/models", Secret("t"))
    assert found["GIT_CONFIG_KEY_0"] == "http.https://git.example.com:8443/.extraheader"
    assert base64.b64decode(found["GIT_CONFIG_VALUE_0"].removeprefix("Authorization: basic ")) == b"x-access-token:t"
    for url in ("git@example.com:org/models", "ssh://git@example.com/x", "/some/where", "file:///some/where", ""):
        assert credentials(url, Secret("t")) == {}
    assert credentials("https://example.com/x", None) == {}


def test_settings_of_the_callers_environment_stay(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """GIT_CONFIG_* variables that a workflow set are not lost beside the token's."""
    monkeypatch.setenv("GIT_CONFIG_COUNT", "1")
    monkeypatch.setenv("GIT_CONFIG_KEY_0", "url.http://nowhere.invalid/.insteadOf")
    monkeypatch.setenv("GIT_CONFIG_VALUE_0", f"{world.remote.url}/org/moved")
    remotes = [(f"{world.remote.url}/org/moved", Secret(TOKEN))]
    with GitSource(None, remotes) as source, pytest.raises(ModelStageError) as failure:
        source.tags("m")
    assert "nowhere.invalid" in failure.value.message


def test_little_is_fetched(world: World, tmp_path: Path) -> None:
    """Tag objects and their commits: no trees, no files, no history; a large registry costs a small answer."""
    history = History()
    for number in range(60):
        commit = history.commit({"weights.bin": bytes([number]) * 50_000 + bytes(range(256)) * number})
        history.tag(f"m@v{number}.0.0", at=commit)
        history.tag(f"other@v{number}.0.0", at=commit)
    large = GitRepository(tmp_path / "large")
    history.write(large)
    world.remote.add("org/large", large)
    scratch = ScratchRepository.create(f"{world.remote.url}/org/large", Secret(TOKEN))
    assert len(scratch.fetch_tags("m")) == 60
    kinds = scratch.git.run(["cat-file", "--batch-all-objects", "--batch-check=%(objecttype)"]).decode().split()
    assert set(kinds) == {"tag", "commit"}
    assert world.remote.bytes_sent < 60_000
    commit_id = scratch.fetch_commit("refs/heads/main")
    assert commit_id == large.git("rev-parse", "main")
    assert scratch.read_file(commit_id, "weights.bin") is not None


def test_server_without_filters(world: World) -> None:
    world.remote.allow_filter = False
    with world.source(None) as source:
        everything(source)


def test_hostile_models_are_names_and_nothing_else(world: World, tmp_path: Path) -> None:
    scratch = ScratchRepository.create(world.url, Secret(TOKEN))
    for name in ("none", "a/b:none", "-x:m", "--upload-pack=touch ran:m"):
        try:
            assert scratch.fetch_tags(name) == []
        except MachineryFailed as problem:
            assert "invalid refspec" in problem.message
    for ref in ("--upload-pack=touch ran", "refs/heads/main:refs/heads/x", "$(touch ran)", "^refs/heads/main"):
        with pytest.raises(MachineryFailed):
            scratch.fetch_commit(ref)
    assert list(scratch.directory.rglob("ran")) == []
    assert scratch.git.run(["for-each-ref", "refs/heads"]) == b""


@pytest.mark.parametrize("url", ["--upload-pack=touch ran", "ext::sh -c touch% ran", "-x", "ext::touch ran"])
def test_hostile_addresses_run_nothing(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, url: str) -> None:
    isolate(monkeypatch, tmp_path / "home")
    with GitSource(None, [(url, None)]) as source, pytest.raises(ModelStageError):
        source.tags("m")
    assert list(tmp_path.rglob("ran")) == []


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("https://user:pass@example.com:444/a/b?token=x", "https://example.com:444/a/b"),
        ("https://example.com/a", "https://example.com/a"),
        ("git@example.com:a/b", "git@example.com:a/b"),
        ("/some/where", "/some/where"),
    ],
)
def test_addresses_are_shown_without_passwords(tmp_path: Path, url: str, shown: str) -> None:
    assert ScratchRepository(tmp_path, url, None).shown_url == shown
