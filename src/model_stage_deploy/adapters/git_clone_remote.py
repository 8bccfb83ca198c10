"""The remote that a clone is fetched from: which tags it has, and fetching them into the clone."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Mapping

from model_stage_deploy.adapters.git_process import NETWORK_TIMEOUT, Git, last_words
from model_stage_deploy.adapters.git_repository import GitRepository
from model_stage_deploy.adapters.git_scratch import credentials
from model_stage_deploy.core.errors import MachineryFailed
from model_stage_deploy.core.inert import one_line
from model_stage_deploy.core.reasons import Reason
from model_stage_deploy.core.redaction import Secret

ASKING_TIMEOUT = 20.0
_IMPATIENT = {"GIT_HTTP_LOW_SPEED_LIMIT": "1", "GIT_HTTP_LOW_SPEED_TIME": "15"}
_CLOBBERED = re.compile(r"^\s*!\s*\[rejected\]\s+(\S+)\s.*would clobber existing tag", flags=re.MULTILINE)
_PREFIX = "refs/tags/"


class CloneRemote:
    """The remote of a clone, `origin` or the only one. `token_for` gives the token that may go to an address."""

    def __init__(self, clone: GitRepository, token_for: Callable[[str], Secret | None]) -> None:
        self._clone = clone
        self._token_for = token_for

    def name(self) -> str:
        """Which one, "" for none, and where there are several of which none is called origin."""
        names = os.fsdecode(self._clone.git.run(["remote"])).splitlines()
        if "origin" in names:
            return "origin"
        return names[0] if len(names) == 1 else ""

    def tags(self) -> Mapping[str, str] | None:
        """Object ids of its tags by name; None where there is no remote. Raises MachineryFailed."""
        name = self.name()
        if not name:
            return None
        words = ("ls-remote", "--quiet", "--refs", "--tags", "--end-of-options", name)
        told = self._git(name).run(words, timeout=ASKING_TIMEOUT).decode(errors="replace")
        rows = (line.partition("\t") for line in told.splitlines())
        return {ref.removeprefix(_PREFIX): object_id for object_id, _, ref in rows if ref.startswith(_PREFIX)}

    def tags_here(self) -> dict[str, str]:
        """Object ids of the clone's own tags by name. Raises MachineryFailed."""
        told = self._clone.git.run(["for-each-ref", "--format=%(objectname) %(refname:lstrip=2)", "refs/tags"])
        rows = (line.partition(" ") for line in told.decode(errors="replace").splitlines())
        return {name: object_id for object_id, _, name in rows}

    def fetch(self) -> tuple[str, ...]:
        """Fetch all tags, and leave those that are here as they are; names of which the remote has others.

        Raises MachineryFailed (git-failed, permission-missing).
        """
        name = self.name()
        if not name:
            raise MachineryFailed(
                Reason.GIT_FAILED, "this clone has no remote to fetch from", hint="add one: git remote add origin URL"
            )
        words = ("fetch", "--tags", "--no-recurse-submodules", "--end-of-options", name)
        done = self._git(name).attempt(words, timeout=NETWORK_TIMEOUT)
        said = done.stderr.decode(errors="replace")
        others = tuple(one_line(one, 200) for one in _CLOBBERED.findall(said))
        if done.returncode != 0 and not others:
            raise MachineryFailed(
                Reason.GIT_FAILED,
                f"the tags could not be fetched: {last_words(done.stderr)}",
                hint="try it in a terminal: git fetch --tags",
            )
        return others

    def _git(self, name: str) -> Git:
        url = os.fsdecode(self._clone.git.run(["remote", "get-url", "--end-of-options", name])).splitlines()[0]
        own = self._clone.git.attempt(["config", "--get-urlmatch", "http.extraheader", url]).stdout.strip()
        given = {} if own else credentials(url, self._token_for(url))
        return Git(self._clone.git.directory, given | _IMPATIENT)
