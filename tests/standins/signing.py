"""Real keys for signing tags: SSH keys, and a GPG key ring of its own. Nothing is read from, or left in, any home."""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType

from tests.standins.registries import GitRepository


@dataclass(frozen=True)
class SshKey:
    """A private key without passphrase, and its public line."""

    path: Path

    @classmethod
    def make(cls, path: Path) -> SshKey:
        command = ["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", "test", "-f", str(path)]
        subprocess.run(command, check=True, capture_output=True)
        return cls(path)

    @property
    def public(self) -> str:
        """Type and key, without the comment."""
        return " ".join(self.path.with_suffix(".pub").read_text().split()[:2])

    def line(self, principals: str, options: str = "") -> bytes:
        """A line of an allowed-signers file."""
        return f"{principals} {options + ' ' if options else ''}{self.public}\n".encode()

    def sign(self, content: bytes, *, namespace: str = "git") -> bytes:
        command = ["ssh-keygen", "-Y", "sign", "-f", str(self.path), "-n", namespace]
        return subprocess.run(command, input=content, check=True, capture_output=True).stdout

    @property
    def settings(self) -> tuple[str, ...]:
        """Options of git, with which `git tag -s` signs by this key."""
        return ("-c", "gpg.format=ssh", "-c", f"user.signingKey={self.path}")


@dataclass
class GpgRing:
    """A key ring in a short directory (gpg's sockets want that); a context manager."""

    home: Path = field(default_factory=lambda: Path(tempfile.mkdtemp(prefix="msd-g-", dir="/tmp")))

    def __enter__(self) -> GpgRing:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        subprocess.run(["gpgconf", "--kill", "all"], env=self.environment, check=False, capture_output=True)
        shutil.rmtree(self.home, ignore_errors=True)

    @property
    def environment(self) -> Mapping[str, str]:
        return {**os.environ, "GNUPGHOME": str(self.home), "HOME": str(self.home), "LC_ALL": "C"}

    def gpg(self, *arguments: str, given: bytes = b"") -> bytes:
        command = ["gpg", "--batch", "--no-tty", "--pinentry-mode", "loopback", "--passphrase", "", *arguments]
        done = subprocess.run(command, input=given, env=self.environment, check=False, capture_output=True)
        assert done.returncode == 0, done.stderr.decode()
        return done.stdout

    def make(self, address: str, *, expires: str = "never", when: str = "") -> str:
        """A key of that address; its fingerprint. `when` is a time to pretend: 20200101T000000."""
        past = ["--faked-system-time", when] if when else []
        self.gpg(*past, "--quick-generate-key", f"Test <{address}>", "ed25519", "sign", expires)
        listed = self.gpg("--with-colons", "--list-keys", address).decode().splitlines()
        return next(row.split(":")[9] for row in listed if row.startswith("fpr:"))

    def public(self, *keys: str) -> bytes:
        return self.gpg("--armor", "--export", *keys)

    def revoke(self, key: str) -> None:
        """By the certificate that gpg writes for each new key; a colon keeps it from being used by mistake."""
        certificate = (self.home / "openpgp-revocs.d" / f"{key}.rev").read_bytes()
        self.gpg("--import", given=certificate.replace(b":-----BEGIN", b"-----BEGIN"))

    def sign(self, content: bytes, key: str, *options: str) -> bytes:
        return self.gpg("--armor", "--detach-sign", "--local-user", key, *options, given=content)


def tag_text(name: str, commit: str, *, kind: str = "commit", when: int = 1_700_000_000, message: str = "why") -> bytes:
    """A tag object without signature, as git writes it."""
    return (
        f"object {commit}\ntype {kind}\ntag {name}\ntagger Ada Model <ada@example.com> {when} +0000\n\n{message}\n"
    ).encode()


def put_tag(repository: GitRepository, name: str, content: bytes) -> str:
    """Make `content` a tag object and `name` a tag of it; the object's id."""
    made = repository.git("hash-object", "-t", "tag", "-w", "--literally", "--stdin", stdin=content)
    repository.git("update-ref", f"refs/tags/{name}", made)
    return made


def signed_tag(repository: GitRepository, name: str, options: Sequence[str], env: Mapping[str, str]) -> str:
    """`git tag -s`; the object's id."""
    repository.git(*options, "tag", "-s", "-m", "why", name, "HEAD", env=env)
    return repository.git("rev-parse", f"refs/tags/{name}")
