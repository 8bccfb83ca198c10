"""The remote that a clone's tags belong to: which one, where it is, and with whose credentials."""

from __future__ import annotations

import os
import re
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

from model_stage_deploy.adapters.git_repository import GitRepository
from model_stage_deploy.adapters.git_scratch import ScratchRepository
from model_stage_deploy.adapters.git_settings import Settings, add_settings
from model_stage_deploy.core.errors import Invalid
from model_stage_deploy.core.inert import one_line
from model_stage_deploy.core.reasons import Reason
from model_stage_deploy.core.redaction import Secret

TokenFor = Callable[[str], Secret | None]


class Remote(NamedTuple):
    """Where tags are pushed to, and read from. `token` is for it alone; `settings` may hold credentials, too."""

    name: str
    url: str
    token: Secret | None
    settings: Settings = ()

    def scratch(self) -> ScratchRepository:
        """A throw-away repository on it, whose directory the caller deletes. Raises MachineryFailed (git-failed)."""
        made = ScratchRepository.create(self.url, self.token)
        add_settings(made.git, self.settings)
        return made


def remote_of(clone: GitRepository, settings: Settings, token_for: TokenFor) -> Remote | None:
    """The clone's remote: `origin`, or the only one; None where there is none.

    The address is the one that is pushed to, as `pushurl` and `insteadOf` make it. Raises Invalid (usage) where it
    is not plain which remote, or where a push goes to several places: there tags cannot be made all or none.
    """
    names = os.fsdecode(clone.git.run(["remote"])).splitlines()
    if not names:
        return None
    if "origin" not in names and len(names) > 1:
        raise Invalid(
            Reason.USAGE,
            f"the clone has several remotes ({one_line(', '.join(names), 200)}) and none is called origin",
            hint="name the one that holds the registry origin: git remote rename NAME origin",
        )
    name = "origin" if "origin" in names else names[0]
    urls = os.fsdecode(clone.git.run(["remote", "get-url", "--push", "--all", "--end-of-options", name])).splitlines()
    if len(urls) != 1:
        raise Invalid(
            Reason.USAGE,
            f"a push to {one_line(name, 100)} goes to {len(urls)} addresses; tags can be made all or none in one only",
            hint=f"see git config --get-all 'remote.{name}.pushurl'",
        )
    url = _absolute(urls[0], clone)
    # What a person gave the clone for this server (actions/checkout with a token of its own) goes first.
    own = clone.git.attempt(["config", "--get-urlmatch", "http.extraheader", url]).stdout.strip()
    return Remote(name, url, None if own or _has_password(url) else token_for(url), settings)


def _has_password(url: str) -> bool:
    return re.match(r"https?://[^/@]*:[^/@]+@", url) is not None


def _absolute(url: str, clone: GitRepository) -> str:
    """A relative path counts from where the clone's git runs; everything else stays as it is."""
    host, colon, _ = url.partition(":")
    if "://" in url or (colon and "/" not in host) or url.startswith(("/", "~")):
        return url
    return str(Path(os.path.normpath(clone.top / url)))
