"""The reusable workflow as a file, and as the docs tell to change it for a server that does not know all of it."""

from __future__ import annotations

from tests.contract.generate import ROOT

WORKFLOW = ROOT / ".github/workflows/deploy.yml"
ON_HOST = ROOT / ".github/workflows/deploy-on-host.yml"
NEW_KEYS = ("deployment: false", "queue: max")
"""Keys that github.com knows since 2026; an older GitHub Enterprise Server takes the file for invalid."""


def for_older_servers(text: str) -> str:
    """The workflow without the lines of NEW_KEYS."""
    return "".join(line for line in text.splitlines(keepends=True) if not line.strip().startswith(NEW_KEYS))
