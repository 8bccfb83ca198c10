"""The dialogs over HTTP: the form, what would happen, doing it, and what became of it.

What is confirmed is what was shown: the form hands back the promise of the proposal (core/proposal.py), the change is
proposed anew, and nothing is made where that differs. The guard has checked who asks before any of this runs.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Mapping
from typing import Any
from urllib.parse import parse_qsl, quote

from markupsafe import Markup
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from model_stage_deploy.core.errors import ModelStageError
from model_stage_deploy.core.proposal import Proposal, refused
from model_stage_deploy.core.reasons import Reason, Result
from model_stage_deploy.core.redaction import Scrubber
from model_stage_deploy.core.writing import usage
from model_stage_deploy.faces.acting import CHANGES, Actor, Deed, Given, offered
from model_stage_deploy.faces.web.forms import form_of
from model_stage_deploy.faces.web.runs import Run, Runs
from model_stage_deploy.faces.web.started import started
from model_stage_deploy.faces.web.website import Site
from model_stage_deploy.report.html import dialogs
from model_stage_deploy.report.html.chrome import DIALOGS, Chrome
from model_stage_deploy.report.html.page_words import in_page_words, page_words
from model_stage_deploy.report.html.pages import dialog_page

__all__ = ["offered", "routes"]

_NAMES = ("model", "stage", "version", "ref", "bump")
_MOST_FIELDS = 40
_DONE = {
    "assign": "Assigned",
    "register": "Registered",
    "unassign": "Unassigned",
    "rollback": "Rolling back",
    "approve": "Approved",
    "lock": "Locked",
    "unlock": "Unlocked",
    "deploy": "Deploying",
}
_STATUS = {Reason.SUPERSEDED: 409, Reason.PUSH_CLASH: 409, Reason.LOCKED: 409, Reason.UNKNOWN_MODEL: 404}
_CHANGED = "Nothing was made. This is what would happen now."
Posted = Mapping[str, str]


def routes(site: Site) -> list[Route]:
    """The addresses of dialogs and runs. Runs of ours end with the server."""
    acts = Actions(site)
    site.at_end.append(acts.runs.end)
    return [
        Route("/do/{what}", acts.dialog, methods=["GET"]),
        Route("/do/{what}", acts.posted(acts.carry_out), methods=["POST"]),
        Route("/do/{what}/look", acts.posted(acts.look), methods=["POST"]),
        Route("/started", acts.started, methods=["GET"]),
        Route("/runs/{id}", acts.run, methods=["GET"]),
        Route("/runs/{id}/tail", acts.run_tail, methods=["GET"]),
    ]


class Actions:
    """The handlers. They wait for git and code hosts, so they run in threads."""

    def __init__(self, site: Site) -> None:
        self._site = site
        self._actor = Actor(
            site.settings,
            site.environ,
            sign=site.sign,
            dispatch=site.dispatch,
            dispatch_rollback=site.dispatch_rollback,
        )
        token = site.settings.token
        self.runs = Runs(site.environ, Scrubber([token.reveal()] if token else []).text)

    def posted(self, handler: Callable[[Request, str, Posted], Response]) -> Callable[[Request], Any]:
        """A handler of a form: the body is read first, then it runs in a thread."""

        async def endpoint(request: Request) -> Response:
            fields = _fields(await request.body())
            return await run_in_threadpool(handler, request, request.path_params["what"], fields)

        return endpoint

    def dialog(self, request: Request) -> Response:
        """The form, with what the address fills in."""
        what = request.path_params["what"]
        given = _given(request.query_params)
        try:
            form = form_of(self._actor, self._known(what), given)
        except ModelStageError as problem:
            return self._problem(request, what, problem)
        return self._shown(request, form.title, lambda chrome: dialogs.form_body(form, None, chrome))

    def look(self, request: Request, what: str, posted: Posted) -> Response:
        """What would happen. Asked for by a script it is that part alone; else the whole dialog."""
        given = _given(posted)
        try:
            form = form_of(self._actor, self._known(what), given)
            look = self._looked(what, given, self._actor.propose(what, given))
        except ModelStageError as problem:
            return self._problem(request, what, problem)
        if _is_piece(request):
            return self._site.page(str(dialogs.look_body(form, look, self._site.chrome(request))))
        return self._shown(request, form.title, lambda chrome: dialogs.form_body(form, look, chrome))

    def carry_out(self, request: Request, what: str, posted: Posted) -> Response:
        """Do it, if it still is what was shown; else show what it would be now."""
        given = _given(posted)
        try:
            proposal = self._actor.propose(self._known(what), given)
            if proposal.promise != posted.get("promise", ""):
                return self._changed(request, what, given, posted, proposal)
            if proposal.refusal is not None:
                return self._again(request, what, given, proposal, (), 409)
            deed = self._actor.carry_out(what, given, proposal)
            self._site.browser.changed()
            run = self._started_run(request, what, given, proposal, deed) if deed.command else None
        except ModelStageError as problem:
            return self._failed(request, what, given, posted, problem)
        if run is not None:
            view = self._run_view(run)
            headers = {"hx-trigger": "registry-changed"}
            return self._shown(request, run.title, lambda chrome: dialogs.run_body(view, chrome), headers=headers)
        return self._done(request, what, given, proposal, deed)

    def started(self, request: Request) -> Response:
        """Which run took a tag."""
        asked = request.query_params.get("round", "0")
        number = int(asked) if asked.isascii() and asked.isdigit() and len(asked) < 4 else 0
        found = started(self._actor, request.query_params.get("tag", "")[:1000], number)
        return self._shown(request, "Which run took the tag", lambda _chrome: dialogs.started_body(found))

    def run(self, request: Request) -> Response:
        """A run of ours."""
        run = self.runs.get(request.path_params["id"])
        if run is None:
            return self._problem(request, "deploy", _no_run())
        view = self._run_view(run)
        return self._shown(request, run.title, lambda chrome: dialogs.run_body(view, chrome))

    def run_tail(self, request: Request) -> Response:
        """The part of it that changes. Once it has ended, the page behind is made anew."""
        run = self.runs.get(request.path_params["id"])
        if run is None:
            return self._problem(request, "deploy", _no_run())
        view = self._run_view(run)
        if view.kind != "busy":
            self._site.browser.changed()
        headers = {} if view.kind == "busy" else {"hx-trigger": "registry-changed"}
        return self._site.page(str(dialogs.run_tail(view)), headers=headers)

    def _known(self, what: str) -> str:
        """The dialog itself. Raises Invalid (usage) for one that there is not."""
        if what not in DIALOGS or what not in self._offered():
            raise usage("that cannot be done on this page", "see what the model's page offers")
        return what

    def _offered(self) -> frozenset[str]:
        return offered(self._site.settings, self._site.environ, read_only=self._site.read_only)

    def _looked(self, what: str, given: Given, proposal: Proposal, changed: tuple[str, ...] = ()) -> dialogs.Look:
        shown = in_page_words(proposal)
        if what in ("deploy", "rollback"):  # they go by the tags of this clone: what it lacks may say otherwise
            shown = shown._replace(notes=(*shown.notes, *self._site.browser.news()))
        return dialogs.Look(shown, _digest(given), _confirm(what, given, proposal), changed)

    def _changed(self, request: Request, what: str, given: Given, posted: Posted, proposal: Proposal) -> Response:
        """It is not what was shown: because the form was filled in otherwise since, or because others did something."""
        if not posted.get("promise"):
            return self._again(request, what, given, proposal, (), 200)
        if posted.get("looked") != _digest(given):
            return self._again(request, what, given, proposal, ("You changed the form since.", _CHANGED), 200)
        if proposal.refusal is not None and proposal.refusal.reason.result is Result.ERROR:
            return self._again(request, what, given, proposal, ("Nothing was made.",), 502)
        news = self._actor.news(given.model, posted.get("newest", "")) if what in CHANGES else ()
        told = ("This was changed in the meantime.", *news, _CHANGED)
        return self._again(request, what, given, proposal, told, 409)

    def _failed(self, request: Request, what: str, given: Given, posted: Posted, problem: ModelStageError) -> Response:
        """It was not done: somebody was quicker, or something broke."""
        try:
            proposal = self._actor.propose(self._known(what), given)
            if problem.reason in (Reason.SUPERSEDED, Reason.PUSH_CLASH) and what in CHANGES:
                return self._changed(request, what, given, posted, proposal)
            shown = proposal._replace(refusal=refused(problem))
            return self._again(request, what, given, shown, (), _STATUS.get(problem.reason, 502))
        except ModelStageError:
            return self._problem(request, what, problem)

    def _again(
        self, request: Request, what: str, given: Given, proposal: Proposal, told: tuple[str, ...], status: int
    ) -> Response:
        form = form_of(self._actor, what, given)
        look = self._looked(what, given, proposal, told)
        return self._shown(request, form.title, lambda chrome: dialogs.form_body(form, look, chrome), status=status)

    def _done(self, request: Request, what: str, given: Given, proposal: Proposal, deed: Deed) -> Response:
        written, plan = deed.written, proposal.plan
        links = self._site.chrome(request).links
        tag = written.change.stage_tag if written is not None else None
        gives = tag is not None
        if written is not None and plan is not None and not plan.ignored:
            tag = tag or written.change.tags[-1].name  # it takes a version out, and the mapping makes something of that
        here = tag is not None and self._actor.deploys_here()
        done = dialogs.Done(
            title=_DONE[what],
            told=deed.told,
            written=written,
            notes=tuple(map(page_words, written.notes)) if written is not None else (),
            commands=(self._actor.deploy_command(str(tag)),) if here else (),
            link=written.started if written is not None else deed.link,
            deploy=links.dialog("deploy", given.model, given.stage) if here and gives else "",
            waits_for=tag if tag is not None and not here and written is not None and written.pushed else "",
            back=links.model(given.model),
        )
        headers = {"hx-trigger": "registry-changed"}
        return self._shown(request, done.title, lambda chrome: dialogs.done_body(done, chrome), headers=headers)

    def _started_run(self, request: Request, what: str, given: Given, proposal: Proposal, deed: Deed) -> Run:
        version = proposal.plan.version if proposal.plan else ""
        verb = "Deploying" if what == "deploy" else "Rolling back to"
        title = f"{verb} {given.model} {version} in {given.stage}"
        back = self._site.chrome(request).links.model(given.model)
        return self.runs.start(deed.command, place=deed.place, title=title, back=back)

    @staticmethod
    def _run_view(run: Run) -> dialogs.RunView:
        page, code = f"/runs/{quote(run.id)}", run.exit_code
        outcome = run.outcome if code is not None else {}
        told = str(outcome.get("message") or ("" if code is None else f"It ended with exit code {code}."))
        idle = outcome.get("result") == Result.NOTHING_TO_DO  # no mistake, but not what was asked for either
        kind = "busy" if code is None else "bad" if code else "warn" if idle else "ok"
        return dialogs.RunView(
            title=run.title,
            command=run.command,
            log=run.log,
            kind=kind,  # type: ignore[arg-type]
            told=told or "At work.",
            hint=str(outcome.get("hint") or ""),
            cut=run.cut,
            tail=f"{page}/tail",
            page=page,
            back=run.back,
        )

    def _problem(self, request: Request, what: str, problem: ModelStageError) -> Response:
        title = dialogs.TITLES.get(what, "Not possible")

        def body(chrome: Chrome) -> Markup:
            return dialogs.problem_body(title, problem.message.split("\n"), problem.hint, chrome)

        return self._shown(request, title, body, status=_STATUS.get(problem.reason, 400))

    def _shown(
        self,
        request: Request,
        title: str,
        body: Callable[[Chrome], Markup],
        *,
        status: int = 200,
        headers: Mapping[str, str] | None = None,
    ) -> Response:
        """A piece for a script that asks, else a whole page. A piece is never an error: it is what is to be shown."""
        chrome = self._site.chrome(request)
        if _is_piece(request):
            return self._site.page(str(body(chrome)), headers=headers)
        return self._site.page(dialog_page(title, body(chrome), chrome), status, headers)


def _no_run() -> ModelStageError:
    return usage("there is no such run here", "runs are kept as long as the server runs; records are kept for good")


def _is_piece(request: Request) -> bool:
    return request.headers.get("hx-request") == "true"


def _fields(body: bytes) -> dict[str, str]:
    """What was posted, each name once. What is no form is an empty one: nothing is done for it then."""
    try:
        pairs = parse_qsl(body.decode("ascii"), keep_blank_values=True, max_num_fields=_MOST_FIELDS, errors="strict")
    except ValueError:
        return {}
    return dict(reversed(pairs))


def _given(said: Mapping[str, str]) -> Given:
    """The fields of a dialog; white space around names is a slip."""
    model, stage, version, ref, bump = (said.get(name, "").strip()[:1000] for name in _NAMES)
    message = said.get("message", "").replace("\r\n", "\n")
    return Given(model, stage, version, ref, bump, message, bool(said.get("archive")), bool(said.get("every")))


def _digest(given: Given) -> str:
    """Which fields a look was of. The message changes nothing but the words of a tag."""
    return hashlib.sha256(json.dumps(given._replace(message="")).encode()).hexdigest()


def _confirm(what: str, given: Given, proposal: Proposal) -> str:
    """The words of the button, "" where it is not to be had."""
    if proposal.refusal is not None:
        return ""
    if what in CHANGES:
        return _confirm_change(what, proposal)
    plan = proposal.plan
    if what in ("rollback", "deploy"):
        verb = "Roll back to" if what == "rollback" else "Deploy"
        return f"{verb} {plan.version}" if plan is not None and plan.allowed else ""
    return f"{dialogs.TITLES[what]} {given.version if what == 'approve' else given.stage or 'all stages'}"


def _confirm_change(what: str, proposal: Proposal) -> str:
    """A tag can be made whatever the gates say of its deployment; then the button says that they say no."""
    change, plan = proposal.change, proposal.plan
    if change is None:
        return ""
    if what == "assign":
        refusing = plan is not None and not plan.allowed and not plan.ignored
        return "Assign anyway" if refusing else f"Assign {change.version} to {change.stage}"
    return f"Register {change.version}" if what == "register" else f"Take it out of {change.stage}"
