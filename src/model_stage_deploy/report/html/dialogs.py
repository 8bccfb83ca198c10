"""The dialogs of the pages: a form, what would happen, what was done, how a run of ours goes on. Values in, HTML out.

Each is a fragment for `#dialog-content`; pages.dialog_page makes a page of it for a reader without scripts.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Literal, NamedTuple

from markupsafe import Markup

from model_stage_deploy.core.proposal import Proposal
from model_stage_deploy.core.reasons import Reason
from model_stage_deploy.core.writing import Written
from model_stage_deploy.report.changes import headline
from model_stage_deploy.report.html.chrome import Chrome
from model_stage_deploy.report.html.templates import render

TITLES: Mapping[str, str] = {
    "assign": "Assign stage",
    "register": "Register version",
    "unassign": "Unassign",
    "rollback": "Roll back",
    "approve": "Approve",
    "lock": "Lock",
    "unlock": "Unlock",
    "deploy": "Deploy",
}
_FIELD_OF: Mapping[Reason, str] = {
    Reason.STAGE_NOT_ALLOWED: "stage",
    Reason.NEVER_IN_STAGE: "stage",
    Reason.NOT_IN_STAGE: "stage",
    Reason.UNMAPPED_STAGE: "stage",
    Reason.LOCKED: "stage",
    Reason.NOT_LOCKED: "stage",
    Reason.UNKNOWN_VERSION: "version",
    Reason.INACTIVE_VERSION: "version",
    Reason.ALREADY_IN_STAGE: "version",
    Reason.ALREADY_LIVE: "version",
    Reason.VERSION_TAKEN: "version",
    Reason.ALREADY_REGISTERED: "ref",
    Reason.UNKNOWN_REF: "ref",
    Reason.UNKNOWN_MODEL: "model",
}
_USAGE = (
    ("is not a stage name", "stage"),
    ("is not a model name", "model"),
    ("is not a version", "version"),
    ("the message ", "message"),
    ("say why", "message"),
)
"""Of what a person typed wrongly: the words that say so, and the field."""


class Choice(NamedTuple):
    """One of a list: what is sent, and what people read."""

    value: str
    label: str


class Field(NamedTuple):
    """A field of a form. `choices` are of a select; of a text they are suggestions. `said` is shown with a value that
    cannot be changed (kind `fixed`). What is changed in a field that `matters` changes what would happen."""

    name: str
    label: str
    kind: Literal["select", "text", "long", "check", "fixed"] = "text"
    value: str = ""
    choices: tuple[Choice, ...] = ()
    hint: str = ""
    required: bool = False
    matters: bool = True


class Form(NamedTuple):
    """A dialog. `intro` says in a sentence what it does; `hand` as whom it is done, "" where that says nothing.

    `looks` says whether what would happen is asked for at once, because all is filled in.
    """

    what: str
    fields: tuple[Field, ...]
    intro: str = ""
    hand: str = ""
    looks: bool = False

    @property
    def title(self) -> str:
        """Its heading."""
        return TITLES[self.what]

    @property
    def first(self) -> str:
        """The field that a person begins with."""
        return next((field.name for field in self.fields if field.kind != "fixed"), "")


class Look(NamedTuple):
    """What would happen. `looked` is a digest of the fields that it is of; `confirm` the words of the button, "" where
    there is none; `changed` says why it is not what was shown before, a sentence each."""

    proposal: Proposal
    looked: str = ""
    confirm: str = ""
    changed: tuple[str, ...] = ()

    @property
    def doubtful(self) -> bool:
        """Whether the deployment would be refused, as far as is known."""
        plan = self.proposal.plan
        return plan is not None and not plan.allowed and not plan.ignored

    @property
    def headline(self) -> str:
        """What becomes of the version, in a line; "" where no tag would be made."""
        change = self.proposal.change
        return "" if change is None else headline(change, would=True)

    @property
    def wrong_field(self) -> str:
        """The field that the refusal is about, "" for none."""
        refusal = self.proposal.refusal
        if refusal is None:
            return ""
        if refusal.reason is Reason.USAGE:
            return next((field for words, field in _USAGE if words in refusal.message), "")
        return _FIELD_OF.get(refusal.reason, "")


class Done(NamedTuple):
    """What was done. `written` are the tags; `commands` what may be typed next; `run` is a run of ours, as an address;
    `deploy` where a deployment of the tag can be started here; `waits_for` the tag that others are to deploy; `back`
    where the page of the model is."""

    title: str
    told: tuple[str, ...]
    written: Written | None = None
    notes: tuple[str, ...] = ()
    commands: tuple[str, ...] = ()
    link: str = ""
    run: str = ""
    deploy: str = ""
    waits_for: str = ""
    back: str = ""


class Started(NamedTuple):
    """Which run took a tag. `again` is where to ask next, "" for no more; `delay` in seconds until then."""

    tag: str
    told: str
    kind: Literal["busy", "ok", "bad", "warn", "quiet"] = "busy"
    link: str = ""
    again: str = ""
    delay: int = 5


class RunView(NamedTuple):
    """A run of ours. `log` is the end of what it said; `kind` how it stands; `told` and `hint` how it ended."""

    title: str
    command: str
    log: str
    kind: Literal["busy", "ok", "bad", "warn", "quiet"]
    told: str
    hint: str = ""
    cut: bool = False
    tail: str = ""
    page: str = ""
    back: str = ""


def form_body(form: Form, look: Look | None, chrome: Chrome) -> Markup:
    """A dialog, with what would happen if that was looked at."""
    return _made("form", form=form, look=look, chrome=chrome)


def look_body(form: Form, look: Look, chrome: Chrome) -> Markup:
    """What would happen alone, for `#look`, and what the fields are told beside it."""
    return _made("looked", form=form, look=look, chrome=chrome)


def done_body(done: Done, chrome: Chrome) -> Markup:
    """What was done."""
    return _made("done", done=done, chrome=chrome)


def problem_body(title: str, sentences: Sequence[str], hint: str, chrome: Chrome) -> Markup:
    """Why there is no dialog, or why nothing was done."""
    return _made("problem", title=title, sentences=sentences, hint=hint, chrome=chrome)


def started_body(started: Started) -> Markup:
    """Which run took a tag, or that none did yet."""
    return _made("started", started=started)


def run_body(run: RunView, chrome: Chrome) -> Markup:
    """A run of ours: its log, and its end."""
    return _made("run", run=run, chrome=chrome)


def run_tail(run: RunView) -> Markup:
    """The same, the part that changes."""
    return _made("run_tail", run=run)


def _made(template: str, **values: object) -> Markup:
    return Markup(render(f"dialogs/{template}.html.j2", **values))  # noqa: S704 - a template's own, which escapes
