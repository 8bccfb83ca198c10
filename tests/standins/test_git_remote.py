"""The HTTP git remote behaves as GitHub's does, as far as a fetching or pushing git can tell."""

from __future__ import annotations

import base64
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.standins.git_remote import GitRemote
from tests.standins.registries import GitRepository, History, example_registry, example_tags

TOKEN = "s3cret-token"
ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture
def registry(tmp_path: Path) -> GitRepository:
    return example_registry(tmp_path / "registry")


@pytest.fixture
def remote(tmp_path: Path, registry: GitRepository) -> Iterator[GitRemote]:
    with GitRemote(tmp_path / "remotes") as server:
        server.add("org/models", registry)
        yield server


def with_token(url: str, token: str = TOKEN) -> dict[str, str]:
    """Credentials by environment, the way that leaves nothing in argv or in a file."""
    words = base64.b64encode(f"x-access-token:{token}".encode()).decode()
    return {
        "GIT_CONFIG_COUNT": "1",
        "GIT_CONFIG_KEY_0": f"http.{url}/.extraheader",
        "GIT_CONFIG_VALUE_0": f"AUTHORIZATION: basic {words}",
    }


def test_example_registry_has_the_real_tags(registry: GitRepository) -> None:
    rows = registry.git(
        "for-each-ref", "--format=%(refname:strip=2)|%(objecttype)|%(taggerdate:unix)|%(subject)", "refs/tags"
    )
    expected = {f"{tag.name}|tag|{tag.when}|{tag.message}" for tag in example_tags()}
    assert set(rows.splitlines()) == expected
    assert len(set(registry.tags().values())) == len({tag.commit for tag in example_tags()}) == 2
    assert registry.tags()["churn#prod#3"] == registry.tags()["churn@v3.0.0"]
    assert "path: models/churn.pkl" in registry.git("show", "churn#prod#3:dvc.yaml")


@pytest.mark.parametrize("suffix", ["", ".git"])
def test_clone(remote: GitRemote, registry: GitRepository, tmp_path: Path, suffix: str) -> None:
    registry.git("clone", "--quiet", remote.repository_url("org/models") + suffix, str(tmp_path / "clone"))
    assert GitRepository(tmp_path / "clone").tags() == registry.tags()
    assert {request.protocol for request in remote.requests} == {"version=2"}


def test_shallow_clone_has_one_commit_and_no_other_tags(
    remote: GitRemote, registry: GitRepository, tmp_path: Path
) -> None:
    url = remote.repository_url("org/models")
    registry.git("clone", "--quiet", "--depth=1", "--branch", "churn#prod#3", url, str(tmp_path / "clone"))
    clone = GitRepository(tmp_path / "clone")
    assert clone.git("rev-list", "--all", "--count") == "1"
    assert "churn@v3.1.0" not in clone.tags()


def test_filtered_fetch_of_one_models_tags(remote: GitRemote, registry: GitRepository, tmp_path: Path) -> None:
    scratch = GitRepository(tmp_path / "scratch", bare=True)
    specs = ["refs/tags/churn#*:refs/tags/churn#*", "refs/tags/churn@*:refs/tags/churn@*"]
    url = remote.repository_url("org/models")
    scratch.git("fetch", "--quiet", "--depth=1", "--filter=tree:0", "--no-tags", url, *specs)
    assert scratch.tags() == {k: v for k, v in registry.tags().items() if k.startswith(("churn#", "churn@"))}
    kinds = scratch.git("cat-file", "--batch-all-objects", "--batch-check=%(objecttype)").split()
    assert set(kinds) == {"tag", "commit"}, "no tree and no blob came along"


def test_filter_can_be_refused(remote: GitRemote, registry: GitRepository, tmp_path: Path) -> None:
    remote.allow_filter = False
    scratch = GitRepository(tmp_path / "scratch", bare=True)
    scratch.git(
        "fetch",
        "--quiet",
        "--depth=1",
        "--filter=tree:0",
        remote.repository_url("org/models"),
        "refs/tags/churn#*:refs/tags/churn#*",
    )
    kinds = scratch.git("cat-file", "--batch-all-objects", "--batch-check=%(objecttype)").split()
    assert "blob" in kinds, "a server without the filter sends everything"


def test_token_is_asked_for_and_taken_from_the_environment(
    remote: GitRemote, registry: GitRepository, tmp_path: Path
) -> None:
    remote.token = TOKEN
    url = remote.repository_url("org/models")
    with pytest.raises(AssertionError, match="could not read Username"):
        registry.git("ls-remote", url)
    with pytest.raises(AssertionError, match=r"Authentication failed|could not read Username"):
        registry.git("ls-remote", url, env=with_token(remote.url, "another"))
    assert {request.answered for request in remote.requests} == {401}
    remote.forget()
    assert "refs/tags/churn#prod#3" in registry.git("ls-remote", url, env=with_token(remote.url))
    assert {(request.answered, request.had_authorization) for request in remote.requests} == {(200, True)}
    assert TOKEN not in repr(remote.requests)


def test_push_small_and_large(remote: GitRemote, registry: GitRepository) -> None:
    url = remote.repository_url("org/models")
    registry.tag("churn#prod#5", at="churn@v3.1.0")
    registry.git("push", "--quiet", url, "refs/tags/churn#prod#5")
    # Above http.postBuffer git sends its pack in chunks.
    blob = b"".join(number.to_bytes(4, "big") for number in range(20_000))
    registry.commit({"weights.bin": blob})
    registry.git("-c", "http.postBuffer=65536", "push", "--quiet", url, "main")
    assert "chunked" in {request.body for request in remote.requests}
    bare = GitRepository(remote.root / "org/models.git", bare=True)
    assert bare.tags() == registry.tags()
    assert bare.git("rev-parse", "main") == registry.git("rev-parse", "main")


def test_long_negotiation_is_sent_compressed(remote: GitRemote, tmp_path: Path) -> None:
    """git sends its request body in gzip above 1 KiB: hundreds of wanted tags make it so."""
    history = History()
    for number in range(200):
        history.tag(f"m#dev#{number}", at=history.commit({"n": str(number)}))
    many = GitRepository(tmp_path / "many")
    history.write(many)
    remote.add("org/many", many)
    many.git("clone", "--quiet", "--bare", remote.repository_url("org/many"), str(tmp_path / "clone"))
    assert GitRepository(tmp_path / "clone", bare=True).tags() == many.tags()
    assert "gzip" in {request.body for request in remote.requests}


def test_faults_and_unknown_places(remote: GitRemote, registry: GitRepository) -> None:
    for path in ("org/none", "org/models/more", "org/models.git/objects/info/packs"):
        with pytest.raises(AssertionError, match="not found"):
            registry.git("ls-remote", f"{remote.url}/{path}")
    remote.down = True
    with pytest.raises(AssertionError, match="503"):
        registry.git("ls-remote", remote.repository_url("org/models"))
    remote.down = False
    remote.forget()
    assert registry.git("ls-remote", remote.repository_url("org/models"))
    assert remote.bytes_sent > 500


def test_as_a_process(registry: GitRepository, tmp_path: Path) -> None:
    registry.git("clone", "--quiet", "--mirror", str(registry.path), str(tmp_path / "remotes/org/models.git"))
    command = [sys.executable, "-m", "tests.standins.git_remote", "--root", str(tmp_path / "remotes")]
    with subprocess.Popen([*command, "--token", TOKEN], cwd=ROOT, stdout=subprocess.PIPE, text=True) as server:
        assert server.stdout is not None
        url = server.stdout.readline().strip()
        tags = registry.git("ls-remote", "--tags", f"{url}/org/models", env=with_token(url))
        server.send_signal(signal.SIGTERM)
        assert server.wait(10) == 0
    assert "refs/tags/churn#prod#3" in tags
