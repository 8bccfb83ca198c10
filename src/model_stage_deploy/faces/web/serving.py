"""One start of `serve`: the registry opened, the port bound, the pages behind it, and what the terminal is told."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from types import TracebackType
from typing import Any, NamedTuple, Self

from model_stage_deploy.core.errors import MachineryFailed
from model_stage_deploy.core.inert import one_line
from model_stage_deploy.core.reasons import Reason
from model_stage_deploy.faces.addresses import commits_of, name_of
from model_stage_deploy.faces.browsing import Browser
from model_stage_deploy.faces.event import read_event
from model_stage_deploy.faces.hosting import workflow_starter
from model_stage_deploy.faces.opening import is_url, origin_of, who_tags
from model_stage_deploy.faces.settings import Settings
from model_stage_deploy.faces.web.app import Surroundings, application, page
from model_stage_deploy.faces.web.guard import Rules
from model_stage_deploy.faces.web.links import ServerLinks
from model_stage_deploy.faces.web.origins import bracketed, hosts_of, is_any, is_loopback
from model_stage_deploy.faces.web.server import Served, listen
from model_stage_deploy.faces.web.sessions import Sessions
from model_stage_deploy.faces.web.website import Site

READ_ONLY = "This server was started to be read only (--read-only)."


class Wished(NamedTuple):
    """How the server was asked to be. `names` are further ones by which browsers reach it."""

    host: str
    port: int
    names: tuple[str, ...] = ()
    read_only: bool = False
    sign: bool = False
    dispatch: str = ""
    dispatch_rollback: str = ""


class Serving:
    """A context: inside it the pages can be served, behind it nothing is left of that."""

    def __init__(
        self, settings: Settings, wished: Wished, environ: Mapping[str, str], tell: Callable[[str], None]
    ) -> None:
        self._settings = settings
        self._wished = wished
        self._environ = environ
        self._tell = tell
        self._port = 0
        self._sessions: Sessions | None = None
        self._browser: Browser | None = None
        self._served: Served | None = None
        self._at_end: list[Callable[[], None]] = []
        self._origin = ""

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, problem: BaseException | None, trace: TracebackType | None
    ) -> None:
        for ends in self._at_end:
            ends()
        if self._served is not None:
            self._served.end()
        if self._browser is not None:
            self._browser.close()

    def begin(self) -> None:
        """Look at the registry, bind the port, and serve. Raises Invalid (usage, not-a-repository), MachineryFailed."""
        wished, settings = self._wished, self._settings
        hosts_of(wished.host, 0, wished.names)  # what is wrong with the names is said first
        if wished.dispatch or wished.dispatch_rollback:
            workflow_starter(settings, read_event(self._environ))  # raises where nobody could start it
        self._browser = browser = Browser(settings, self._environ)
        browser.fingerprint()
        self._origin = origin_of(settings.repo)
        listening = listen(wished.host, wished.port)
        self._port = listening.getsockname()[1]
        self._sessions = None if wished.read_only else Sessions(self._port)
        rules = Rules(hosts_of(wished.host, self._port, wished.names), is_any(wished.host), self._sessions)
        links = ServerLinks(commits=commits_of(self._origin, self._environ), offered=self._offered())
        around = Surroundings(self.name, rules, links, why_read_only=READ_ONLY if wished.read_only else "")
        site = Site(
            browser=browser,
            settings=settings,
            environ=self._environ,
            chrome=lambda request: around.of(request, browser.news(), fetches=browser.can_fetch),
            page=page,
            tell=self._tell,
            sign=wished.sign,
            dispatch=wished.dispatch,
            dispatch_rollback=wished.dispatch_rollback,
            read_only=wished.read_only,
            at_end=self._at_end,
        )
        self._served = Served(application(site, around, rules), listening, self._tell)
        self._served.start()

    def wait(self) -> None:
        """Serve until a signal ends it. Raises MachineryFailed where the server ends by itself."""
        if self._served is not None:
            self._served.wait()
        raise MachineryFailed(Reason.INTERNAL_ERROR, "the server ended by itself", hint="start it again")

    @property
    def name(self) -> str:
        """The repository, for people."""
        return name_of(self._settings.repo, self._origin)

    @property
    def url(self) -> str:
        """Where it can be reached from this machine."""
        host = self._wished.host
        if is_any(host):
            host = "::1" if ":" in host else "127.0.0.1"
        return f"http://{bracketed(host)}:{self._port}/"

    @property
    def address(self) -> str:
        """The same with the token, if one is needed."""
        return f"{self.url}?token={self._sessions.token}" if self._sessions else self.url

    def once(self) -> str:
        """The same with a token that can be used once."""
        return f"{self.url}?token={self._sessions.once()}" if self._sessions else self.url

    def document(self) -> dict[str, Any]:
        """What a program that started it needs."""
        return {
            "url": self.url,
            "open": self.address,
            "port": self._port,
            "token": self._sessions.token if self._sessions else None,
            "read_only": self._wished.read_only,
            "repository": self.name,
        }

    def lines(self) -> list[str]:
        """The same for people, with what it means that others can reach it."""
        repo = self._settings.repo
        place = self._origin if is_url(repo) else str(Path(repo or ".").resolve())
        told = [f"serving {self.name} ({place})", f"  open    {self.address}", f"  change  {self._change()}"]
        if not is_loopback(self._wished.host):
            told += [f"  note    {note}" for note in self._notes()]
        return [one_line(line) for line in [*told, "  stop    Ctrl-C"]]

    def _change(self) -> str:
        """What can be changed, and in whose name."""
        if self._wished.read_only:
            return "nothing (--read-only); who can reach this address can read, other users of this machine too"
        remote = f"pushed to {self._origin}" if self._origin else "kept in this clone, which has no remote"
        started = f"; then the workflow {self._wished.dispatch} is started" if self._wished.dispatch else ""
        return f"tags are made as {self._person()} and {remote}{started}"

    def _notes(self) -> list[str]:
        reached = f"{self._wished.host} can be reached from other machines"
        if self._wished.read_only:
            return [f"{reached}: everybody who can reach it can read all of this"]
        return [
            f"{reached}: whoever has the link changes the registry as {self._person()}, with your credentials",
            "nothing is encrypted: put a proxy with TLS and sign-in before it, and name it with --allow-host",
        ]

    def _person(self) -> str:
        name, email, _ = who_tags(self._settings.repo)
        return f"{name} <{email}>" if name else "nobody yet (git config user.name and user.email)"

    def _offered(self) -> frozenset[str]:
        if self._wished.read_only:
            return frozenset()
        from model_stage_deploy.faces.web.actions import offered

        return offered(self._settings, self._environ)
