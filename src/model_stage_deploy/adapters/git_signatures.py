"""Signatures of tag objects, checked by ssh-keygen and gpg in a directory of their own.

Nothing of the user's counts: no Git settings, no key ring, no agent. The object is taken by its id, its bytes are
hashed again, and what is checked is all of it up to the signature, so no tag can borrow another's.
"""

from __future__ import annotations

import hashlib
import os
import re
import shutil
import subprocess
import tempfile
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple, Protocol

from model_stage_deploy.adapters.git_repository import GitRepository
from model_stage_deploy.adapters.gpg_status import read_status
from model_stage_deploy.core.errors import MachineryFailed
from model_stage_deploy.core.inert import one_line
from model_stage_deploy.core.model import TagRecord
from model_stage_deploy.core.reasons import Reason
from model_stage_deploy.core.stored import Signature

_TIMEOUT = 30.0  # seconds, for each program
_BEGINS = re.compile(rb"^-----BEGIN (PGP SIGNATURE|PGP MESSAGE|SIGNED MESSAGE|SSH SIGNATURE)-----", re.MULTILINE)
_ENDS = re.compile(rb"^-----END [A-Z ]+-----\s*\Z", re.MULTILINE)
_KEY = re.compile(r"with (\S+) key (SHA256:\S+)")
_NAMESPACE = "git"


def tag_bytes(repository: GitRepository, object_id: str) -> bytes | None:
    """The bytes of a tag object, None where it is not there; a replacement that somebody made for it does not count."""
    done = repository.git.attempt(["--no-replace-objects", "cat-file", "tag", object_id])
    return done.stdout if done.returncode == 0 else None


class _Parts(NamedTuple):
    """A tag object taken apart: what is signed, the signature, and its kind in the words of its first line."""

    signed: bytes
    signature: bytes
    kind: str


class HoldsTags(Protocol):
    """Where tag objects are had from: GitSource."""

    def tag_object(self, tag: TagRecord) -> bytes:
        """The bytes of the object that the record names. Raises MachineryFailed (git-failed)."""
        ...


class GitSignatures:
    """Fulfils the Signatures port."""

    def __init__(self, source: HoldsTags) -> None:
        self._source = source

    def check(self, tag: TagRecord, *, allowed_signers: bytes | None, gpg_keys: bytes | None) -> Signature | str:
        """The signature of the object, or why it does not count (see the port)."""
        content = self._source.tag_object(tag)
        if _id_of(content, tag.object_id) != tag.object_id:
            return "is not (or no longer) the object that was looked at: it was moved (B17)"
        wrong = _wrong_head(content, tag)
        if wrong:
            return wrong
        parts = _apart(content)
        if parts is None:
            return "is not signed"
        if not _is_last(parts.signature):
            return "has something behind its signature that nobody signed"
        return _check(parts, tag, allowed_signers, gpg_keys)


def _check(parts: _Parts, tag: TagRecord, allowed_signers: bytes | None, gpg_keys: bytes | None) -> Signature | str:
    if parts.kind == "SSH SIGNATURE":
        if allowed_signers is None:
            return "is signed by SSH, and the mapping names no `allowed-signers`"
        return _with_room(lambda room: _check_ssh(room, parts, allowed_signers, tag.time))
    if parts.kind == "PGP SIGNATURE":
        if gpg_keys is None:
            return "is signed by GPG, and the mapping names no `gpg-keys`"
        return _with_room(lambda room: _check_gpg(room, parts, gpg_keys))
    return f"is signed in a way that is not known here ({parts.kind})"


def _id_of(content: bytes, like: str) -> str:
    algorithm = "sha256" if len(like) == 64 else "sha1"
    return hashlib.new(algorithm, b"tag %d\0" % len(content) + content, usedforsecurity=False).hexdigest()


def _wrong_head(content: bytes, tag: TagRecord) -> str:
    """The object's own words, against what is believed of it: of each header there is one, and it says the same."""
    head = content.partition(b"\n\n")[0].decode(errors="replace").split("\n")
    if [line.partition(" ")[0] for line in head] != ["object", "type", "tag", "tagger"]:
        return "is an object with other headers than a tag of Git has"
    if head[0] != f"object {tag.commit}" or head[1] != "type commit":
        return "is on something else than the commit that it is believed to be on (B5)"
    if head[2] != f"tag {tag.name}":
        return f"was made and signed for {one_line(head[2][4:], 200)} (B6)"
    return ""


def _apart(content: bytes) -> _Parts | None:
    """The last signature and all before it, as Git does; None where there is none."""
    found = list(_BEGINS.finditer(content))
    if not found:
        return None
    start = found[-1].start()
    return _Parts(content[:start], content[start:], found[-1][1].decode())


def _is_last(signature: bytes) -> bool:
    """Whether nothing follows the signature, and it is one."""
    return signature.count(b"-----END ") == 1 and _ENDS.search(signature) is not None


def _with_room(check: Callable[[Path], Signature | str]) -> Signature | str:
    try:
        # Short: gpg makes sockets in its home, whose paths may have about a hundred characters.
        room = Path(tempfile.mkdtemp(prefix="msd-sig-"))
    except OSError as problem:
        raise MachineryFailed(
            Reason.GIT_FAILED, f"no temporary directory can be made in {tempfile.gettempdir()}: {problem.strerror}"
        ) from problem
    try:
        return check(room)
    finally:
        shutil.rmtree(room, ignore_errors=True)


def _check_ssh(room: Path, parts: _Parts, allowed_signers: bytes, time: int | None) -> Signature | str:
    """As `git verify-tag` does: who is listed for the key at the tag's time, and whether it is their signature."""
    (room / "allowed").write_bytes(allowed_signers)
    (room / "signature").write_bytes(parts.signature)
    moment = ["-Overify-time=" + _moment(time or 0)]

    def ask(*words: str) -> _Done:
        return _run(["ssh-keygen", "-Y", *words, "-s", "signature"], room, given=parts.signed)

    valid = ask("check-novalidate", "-n", _NAMESPACE)
    if valid.code != 0:
        if "namespace" in valid.complaint:
            return "carries a signature that was made for another purpose than Git's (its namespace is another)"
        return f"carries a signature that is not over what the tag says ({_words(valid)})"
    key = _KEY.search(valid.said)
    shown = f"{key[1]} {key[2]}" if key else "unknown"
    who = ask("find-principals", "-f", "allowed", *moment)
    if who.code != 0:
        return _not_allowed(shown, who)
    complaint = _words(who)
    for principal in who.said.splitlines():
        verified = ask("verify", "-f", "allowed", "-I", principal, "-n", _NAMESPACE, *moment)
        if verified.code == 0:
            return Signature(principal, shown, "ssh")
        complaint = _words(verified)
    return f"is signed by the key {shown}, which `allowed-signers` does not allow for tags ({complaint})"


def _not_allowed(shown: str, done: _Done) -> str:
    if "expired" in done.complaint:
        return f"is signed by the key {shown}, which had expired when the tag was made (valid-before)"
    if "not yet valid" in done.complaint:
        return f"is signed by the key {shown}, which was not valid yet when the tag was made (valid-after)"
    if "no principal matched" in done.complaint.lower() or not done.complaint.strip():
        return f"is signed by the key {shown}, which `allowed-signers` does not list"
    return f"is signed by the key {shown}, which `allowed-signers` does not list ({_words(done)})"


def _moment(time: int) -> str:
    from datetime import UTC, datetime

    try:
        return datetime.fromtimestamp(time, UTC).strftime("%Y%m%d%H%M%S")  # TZ is UTC there, too
    except (OverflowError, OSError, ValueError):
        return "99991231235959"  # a date beyond calendars: whatever ends has ended


def _check_gpg(room: Path, parts: _Parts, keys: bytes) -> Signature | str:
    """By a key ring of its own that holds just the listed keys; whoever is in it is trusted, nobody else exists."""
    home = room / "h"
    home.mkdir(mode=0o700)
    (room / "signature").write_bytes(parts.signature)
    options = [
        "gpg",
        "--homedir",
        "h",
        "--no-options",
        "--batch",
        "--no-tty",
        "--no-autostart",
        "--no-auto-key-retrieve",
    ]
    taken = _run([*options, "--status-fd", "1", "--import"], room, given=keys)
    if "[GNUPG:] IMPORT_OK" not in taken.said:
        raise MachineryFailed(
            Reason.GIT_FAILED,
            f"the file of `gpg-keys` holds no public key that gpg can read: {_words(taken)}",
            hint="write it with: gpg --armor --export ADDRESS…",
        )
    strict = ["--trust-model", "always", "--weak-digest", "SHA1", "--weak-digest", "RIPEMD160"]
    done = _run([*options, *strict, "--status-fd", "1", "--verify", "signature", "-"], room, given=parts.signed)
    return read_status(done.said, exit_code=done.code)


class _Done(NamedTuple):
    code: int
    said: str
    complaint: str


def _run(argv: Sequence[str], room: Path, *, given: bytes) -> _Done:
    try:
        done = subprocess.run(
            argv, cwd=room, env=_environment(room), input=given, capture_output=True, timeout=_TIMEOUT, check=False
        )
    except FileNotFoundError as problem:
        package = "openssh-client" if argv[0] == "ssh-keygen" else "gnupg"
        raise MachineryFailed(
            Reason.GIT_FAILED,
            f"{argv[0]} is not installed, so signatures cannot be checked",
            hint=f"install it ({package})",
        ) from problem
    except (OSError, subprocess.TimeoutExpired) as problem:
        raise MachineryFailed(
            Reason.GIT_FAILED, f"{argv[0]} could not check the signature: {type(problem).__name__}"
        ) from problem
    return _Done(done.returncode, done.stdout.decode(errors="replace"), done.stderr.decode(errors="replace"))


def _environment(room: Path) -> Mapping[str, str]:
    """Nobody's own: programs look for keys and settings in the room only."""
    return {
        "PATH": os.environ.get("PATH", os.defpath),
        "HOME": str(room),
        "GNUPGHOME": str(room / "h"),
        "LC_ALL": "C",
        "TZ": "UTC",
    }


def _words(done: _Done) -> str:
    """What a program complains of most, on one line."""
    lines = [line.strip() for line in done.complaint.splitlines() if line.strip()]
    return one_line(lines[-1] if lines else "it said nothing", 300)
