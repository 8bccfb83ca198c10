"""`--repo URL`: a registry read where it lives, without a clone, as if it were here."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.faces.command_lines import environment, run, tree
from tests.standins.git_remote import GitRemote
from tests.standins.registries import GitRepository, example_registry

pytestmark = pytest.mark.thorough

TOKEN = "ghs_s3cretTokenOfTheRun"
NAME = "org/models"
QUESTIONS = [
    ["show"],
    ["show", "churn", "--json"],
    ["which", "churn", "prod"],
    ["which", "churn", "dev", "--all"],
    ["history", "--json"],
    ["versions", "churn", "--json"],
    ["resolve", "churn#prod", "--json"],
    ["show", "--json", "--at", "churn#dev#1"],
    ["show", "--json", "--at", "main"],
]


@pytest.fixture(scope="module")
def registry(tmp_path_factory: pytest.TempPathFactory) -> GitRepository:
    return example_registry(tmp_path_factory.mktemp("example") / "registry")


@pytest.fixture(scope="module")
def remote(registry: GitRepository, tmp_path_factory: pytest.TempPathFactory) -> Iterator[GitRemote]:
    with GitRemote(tmp_path_factory.mktemp("remote"), token=TOKEN) as made:
        made.add(NAME, registry)
        yield made


def github(remote: GitRemote, **more: str) -> dict[str, str]:
    """The environment of somebody who has a token for that server."""
    return {"GITHUB_TOKEN": TOKEN, "GITHUB_SERVER_URL": remote.url} | more


@pytest.mark.parametrize("question", QUESTIONS, ids=" ".join)
def test_the_answer_is_that_of_a_clone(
    registry: GitRepository, remote: GitRemote, tmp_path: Path, question: list[str]
) -> None:
    here = run(registry.path, *question)
    for url in (remote.repository_url(NAME), registry.path.as_uri()):
        there = run(tmp_path, *question, "--repo", url, env=github(remote), home=tmp_path)
        assert (there.exit_code, there.out, there.err) == (0, here.out, "")
    assert list(tmp_path.iterdir()) == [], "nothing is left behind"


def test_a_tag_is_resolved_there_too(registry: GitRepository, remote: GitRemote, tmp_path: Path) -> None:
    url = remote.repository_url(NAME)
    for arguments in (["churn#prod#3"], ["churn#prod#3", "--show", "--history"]):
        done = run(tmp_path, "resolve", *arguments, "--repo", url, "--json", env=github(remote), home=tmp_path)
        assert (done.exit_code, done.json["version"]) == (0, "v3.0.0")
    assert done.json["show"] == run(registry.path, "show", "--json").json
    done = run(tmp_path, "resolve", "churn#prod#99", "--repo", url, "--json", env=github(remote), home=tmp_path)
    assert (done.exit_code, done.json["reason"]) == (3, "tag-not-found")


def test_a_shallow_clone_asks_its_remote(registry: GitRepository, remote: GitRemote, tmp_path: Path) -> None:
    """What actions/checkout leaves at its defaults."""
    place = tmp_path / "job"
    clone = GitRepository(place)
    clone.git("remote", "add", "origin", remote.repository_url(NAME))
    clone.git("fetch", "--quiet", "--depth=1", "--no-tags", registry.path.as_uri(), "main")
    before = tree(place)
    for question in QUESTIONS:
        done = run(place, *question, env=github(remote), home=tmp_path)
        assert (done.exit_code, done.out) == (0, run(registry.path, *question).out), question
    assert tree(place) == before
    refused = run(place, "show", "--json", home=tmp_path)
    assert (refused.exit_code, refused.json["reason"]) == (4, "permission-missing")


def test_tags_that_no_branch_holds_and_tags_on_folders(tmp_path: Path) -> None:
    """A lightweight tag on a folder makes git distrust an answer without folders; whoever makes one breaks nothing."""
    made = GitRepository(tmp_path / "registry")
    made.commit({"a": "a", "b/c": "c"})
    made.tag("m@v1.0.0")
    made.git("checkout", "--quiet", "--detach")
    made.commit({"a": "left"})
    made.tag("m@v2.0.0")
    made.tag("m#prod#1")
    made.git("checkout", "--quiet", "--orphan", "lone")
    made.commit({"a": "alone"})
    made.tag("n@v1.0.0")
    made.git("checkout", "--quiet", "main")
    made.git("branch", "-D", "lone")
    for number, target in enumerate(("HEAD^{tree}", "HEAD:a", "HEAD:b")):
        made.tag(f"m#prod#{number + 5}", at=target)
        made.tag(f"m#prod#{number + 8}", at=target, annotated=False)
    made.tag("m#dev#2", at="m@v2.0.0")
    for allowed in ("true", "false"):
        made.git("config", "uploadpack.allowFilter", allowed)
        for question in (["show", "--json"], ["which", "m", "prod"], ["which", "m", "dev"], ["history", "--json"]):
            there = run(tmp_path, *question, "--repo", made.path.as_uri(), home=tmp_path / "home")
            assert (there.exit_code, there.out) == (0, run(made.path, *question).out)
    assert len(run(made.path, "show", "--json").json["warnings"]) == 7


@pytest.mark.parametrize("kind", ["empty", "without branches", "detached", "of one commit"])
def test_odd_remotes(tmp_path: Path, kind: str) -> None:
    made = GitRepository(tmp_path / "registry")
    if kind != "empty":
        made.commit({"a": "a"})
        made.tag("m@v1.0.0")
        made.tag("m#prod#1")
    if kind == "detached":
        made.git("checkout", "--quiet", "--detach")
        made.commit({"a": "b"})
    if kind == "without branches":
        bare = GitRepository(tmp_path / "bare", bare=True)
        made.git("push", "--quiet", str(bare.path), "refs/tags/*:refs/tags/*")
        made = bare
    for question in (["show", "--json"], ["history", "--json"]):
        there = run(tmp_path, *question, "--repo", made.path.as_uri(), home=tmp_path / "home")
        assert (there.exit_code, there.out) == (0, run(made.path, *question).out)
    if kind == "empty":
        done = run(tmp_path, "which", "m", "prod", "--repo", made.path.as_uri(), "--json", home=tmp_path / "home")
        assert (done.exit_code, done.json["reason"]) == (3, "unknown-model")


@pytest.mark.parametrize("question", [["show"], ["which", "churn", "prod"], ["show", "--at", "main"]], ids=" ".join)
def test_a_remote_that_does_not_answer_is_one_message(tmp_path: Path, remote: GitRemote, question: list[str]) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        nobody = f"http://127.0.0.1:{listener.getsockname()[1]}/{NAME}"
    for url in (nobody, remote.repository_url("org/none"), (tmp_path / "missing").as_uri(), "git@127.0.0.1:1/x"):
        done = run(tmp_path, *question, "--repo", url, "--json", env=github(remote, GIT_SSH_COMMAND="false"))
        assert (done.exit_code, done.json["reason"]) == (4, "git-failed"), url
        assert done.json["message"].startswith(f"{url} cannot be read: ")
        assert done.json["hint"]
        assert len(done.err.splitlines()) == 2
        assert TOKEN not in done.out + done.err


@pytest.mark.parametrize("question", [["show"], ["which", "churn", "prod"]], ids=" ".join)
def test_no_token_or_another_servers_is_not_sent(remote: GitRemote, tmp_path: Path, question: list[str]) -> None:
    url = remote.repository_url(NAME)
    for env in ({}, {"GITHUB_TOKEN": TOKEN}, {"GITHUB_TOKEN": TOKEN, "GITHUB_SERVER_URL": "https://127.0.0.2"}):
        remote.forget()
        done = run(tmp_path, *question, "--repo", url, "--json", env=env, home=tmp_path)
        assert (done.exit_code, done.json["reason"]) == (4, "permission-missing")
        assert "contents: read" in done.json["hint"]
        assert remote.requests
        assert not any(request.had_authorization for request in remote.requests)


def test_a_password_in_the_address_works_and_is_not_shown(remote: GitRemote, tmp_path: Path) -> None:
    url = remote.repository_url(NAME).replace("http://", f"http://x-access-token:{TOKEN}@")
    assert run(tmp_path, "which", "churn", "prod", "--repo", url).out == "v3.0.0\n"
    assert run(tmp_path, "show", "--repo", url).exit_code == 0
    done = run(tmp_path, "show", "--repo", url.replace(NAME, "org/none"), "--json")
    assert done.exit_code == 4
    assert TOKEN not in done.out + done.err


@pytest.mark.parametrize(
    "url",
    [
        *("ext::sh -c touch% ran", "ext::sh -c touch% ran://x", "--upload-pack=touch ran://x", "-x://y"),
        *("https://127.0.0.1:1/$(touch ran)", "https://127.0.0.1:1/;touch ran", "file:///none --upload-pack=touch ran"),
        *(
            "http://[::1",
            "ssh://-oProxyCommand=touch ran/x",
            "-oProxyCommand=touch ran@x:y",
            "fd::17://",
            "://",
            "a@b:",
        ),
        "https://127.0.0.1:1/\x1b[31mred",
    ],
)
@pytest.mark.parametrize("question", [["show"], ["which", "churn", "prod"]], ids=" ".join)
def test_hostile_addresses_do_nothing(tmp_path: Path, url: str, question: list[str]) -> None:
    room = tmp_path / "room"
    room.mkdir()
    done = run(room, *question, f"--repo={url}", "--json", home=tmp_path)
    assert done.exit_code in (2, 4)
    assert "\x1b" not in done.out + done.err
    assert list(tmp_path.rglob("ran*")) == []
    assert list(tmp_path.iterdir()) == [room]


@pytest.mark.parametrize(
    "command",
    [["deploy", "churn#prod#3"], ["rollback", "churn", "prod"], ["check"], ["init"]],
    ids=lambda command: str(command[0]),
)
def test_what_needs_files_says_so(remote: GitRemote, tmp_path: Path, command: list[str]) -> None:
    done = run(tmp_path, *command, "--repo", remote.repository_url(NAME), "--json", env=github(remote))
    assert (done.exit_code, done.json["reason"]) == (2, "usage")
    assert "a path, not a URL" in done.json["message"]
    assert "git clone" in done.json["hint"]
    assert not (tmp_path / "http:").exists()


def test_a_path_with_a_colon_is_a_path(tmp_path: Path) -> None:
    odd = GitRepository(tmp_path / "me@here:models")
    odd.commit({"a": "a"})
    odd.tag("m@v1.0.0")
    assert run(tmp_path, "resolve", "m@latest", "--repo", "me@here:models", env=environment(tmp_path)).out == "v1.0.0\n"


def test_moments_of_a_remote(registry: GitRepository, remote: GitRemote, tmp_path: Path) -> None:
    """Of its commits only whole ids can be asked; what it does not know is said, and not taken for a failure."""
    url, first = remote.repository_url(NAME), registry.git("rev-parse", "main~1")
    for text in (first, "HEAD", "refs/heads/main", "refs/tags/churn#prod#3", "@1693814295"):
        there = run(tmp_path, "show", "--json", "--repo", url, "--at", text, env=github(remote), home=tmp_path)
        assert (there.exit_code, there.out) == (0, run(registry.path, "show", "--json", "--at", text).out), text
    for text in ("nowhere", first[:9], "HEAD~1", "f" * 40, "main@{yesterday}", "refs/heads/*", "--upload-pack=x"):
        there = run(tmp_path, "show", "--json", "--repo", url, f"--at={text}", env=github(remote), home=tmp_path)
        assert (there.exit_code, there.json["reason"]) == (3, "unknown-ref"), text
