"""Signatures of tags, by real keys: what git accepts is accepted, and nothing that anybody could make of it."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from model_stage_deploy.adapters import git_signatures
from model_stage_deploy.adapters.git_repository import GitRepository as Reader
from model_stage_deploy.adapters.git_signatures import GitSignatures, tag_bytes
from model_stage_deploy.adapters.git_source import GitSource
from model_stage_deploy.core.errors import MachineryFailed
from model_stage_deploy.core.model import TagRecord
from model_stage_deploy.core.stored import Signature
from tests.adapters.git_clones import CLONES, NAME, World, isolate, make_registry, serve
from tests.standins.registries import GitRepository
from tests.standins.signing import GpgRing, SshKey, put_tag, signed_tag, tag_text

pytestmark = pytest.mark.thorough

TAG = "m#prod#9"
WHEN = 1_700_000_000  # 2023-11-14T22:13:20Z


@dataclass(frozen=True)
class Holding:
    """Gives these bytes, whatever it is asked for."""

    content: bytes

    def tag_object(self, tag: TagRecord) -> bytes:
        del tag
        return self.content


@pytest.fixture(scope="module")
def keys(tmp_path_factory: pytest.TempPathFactory) -> tuple[SshKey, SshKey]:
    room = tmp_path_factory.mktemp("keys")
    return SshKey.make(room / "ada"), SshKey.make(room / "eve")


@pytest.fixture(scope="module")
def ring() -> Iterator[GpgRing]:
    with GpgRing() as made:
        made.make("ada@example.com")
        made.make("eve@example.com")
        yield made


@pytest.fixture
def registry(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> GitRepository:
    isolate(monkeypatch, tmp_path / "home")
    made = GitRepository(tmp_path / "registry")
    made.commit({"model.bin": "one"})
    return made


def head(registry: GitRepository) -> str:
    return registry.git("rev-parse", "HEAD")


def record_of(registry: GitRepository, name: str = TAG) -> TagRecord:
    return next(each for each in Reader.open(registry.path).tags(None) if each.name == name)


def check(
    registry: GitRepository, *, signers: bytes | None = None, gpg: bytes | None = None, name: str = TAG
) -> Signature | str:
    """What is said of the tag as the repository has it."""
    with GitSource(Reader.open(registry.path)) as source:
        return GitSignatures(source).check(record_of(registry, name), allowed_signers=signers, gpg_keys=gpg)


def by_ssh(registry: GitRepository, key: SshKey, *, namespace: str = "git", when: int = WHEN) -> None:
    text = tag_text(TAG, head(registry), when=when)
    put_tag(registry, TAG, text + key.sign(text, namespace=namespace))


def test_what_git_signs_by_ssh_is_good(registry: GitRepository, keys: tuple[SshKey, SshKey]) -> None:
    signed_tag(registry, TAG, keys[0].settings, {})
    found = check(registry, signers=keys[1].line("eve@example.com") + keys[0].line("ada@example.com"))
    assert isinstance(found, Signature)
    assert (found.signer, found.kind, found.key[:15]) == ("ada@example.com", "ssh", "ED25519 SHA256:")


def test_what_git_signs_by_gpg_is_good(registry: GitRepository, ring: GpgRing) -> None:
    options = ("-c", "gpg.format=openpgp", "-c", "user.signingKey=ada@example.com")
    signed_tag(registry, TAG, options, {"GNUPGHOME": str(ring.home)})
    found = check(registry, gpg=ring.public())
    assert isinstance(found, Signature) and (found.signer, found.kind) == ("ada@example.com", "gpg")
    assert (
        found.key == ring.gpg("--with-colons", "--list-keys", "ada@example.com").decode().split("fpr:")[1].split(":")[8]
    )


@pytest.mark.parametrize(
    ("principals", "options", "words"),
    [
        ("ada@example.com", "", ""),
        ("ada@example.com,ada@home.example", 'namespaces="git"', ""),
        ("*@example.com", 'namespaces="file,git"', ""),
        ("ada@example.com", 'valid-after="20231114",valid-before="20231115"', ""),
        ("ada@example.com", 'valid-before="20231114"', "had expired when the tag was made"),
        ("ada@example.com", 'valid-after="20231115"', "was not valid yet when the tag was made"),
        ("ada@example.com", 'namespaces="file"', "does not allow for tags"),
        ("ada@example.com", "cert-authority", "does not list"),
    ],
)
def test_lines_of_allowed_signers(
    registry: GitRepository, keys: tuple[SshKey, SshKey], tmp_path: Path, principals: str, options: str, words: str
) -> None:
    """And `git verify-tag`, asked the same, agrees."""
    by_ssh(registry, keys[0])
    line = keys[0].line(principals, options)
    found = check(registry, signers=line)
    assert isinstance(found, str) is bool(words)
    assert words in str(found)

    (tmp_path / "allowed").write_bytes(line)
    asked = ("-c", f"gpg.ssh.allowedSignersFile={tmp_path / 'allowed'}", "verify-tag", TAG)
    if words:
        with pytest.raises(AssertionError, match="verify-tag"):
            registry.git(*asked)
    else:
        registry.git(*asked)


@pytest.mark.parametrize("signers", [b"", b"\n# nobody\n", b"what is this\n", b"\xff\x00"])
def test_whoever_is_not_listed_does_not_count(
    registry: GitRepository, keys: tuple[SshKey, SshKey], signers: bytes
) -> None:
    by_ssh(registry, keys[0])
    for listed in (signers, signers + keys[1].line("ada@example.com")):
        assert "does not list" in str(check(registry, signers=listed))


def test_a_signature_for_another_purpose_does_not_count(registry: GitRepository, keys: tuple[SshKey, SshKey]) -> None:
    by_ssh(registry, keys[0], namespace="file")
    assert "for another purpose" in str(check(registry, signers=keys[0].line("ada@example.com")))


def test_a_signature_of_another_tag_does_not_count(
    registry: GitRepository, keys: tuple[SshKey, SshKey], ring: GpgRing
) -> None:
    mine = tag_text(TAG, head(registry))
    other = tag_text("m#staging#9", head(registry))
    put_tag(registry, TAG, mine + keys[0].sign(other))
    assert "not over what the tag says" in str(check(registry, signers=keys[0].line("ada@example.com")))
    put_tag(registry, TAG, mine + ring.sign(other, "ada@example.com"))
    assert "not over what the tag says" in str(check(registry, gpg=ring.public()))


def test_a_tag_without_signature_does_not_count(registry: GitRepository, keys: tuple[SshKey, SshKey]) -> None:
    registry.tag(TAG)
    assert check(registry, signers=keys[0].line("ada@example.com")) == "is not signed"


def test_the_mapping_must_name_the_kind(registry: GitRepository, keys: tuple[SshKey, SshKey], ring: GpgRing) -> None:
    by_ssh(registry, keys[0])
    assert "names no `allowed-signers`" in str(check(registry, gpg=ring.public()))
    text = tag_text(TAG, head(registry))
    put_tag(registry, TAG, text + ring.sign(text, "ada@example.com"))
    assert "names no `gpg-keys`" in str(check(registry, signers=keys[0].line("ada@example.com")))
    put_tag(registry, TAG, text + b"-----BEGIN SIGNED MESSAGE-----\nMIAG\n-----END SIGNED MESSAGE-----\n")
    assert "not known here" in str(check(registry, signers=b"", gpg=b""))


def test_what_stands_behind_a_signature_is_refused(registry: GitRepository, keys: tuple[SshKey, SshKey]) -> None:
    text = tag_text(TAG, head(registry))
    signature = keys[0].sign(text)
    for more in (b"and more\n", b"x\n-----END SSH SIGNATURE-----\n"):
        put_tag(registry, TAG, text + signature + more)
        assert "behind its signature" in str(check(registry, signers=keys[0].line("ada@example.com")))


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (lambda commit: tag_text("m#staging#9", commit), "was made and signed for m#staging#9 (B6)"),
        (lambda commit: tag_text(TAG, commit).replace(b"type commit", b"type commit\ntype commit"), "other headers"),
        (lambda commit: tag_text(TAG, commit).replace(b"\n\n", f"\nobject {'0' * 40}\n\n".encode()), "other headers"),
    ],
)
def test_a_signed_object_with_another_head_is_refused(keys: tuple[SshKey, SshKey], text: object, words: str) -> None:
    """Made by hand: git's own tools do not write most of them."""
    assert callable(text)
    unsigned = text("c" * 40)
    content = unsigned + keys[0].sign(unsigned)
    record = TagRecord(TAG, git_signatures._id_of(content, "0" * 40), True, "c" * 40, WHEN, inner_name=TAG)
    found = GitSignatures(Holding(content)).check(record, allowed_signers=keys[0].line("a@b"), gpg_keys=None)
    assert words in str(found)


def test_a_nested_tag_is_refused(registry: GitRepository, keys: tuple[SshKey, SshKey]) -> None:
    inner = registry.tag("m@v1.0.0")
    content = tag_text(TAG, inner, kind="tag")
    put_tag(registry, TAG, content + keys[0].sign(content))
    assert "(B5)" in str(check(registry, signers=keys[0].line("ada@example.com")))


def test_the_object_is_the_one_that_the_record_names(registry: GitRepository, keys: tuple[SshKey, SshKey]) -> None:
    """B17: the tag moves between the moment it is read and the moment it is checked."""
    signers = keys[0].line("ada@example.com")
    by_ssh(registry, keys[0])
    signed = record_of(registry)
    registry.tag(TAG, force=True)
    unsigned = record_of(registry)
    with GitSource(Reader.open(registry.path)) as source:
        signatures = GitSignatures(source)
        assert isinstance(signatures.check(signed, allowed_signers=signers, gpg_keys=None), Signature)
        assert signatures.check(unsigned, allowed_signers=signers, gpg_keys=None) == "is not signed"
    swapped = GitSignatures(Holding(tag_bytes(Reader.open(registry.path), signed.object_id) or b""))
    assert "(B17)" in str(swapped.check(unsigned, allowed_signers=signers, gpg_keys=None))


def test_a_replacement_does_not_count(registry: GitRepository, keys: tuple[SshKey, SshKey]) -> None:
    registry.tag(TAG)
    unsigned = record_of(registry)
    text = tag_text(TAG, head(registry))
    good = put_tag(registry, "other", text + keys[0].sign(text))
    registry.git("replace", unsigned.object_id, good)
    assert check(registry, signers=keys[0].line("ada@example.com")) == "is not signed"


def test_keys_of_gpg_that_do_not_count(registry: GitRepository, ring: GpgRing) -> None:
    text = tag_text(TAG, head(registry))
    with GpgRing() as own:
        good = own.make("good@example.com", when="20200101T000000")
        gone = own.make("gone@example.com")
        old = own.make("old@example.com", expires="1d", when="20200101T000000")
        past = ("--faked-system-time", "20200101T010000")
        signatures = {
            "was revoked (gone@example.com)": own.sign(text, gone),
            "by a key that has expired (old@example.com)": own.sign(text, old, *past),
            "a signature that has expired (by good@example.com)": own.sign(
                text, good, *past, "--default-sig-expire", "1d"
            ),
            "a signature that gpg does not take": own.sign(text, good, "--digest-algo", "SHA1"),
            "which `gpg-keys` does not hold": ring.sign(text, "ada@example.com"),
        }
        own.revoke(gone)
        for words, signature in signatures.items():
            put_tag(registry, TAG, text + signature)
            assert words in str(check(registry, gpg=own.public()))
        put_tag(registry, TAG, text + own.sign(text, good))
        assert isinstance(check(registry, gpg=own.public()), Signature)


def test_two_signatures_of_gpg_are_refused(registry: GitRepository, ring: GpgRing) -> None:
    text = tag_text(TAG, head(registry))
    both = ring.gpg("--armor", "--detach-sign", "-u", "ada@example.com", "-u", "eve@example.com", given=text)
    put_tag(registry, TAG, text + both)
    assert "several signatures" in str(check(registry, gpg=ring.public()))


@pytest.mark.parametrize("keys", [b"", b"no keys", b"-----BEGIN PGP PUBLIC KEY BLOCK-----\n\n\n"])
def test_a_file_without_keys_is_no_answer(registry: GitRepository, ring: GpgRing, keys: bytes) -> None:
    text = tag_text(TAG, head(registry))
    put_tag(registry, TAG, text + ring.sign(text, "ada@example.com"))
    with pytest.raises(MachineryFailed, match="no public key that gpg can read"):
        check(registry, gpg=keys)


def test_nothing_of_the_users_counts(
    registry: GitRepository, keys: tuple[SshKey, SshKey], ring: GpgRing, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """Neither their key ring, nor git's settings, of the repository or their own, that allow more."""
    (tmp_path / "all").write_bytes(keys[1].line("*"))
    registry.git("config", "gpg.ssh.allowedSignersFile", str(tmp_path / "all"))
    (tmp_path / "yes").write_text("#!/bin/sh\nexit 0\n")
    (tmp_path / "yes").chmod(0o755)
    for name in ("gpg.program", "gpg.ssh.program"):
        registry.git("config", name, str(tmp_path / "yes"))
    by_ssh(registry, keys[1])
    assert "does not list" in str(check(registry, signers=keys[0].line("ada@example.com")))
    monkeypatch.setenv("GNUPGHOME", str(ring.home))
    text = tag_text(TAG, head(registry))
    put_tag(registry, TAG, text + ring.sign(text, "eve@example.com"))
    assert "does not hold" in str(check(registry, gpg=ring.public("ada@example.com")))
    left = list(Path(os.environ["TMPDIR"]).rglob("msd-sig-*"))
    assert left == [], "the room of a check is gone after it"


@pytest.mark.parametrize("program", ["ssh-keygen", "gpg"])
def test_a_program_that_is_missing_is_no_answer(
    registry: GitRepository, keys: tuple[SshKey, SshKey], ring: GpgRing, monkeypatch: pytest.MonkeyPatch, program: str
) -> None:
    text = tag_text(TAG, head(registry))
    signature = keys[0].sign(text) if program == "ssh-keygen" else ring.sign(text, "ada@example.com")
    put_tag(registry, TAG, text + signature)
    record, public = record_of(registry), ring.public()
    content = tag_bytes(Reader.open(registry.path), record.object_id) or b""
    monkeypatch.setenv("PATH", str(registry.path))
    with pytest.raises(MachineryFailed, match=f"{program} is not installed"):
        GitSignatures(Holding(content)).check(record, allowed_signers=keys[0].line("a@b"), gpg_keys=public)


def test_a_program_that_hangs_is_no_answer(
    registry: GitRepository, keys: tuple[SshKey, SshKey], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    by_ssh(registry, keys[0])
    record = record_of(registry)
    content = tag_bytes(Reader.open(registry.path), record.object_id) or b""
    slow = tmp_path / "bin" / "ssh-keygen"
    slow.parent.mkdir()
    slow.write_text("#!/bin/sh\nexec sleep 60\n")
    slow.chmod(0o755)
    monkeypatch.setenv("PATH", f"{slow.parent}:{os.environ['PATH']}")
    monkeypatch.setattr(git_signatures, "_TIMEOUT", 0.2)
    with pytest.raises(MachineryFailed, match="TimeoutExpired"):
        GitSignatures(Holding(content)).check(record, allowed_signers=b"", gpg_keys=None)


@pytest.mark.parametrize("kind", [None, "whole", "single-tag-lightweight", "partial", "shallow", "no-tags"])
def test_the_object_is_had_from_wherever_it_is(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, keys: tuple[SshKey, SshKey], kind: str | None
) -> None:
    registry = make_registry(tmp_path / "registry")
    text = tag_text("m#prod#3", registry.git("rev-parse", "m@v1.0.0^{commit}"))
    put_tag(registry, "m#prod#3", text + keys[0].sign(text))
    with serve(registry, monkeypatch, tmp_path) as world:
        clone = None if kind is None else world.clone() if kind == "whole" else CLONES[kind](world)
        with world.source(clone) as source:
            record = next(each for each in source.tags("m", wanted="m#prod#3") if each.name == "m#prod#3")
            signatures = GitSignatures(source)
            found = signatures.check(record, allowed_signers=keys[0].line("ada@example.com"), gpg_keys=None)
            assert isinstance(found, Signature) and found.signer == "ada@example.com"
            _moved_meanwhile(world, source, record)


def _moved_meanwhile(world: World, source: GitSource, record: TagRecord) -> None:
    """An object that is nowhere any more is no answer."""
    with pytest.raises(MachineryFailed, match="the remote has another"):
        source.tag_object(record._replace(object_id="d" * 40))
    assert world.remote.repository_url(NAME)


@settings(max_examples=40)
@given(data=st.data())
def test_no_changed_tag_is_good(data: st.DataObject, keys: tuple[SshKey, SshKey]) -> None:
    """Any one byte of what is signed changed, with the id that belongs to the changed object: never good."""
    text = tag_text(TAG, "c" * 40)
    content = bytearray(text + keys[0].sign(text))
    at = data.draw(st.integers(0, len(text) - 1))
    content[at] ^= data.draw(st.integers(1, 255))
    changed = bytes(content)
    record = TagRecord(TAG, git_signatures._id_of(changed, "0" * 40), True, "c" * 40, WHEN, inner_name=TAG)
    found = GitSignatures(Holding(changed)).check(
        record, allowed_signers=keys[0].line("ada@example.com"), gpg_keys=None
    )
    assert isinstance(found, str) and found.isprintable()
