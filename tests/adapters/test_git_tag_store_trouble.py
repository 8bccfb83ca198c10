"""What goes wrong while tags are made: persons and keys unknown, disks full, remotes that say no. Nothing half-made."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from model_stage_deploy.core.errors import Cancelled, Invalid, MachineryFailed, ModelStageError, Refused
from model_stage_deploy.core.reasons import Reason
from tests.adapters.git_clones import NAME, TOKEN
from tests.adapters.tag_stores import KINDS, Bench, full_disk, make_bench, meddle, new, refs
from tests.standins.git_remote import GitRemote
from tests.standins.registries import GitRepository

pytestmark = pytest.mark.thorough


@pytest.fixture
def bench(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Bench:
    return make_bench(tmp_path, monkeypatch)


def fails(bench: Bench, kind: str, *, sign: bool = False) -> ModelStageError:
    """Making a tag fails, and leaves nothing."""
    before = bench.refs()
    with bench.store(kind) as store, pytest.raises(ModelStageError) as failure:
        store.make([new("m#prod#4", store.commit_of("HEAD")), new("m#dev#5", store.commit_of("HEAD"))], sign=sign)
    assert bench.refs() == before
    assert list((bench.room / "home").rglob("model-stage-deploy*")) == []
    return failure.value


@pytest.mark.parametrize("kind", KINDS)
def test_nobody(bench: Bench, monkeypatch: pytest.MonkeyPatch, kind: str) -> None:
    monkeypatch.delenv("GIT_COMMITTER_NAME")
    monkeypatch.delenv("GIT_COMMITTER_EMAIL")
    monkeypatch.setenv("GIT_CONFIG_COUNT", "1")
    monkeypatch.setenv("GIT_CONFIG_KEY_0", "user.useConfigOnly")  # else a machine with a full name is somebody
    monkeypatch.setenv("GIT_CONFIG_VALUE_0", "true")
    problem = fails(bench, kind)
    assert isinstance(problem, Invalid)
    assert problem.reason is Reason.IDENTITY_MISSING
    assert problem.hint == 'git config user.name "Your Name" && git config user.email "you@example.com"'
    monkeypatch.setenv("GITHUB_ACTIONS", "true")
    assert '"$GITHUB_ACTOR"' in fails(bench, kind).hint


def test_persons_of_one_clone_are_found(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    """Also one that git includes for the clone's directory alone."""
    monkeypatch.delenv("GIT_COMMITTER_NAME")
    monkeypatch.delenv("GIT_COMMITTER_EMAIL")
    personal, at_work = bench.room / "personal", bench.room / "at-work"
    at_work.write_text("[user]\n\tname = At Work\n\temail = work@example.com\n")
    personal.write_text(
        "[user]\n\tname = At Home\n\temail = home@example.com\n"
        f'[includeIf "gitdir:{bench.clone.path}/"]\n\tpath = {at_work}\n'
    )
    monkeypatch.setenv("GIT_CONFIG_GLOBAL", str(personal))
    for kind, name in (("pushing", "At Work"), ("local", "At Work"), ("url", "At Home")):
        with bench.store(kind) as store:
            store.make([new(f"m#{kind}", store.commit_of("HEAD"))], sign=False)
            assert {tag.tagger for tag in store.tags("m") if tag.name == f"m#{kind}"} == {name}


def ssh_key(bench: Bench) -> Path:
    key = bench.room / "key"
    words = ["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", "ada@example.com", "-f", str(key)]
    subprocess.run(words, check=True)
    kind, public, *_ = key.with_suffix(".pub").read_text().split()
    (bench.room / "allowed").write_text(f"ada@example.com {kind} {public}\n")
    return key


@pytest.mark.parametrize("by_setting", [False, True])
@pytest.mark.parametrize("kind", ["pushing", "local"])
def test_signed_with_ssh(bench: Bench, kind: str, by_setting: bool) -> None:
    key = ssh_key(bench)
    shutil.copy(key, bench.clone.path / "signing-key")  # a relative path counts from the clone's top
    shutil.copy(key.with_suffix(".pub"), bench.clone.path / "signing-key.pub")
    for name, value in (
        ("gpg.format", "ssh"),
        ("user.signingKey", "signing-key"),
        ("gpg.ssh.allowedSignersFile", str(bench.room / "allowed")),
    ):
        bench.clone.git("config", name, value)
    if by_setting:
        with (bench.clone.path / ".git/config").open("a") as config:
            config.write("[tag]\n\tgpgSign\n")
    with bench.store(kind, bench.clone.path / "sub") as store:
        store.make([new("m#prod#4", store.commit_of("HEAD"))], sign=not by_setting)
    assert "SSH SIGNATURE" in bench.clone.git("cat-file", "tag", "m#prod#4")
    bench.clone.git("verify-tag", "m#prod#4")


def test_gpg_without_a_key(bench: Bench) -> None:
    bench.clone.git("config", "user.signingKey", "none@example.com")
    problem = fails(bench, "pushing", sign=True)
    assert problem.reason is Reason.GIT_FAILED
    assert "could not be signed" in problem.message
    assert "sign" in problem.hint


def test_ssh_without_a_key_makes_no_tag_without_a_signature(bench: Bench) -> None:
    bench.clone.git("config", "gpg.format", "ssh")
    bench.clone.git("config", "user.signingKey", str(bench.room / "no-such-key"))
    problem = fails(bench, "local", sign=True)
    assert "no-such-key" in problem.message


@pytest.mark.parametrize(("kind", "command"), [*((kind, "tag") for kind in KINDS), ("local", "unpack-objects")])
def test_full_disk(bench: Bench, monkeypatch: pytest.MonkeyPatch, kind: str, command: str) -> None:
    meddle(monkeypatch, bench.room, full_disk(command))
    problem = fails(bench, kind)
    assert isinstance(problem, MachineryFailed)
    assert problem.reason is Reason.GIT_FAILED
    assert "File too large" in problem.message


def test_full_disk_while_refs_are_made(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    meddle(monkeypatch, bench.room, full_disk("update-ref"))
    assert fails(bench, "local").reason is Reason.GIT_FAILED
    assert list((bench.clone.path / ".git").rglob("*.lock")) == []


@pytest.mark.parametrize("kind", KINDS)
def test_no_room_for_temporary_files(bench: Bench, monkeypatch: pytest.MonkeyPatch, kind: str) -> None:
    def full(*_: object, **__: object) -> None:
        raise OSError(28, "No space left on device")

    with bench.store(kind) as store:
        commit = bench.registry.git("rev-parse", "main")
        monkeypatch.setattr("tempfile.mkdtemp", full)
        with pytest.raises(MachineryFailed, match="No space left") as failure:
            store.make([new("m#prod#4", commit)], sign=False)
        assert failure.value.reason is Reason.GIT_FAILED


@pytest.mark.parametrize("command", ["unpack-objects", "update-ref"])
def test_clone_that_takes_nothing_after_the_push(bench: Bench, monkeypatch: pytest.MonkeyPatch, command: str) -> None:
    """What is pushed counts: the rest is told."""
    meddle(monkeypatch, bench.room, full_disk(command))
    before = refs(bench.clone)
    with bench.store("pushing") as store:
        store.make([new("m#prod#4", store.commit_of("HEAD"))], sign=False)
    assert "refs/tags/m#prod#4" in refs(bench.remote)
    assert refs(bench.clone) == before
    assert len(bench.told) == 1
    assert "the tags are pushed" in bench.told[0]


def read_only(bench: Bench) -> None:
    """Refs cannot be written, whoever tries (root may write where modes forbid it): their directory is a file."""
    bench.clone.git("pack-refs", "--all")
    shutil.rmtree(bench.clone.path / ".git/refs/tags", ignore_errors=True)
    (bench.clone.path / ".git/refs/tags").touch()


def test_read_only_clone(bench: Bench) -> None:
    read_only(bench)
    problem = fails(bench, "local")
    assert problem.reason is Reason.GIT_FAILED
    assert "written to" in problem.hint
    with bench.store("pushing") as store:
        store.make([new("m#prod#4", store.commit_of("HEAD"))], sign=False)
    assert "refs/tags/m#prod#4" in refs(bench.remote)
    assert len(bench.told) == 1


@pytest.mark.parametrize("kind", KINDS)
def test_killed_in_the_middle(bench: Bench, monkeypatch: pytest.MonkeyPatch, kind: str) -> None:
    meddle(monkeypatch, bench.room, """case " $* " in *" pack-objects "*|*" push "*) kill -9 $$;; esac""")
    assert fails(bench, kind).reason is Reason.GIT_FAILED


def test_cancelled_in_the_middle(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    def cancel(*_: object, **__: object) -> None:
        raise Cancelled("SIGTERM")

    monkeypatch.setattr("model_stage_deploy.adapters.git_tag_store.push_tags", cancel)
    before = bench.refs()
    for kind in ("pushing", "url"):
        with pytest.raises(Cancelled), bench.store(kind) as store:
            store.make([new("m#prod#4", store.commit_of("HEAD"))], sign=False)
    assert bench.refs() == before
    assert list((bench.room / "home").rglob("model-stage-deploy*")) == []


def test_message_with_a_nul(bench: Bench) -> None:
    with bench.store("local") as store, pytest.raises(Invalid, match="NUL"):
        store.make([new("m#prod#4", store.commit_of("HEAD"), "a\0b")], sign=False)


def test_long_message_and_odd_bytes(bench: Bench) -> None:
    long = "\udcff" + "words " * 200_000
    with bench.store("pushing") as store:
        store.make([new("m#prod#4", store.commit_of("HEAD"), long)], sign=False)
        assert {tag.message for tag in store.tags("m") if tag.name == "m#prod#4"} == {"?" + long[1:].strip()}


@pytest.mark.parametrize("hook", ["pre-receive", "update"])
@pytest.mark.parametrize("kind", ["pushing", "url"])
def test_remote_that_declines(bench: Bench, kind: str, hook: str) -> None:
    path = bench.remote.path / "hooks" / hook
    path.parent.mkdir(exist_ok=True)
    path.write_text("#!/bin/sh\necho 'GH013: Repository rule violations found\x1b[2J' >&2\nexit 1\n")
    path.chmod(0o755)
    problem = fails(bench, kind)
    assert problem.reason is Reason.PERMISSION_MISSING
    assert "GH013" in problem.message
    assert "\x1b" not in problem.message
    assert "contents: write" in problem.hint


def test_remote_that_knows_no_atomic_push(bench: Bench) -> None:
    bench.remote.git("config", "receive.advertiseAtomic", "false")
    problem = fails(bench, "pushing")
    assert problem.reason is Reason.GIT_FAILED
    assert "atomic" in problem.message
    assert "all or none" in problem.hint


@pytest.mark.parametrize("kind", ["pushing", "url"])
def test_remote_that_is_gone(bench: Bench, kind: str) -> None:
    with bench.store(kind) as store:
        commit = bench.clone.git("rev-parse", "HEAD")
        bench.remote.path.rename(bench.room / "gone.git")
        for attempt in (lambda: store.tags("m"), lambda: store.make([new("m#prod#4", commit)], sign=False)):
            with pytest.raises((MachineryFailed, Refused)) as failure:
                attempt()
            assert failure.value.message
    assert "refs/tags/m#prod#4" not in refs(bench.clone)


@pytest.fixture
def served(bench: Bench) -> Iterator[GitRemote]:
    """The same registry over HTTP, for who has the token."""
    with GitRemote(bench.room / "remotes", token=TOKEN) as server:
        bench.remote = server.add(NAME, bench.registry)
        bench.url, bench.token = server.repository_url(NAME), TOKEN
        bench.clone.git("remote", "set-url", "origin", bench.url)
        yield server


@pytest.mark.parametrize("kind", ["pushing", "url"])
def test_http_with_the_token(bench: Bench, served: GitRemote, kind: str) -> None:
    with bench.store(kind) as store:
        assert "m#prod#3" in {tag.name for tag in store.tags("m")}
        store.make([new("m#prod#4", store.commit_of("HEAD"))], sign=False)
        assert "m#prod#4" in {tag.name for tag in store.tags("m")}
    kept = [path for path in bench.room.rglob("*") if path.is_file() and TOKEN.encode() in path.read_bytes()]
    assert kept == []


@pytest.mark.parametrize("personal", [False, True])
def test_http_with_the_clones_own_credentials(
    bench: Bench, served: GitRemote, monkeypatch: pytest.MonkeyPatch, personal: bool
) -> None:
    """As actions/checkout leaves them: they go before a token of the environment, which may be another's.

    They are sent once, also where a personal file has them.
    """
    import base64

    pair = base64.b64encode(f"x-access-token:{TOKEN}".encode()).decode()
    own = bench.room / "credentials"
    own.write_text(f'[http "{served.url}/"]\n\textraheader = AUTHORIZATION: basic {pair}\n')
    if personal:
        monkeypatch.setenv("GIT_CONFIG_GLOBAL", str(own))
    else:
        bench.clone.git("config", f"includeIf.gitdir:{bench.clone.path}/.git.path", str(own))
    for number, token in enumerate((None, "another"), start=4):
        bench.token = token
        with bench.store("pushing") as store:
            assert "m#prod#3" in {tag.name for tag in store.tags("m")}
            store.make([new(f"m#prod#{number}", store.commit_of("HEAD"))], sign=False)
    assert bench.told == []


@pytest.mark.parametrize("form", ["ssh://git@models.invalid{}", "git@models.invalid:{}"])
def test_ssh_with_the_clones_own_command(bench: Bench, form: str) -> None:
    """As actions/checkout leaves it for an `ssh-key`. It stands for ssh here: it runs what ssh would run there."""
    command = bench.room / "as-ssh"
    command.write_text(f'#!/bin/sh\necho "$@" >>{bench.room}/asked\nshift $(($# - 1))\neval "$1"\n')
    command.chmod(0o755)
    bench.clone.git("config", "core.sshCommand", str(command))
    bench.clone.git("remote", "set-url", "origin", form.format(bench.remote.path))
    with bench.store("pushing") as store:
        assert "m#prod#3" in {tag.name for tag in store.tags("m")}
        store.make([new("m#prod#4", store.commit_of("HEAD"))], sign=False)
    assert "refs/tags/m#prod#4" in refs(bench.remote)
    asked = (bench.room / "asked").read_text()
    assert "git-upload-pack" in asked
    assert "git-receive-pack" in asked


def test_http_with_a_password_in_the_address(bench: Bench, served: GitRemote) -> None:
    bench.token = "another"
    bench.clone.git("remote", "set-url", "origin", bench.url.replace("http://", f"http://x-access-token:{TOKEN}@"))
    with bench.store("pushing") as store:
        assert "m#prod#3" in {tag.name for tag in store.tags("m")}
        store.make([new("m#prod#4", store.commit_of("HEAD"))], sign=False)


@pytest.mark.parametrize("kind", ["pushing", "url"])
@pytest.mark.parametrize("token", ["wrong", None])
def test_http_with_a_wrong_token(bench: Bench, served: GitRemote, kind: str, token: str | None) -> None:
    bench.token = token
    commit = bench.clone.git("rev-parse", "HEAD")
    with bench.store(kind) as store:
        for attempt in (lambda: store.tags("m"), lambda: store.make([new("m#prod#4", commit)], sign=False)):
            with pytest.raises(MachineryFailed) as failure:
                attempt()
            assert failure.value.hint
            assert TOKEN not in failure.value.message + failure.value.hint


@pytest.mark.parametrize("kind", ["pushing", "url"])
def test_http_that_may_only_be_read(bench: Bench, served: GitRemote, kind: str) -> None:
    served.allow_push = False
    problem = fails(bench, kind)
    assert problem.reason is Reason.PERMISSION_MISSING
    assert "403" in problem.message
    assert "contents: write" in problem.hint


def test_server_that_is_down_for_the_push_only(bench: Bench, served: GitRemote) -> None:
    with bench.store("pushing") as store:
        commit = store.commit_of("HEAD")
        store.tags("m")
        served.down = True
        with pytest.raises(MachineryFailed, match="503"):
            store.make([new("m#prod#4", commit)], sign=False)
    assert "refs/tags/m#prod#4" not in refs(bench.clone) | refs(GitRepository(bench.remote.path, bare=True))
