"""What each feature takes of the job's token, under `permissions:` in the workflow: the least that works (T39).

docs/reference/permissions.md is generated from this table, `doctor` holds workflows to it, refusals name it, and
tests/faces/test_permissions.py runs each feature with just that, and with each part of it taken away.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

Needs = Mapping[str, str]

READS: Needs = {"contents": "read"}
"""To say what a tag means, or whether a mapping is right."""
LOOKS: Needs = {"contents": "read", "deployments": "read"}
"""To say what runs."""
DEPLOYS: Needs = {"contents": "write", "deployments": "write", "statuses": "write"}
"""To deploy. `contents: write` is for the lock, a ref of the remote."""


class Feature(NamedTuple):
    """A command, or a part of one. `beside` says that it takes this beside what the command takes."""

    name: str
    needs: Needs
    what: str
    beside: bool = False


FEATURES: tuple[Feature, ...] = (
    Feature("deploy", DEPLOYS, "The lock, the record, the commit status; `finish` likewise"),
    Feature("deploy, with `lock: {use: none}`", {**DEPLOYS, "contents": "read"}, "No lock"),
    Feature("deploy, with `no-github`", {"contents": "write"}, "The lock alone; nothing is recorded on GitHub"),
    Feature("rollback", DEPLOYS, "As deploy; `write-tag` takes no more"),
    Feature("sweep", DEPLOYS, "Ends records and commit statuses of dead runs, removes their locks"),
    Feature("reconcile", LOOKS, "Compares, and changes nothing"),
    Feature("reconcile, with `apply`", DEPLOYS, "Deploys what is missing"),
    Feature(
        "plan, and any `dry-run`", LOOKS, "Without `deployments: read` a warning says that it is not known what runs"
    ),
    Feature("check", READS, "Reads the mapping"),
    Feature("resolve", READS, "Reads the tags"),
    Feature("status, history --deployments", LOOKS, "With `GITHUB_TOKEN` in the step's `env`"),
    Feature("approve", {"statuses": "write"}, "With a person's own token: GitHub records whose it is"),
    Feature("promote", {"contents": "write"}, "Pushes the tag; a later step deploys it, and takes what deploy takes"),
    Feature("promote --dispatch", {"contents": "write", "actions": "write"}, "Pushes the tag, starts the workflow"),
    Feature("check-run", {"checks": "write"}, "The report as a check run", beside=True),
    Feature("gate `checks`", {"checks": "read", "statuses": "read"}, "Status checks of the commit", beside=True),
    Feature("gate `approval`", {"statuses": "read"}, "Approvals of the version in the stage", beside=True),
    Feature("gate `reachable-from`", {"contents": "read"}, "Branches, and whether they are protected", beside=True),
    Feature("gate `people`, and who may override", {}, "`permission:…` and logins; every token may ask", beside=True),
)
"""In the order of the page."""
_BY_COMMAND: dict[str, Needs] = {
    **{feature.name: feature.needs for feature in FEATURES if not feature.beside},
    "finish": DEPLOYS,
    "plan": LOOKS,
    "status": LOOKS,
    "history": LOOKS,
}


def needed_by(command: str, *, dry_run: bool = False, apply: bool = False) -> Needs:
    """What a command takes; nothing for one that is not in the table."""
    if dry_run and command in ("deploy", "rollback", "finish", "reconcile"):
        return LOOKS
    return DEPLOYS if apply else _BY_COMMAND.get(command, {})


def as_yaml(needs: Needs) -> str:
    """As it stands in a workflow, on one line."""
    return f"permissions: {{{', '.join(yaml_lines(needs))}}}"


def yaml_lines(needs: Needs) -> list[str]:
    """Each as a line of its own."""
    return [f"{scope}: {level}" for scope, level in needs.items()]
