"""What a repository is called for people, and where its code host shows a commit: both from its remote's address."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from urllib.parse import quote, urlsplit

_SCP = re.compile(r"(?:[^@/\s]+@)?(?P<host>[A-Za-z0-9.-]+):(?P<path>[^/\\:][^:]*)")  # what ssh takes: user@host:path
_SCHEMES = ("http", "https", "ssh", "git")


def name_of(repo: str, origin: str) -> str:
    """OWNER/NAME where the remote's address has such, else the directory's name. Never with a password."""
    _, path = _split(origin)
    return path or Path(repo or ".").resolve().name or "the registry"


def commits_of(origin: str, environ: Mapping[str, str]) -> str:
    """An address that a commit's id ends, "" where the host is none that we know how to link to.

    Known are GitHub's and GitLab's own, and what a job's environment says is one (GITHUB_SERVER_URL, CI_SERVER_URL).
    """
    host, path = _split(origin)
    if not host or "/" not in path:
        return ""
    shown = quote(path, safe="/")
    for server, between in (
        ("https://github.com", "commit"),
        ("https://gitlab.com", "-/commit"),
        (environ.get("GITHUB_SERVER_URL", ""), "commit"),
        (environ.get("CI_SERVER_URL", ""), "-/commit"),
    ):
        found = _parts(server)
        if found[1] == host and found[0] in ("http", "https"):
            return f"{server.rstrip('/')}/{shown}/{between}/"
    return ""


def _split(origin: str) -> tuple[str, str]:
    """Host and OWNER/NAME of a remote, "", "" for a path on this machine, or what is no address."""
    scheme, host, path = _parts(origin)
    if scheme not in _SCHEMES or not host:
        scp = _SCP.fullmatch(origin)
        if scp is None or "://" in origin:
            return "", ""
        host, path = scp["host"].lower(), scp["path"]
    path = path.strip("/").removesuffix(".git")
    return ("", "") if "@" in path else (host, path)  # a password with a slash in it, not encoded


def _parts(address: str) -> tuple[str, str, str]:
    """Scheme, host name and path, all "" for what cannot be read."""
    try:
        parts = urlsplit(address)
        return parts.scheme, parts.hostname or "", parts.path
    except ValueError:
        return "", "", ""
