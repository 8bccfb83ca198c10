"""A clone's settings for the scratch repositories beside it: who makes tags, how they are signed, how servers are met.

They are carried by value. A clone may get them from files that git includes for its directory alone (`includeIf`; so
does actions/checkout with its token), and those would not count anywhere else.
"""

from __future__ import annotations

import os
from collections.abc import Sequence

from model_stage_deploy.adapters.git_process import Git

Settings = Sequence[tuple[str, str]]

_CARRIED = (
    *("user.", "author.", "committer.", "gpg.", "tag.gpgsign"),
    *("http.", "credential.", "url.", "core.sshcommand", "core.gitproxy", "ssh."),
)


def carried(git: Git) -> Settings:
    """What a repository says on persons, signatures and servers, in its order. Values may be secrets.

    Raises MachineryFailed (git-failed).
    """
    entries = os.fsdecode(git.run(["config", "--null", "--list"])).split("\0")
    pairs = [entry.partition("\n") for entry in entries if entry.startswith(_CARRIED)]
    # `key` alone, without `=`, means true.
    return _anew([(key, value if equals else "true") for key, equals, value in pairs])


def add_settings(git: Git, settings: Settings) -> None:
    """Let them count for every process that `git` starts: in the environment, for values may be secrets."""
    given = git.environment.get("GIT_CONFIG_COUNT", "")
    at = int(given) if given.isdigit() else 0
    for number, (key, value) in enumerate(settings, start=at):
        git.environment |= {f"GIT_CONFIG_KEY_{number}": key, f"GIT_CONFIG_VALUE_{number}": value}
    if settings:
        git.environment["GIT_CONFIG_COUNT"] = str(at + len(settings))
    use_ssh_command(git, settings)


def use_ssh_command(git: Git, settings: Settings) -> None:
    """Let `core.sshCommand` count (actions/checkout has its `ssh-key` there), before which `Git` sets a variable."""
    commands = [value for key, value in settings if key == "core.sshcommand"]
    if commands and "GIT_SSH_COMMAND" not in os.environ:
        git.environment["GIT_SSH_COMMAND"] = commands[-1]


def _anew(settings: Settings) -> Settings:
    """Lists begin anew by an empty value: a header that a personal file sets, too, would be sent twice, and refused."""
    found: list[tuple[str, str]] = []
    begun: set[str] = set()
    for key, value in settings:
        start = "credential.helper" if key.startswith("credential.") and key.endswith(".helper") else key
        if start not in begun and start.endswith((".extraheader", "credential.helper")):
            begun.add(start)
            found.append((start, ""))
        found.append((key, value))
    return found
