"""What every page knows besides its content: where links lead, and whether the reader may change anything."""

from __future__ import annotations

from typing import NamedTuple, Protocol

from model_stage_deploy.core.dashboard import Query

DIALOGS = ("assign", "register", "unassign", "rollback", "approve", "lock", "unlock", "deploy")
"""What a person can do on the pages. `deploy` is offered where records are this clone's own, so that no CI does it."""


class Links(Protocol):
    """Addresses, ready for an attribute once escaped: names in them are percent-encoded. "" means: no such link."""

    def models(self, query: Query = ...) -> str:
        """The table of models."""
        ...

    def states(self, names: tuple[str, ...]) -> str:
        """What fills in the deployments of these models' cells."""
        ...

    def model(self, name: str, part: str = "") -> str:
        """One model; `part` is the id of a section: versions, stages, history, deployments, metrics, timeline."""
        ...

    def asset(self, file: str) -> str:
        """A file of static/, with something in its address that changes when the file does."""
        ...

    def dialog(self, what: str, model: str = "", stage: str = "", version: str = "") -> str:
        """One of DIALOGS, with what is known already filled in. "" where nothing can be changed."""
        ...

    def commit(self, commit: str) -> str:
        """A commit at the code host."""
        ...


class Chrome(NamedTuple):
    """`name` is the repository for people (never with a password). `csrf` goes into every form, "" where none may be
    sent. `read_only` says in one sentence why nothing can be changed, "" where it can. `made` is an ISO 8601 time for a
    static report, "" for a live page. `notices` are sentences above the page, as that the remote has tags which this
    clone lacks; `fetch` is the address that brings those here ("": no button). `policy` is a Content-Security-Policy
    for a page that no server sends with one; `scripts` are addresses of scripts that a static report has besides.
    """

    name: str
    links: Links
    program: str = ""
    csrf: str = ""
    read_only: str = ""
    made: str = ""
    notices: tuple[str, ...] = ()
    fetch: str = ""
    policy: str = ""
    scripts: tuple[str, ...] = ()

    @property
    def live(self) -> bool:
        """Whether a server is behind the page."""
        return not self.made
