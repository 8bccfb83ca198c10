"""The pages over HTTP: which address shows what. Changes have handlers of their own, in actions.py."""

from __future__ import annotations

from collections.abc import Mapping
from http import HTTPStatus
from urllib.parse import urlsplit

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.middleware.gzip import GZipMiddleware
from starlette.requests import Request
from starlette.responses import HTMLResponse, RedirectResponse, Response
from starlette.routing import Route

from model_stage_deploy import __version__
from model_stage_deploy.core.dashboard import PAGE_SIZE, SORTS, Query
from model_stage_deploy.core.errors import ModelStageError
from model_stage_deploy.core.inert import one_line
from model_stage_deploy.core.reasons import Reason, Result
from model_stage_deploy.faces.conduct import internal_error
from model_stage_deploy.faces.web.guard import SESSION, Guard, Refusal, Rules
from model_stage_deploy.faces.web.links import ServerLinks
from model_stage_deploy.faces.web.website import Site
from model_stage_deploy.report.html.assets import assets
from model_stage_deploy.report.html.chrome import Chrome
from model_stage_deploy.report.html.pages import message_page, model_page, models_page, models_table, state_cells

_LONGEST = 200  # characters of a filter
_ABSENT = (Reason.UNKNOWN_MODEL, Reason.UNKNOWN_VERSION, Reason.UNKNOWN_REF, Reason.TAG_NOT_FOUND)
_STATUS = {Result.INVALID: 400, Result.REFUSED: 409, Result.NOTHING_TO_DO: 409, Result.ERROR: 502}
_TITLES = {
    400: "That is not right",
    401: "Please sign in",
    403: "Refused",
    404: "Not found",
    409: "Not possible now",
    502: "Git or a code host failed",
}
_PROGRAM = f"model-stage-deploy {__version__}"


def status_of(problem: ModelStageError) -> int:
    """The HTTP status of an error of ours."""
    if problem.reason in _ABSENT:
        return 404
    return 500 if problem.reason is Reason.INTERNAL_ERROR else _STATUS.get(problem.result, 500)


def page(html: str, status: int = 200, headers: Mapping[str, str] | None = None) -> Response:
    """A page, or a piece of one: which of both depends on a header of htmx."""
    return HTMLResponse(html, status, {"vary": "HX-Request", **(headers or {})})


class Surroundings:
    """What is around the pages of one server: for a request of a session, and for somebody who has none."""

    def __init__(self, name: str, rules: Rules, links: ServerLinks, *, why_read_only: str = "") -> None:
        self._name = name
        self._sessions = rules.sessions
        self._links = links
        self._why = why_read_only

    def of(self, request: Request, notices: tuple[str, ...] = (), *, fetches: bool = False) -> Chrome:
        """Around a page that somebody may see. `fetches` says that the remote has what can be fetched."""
        session = getattr(request.state, SESSION, "")
        token = self._sessions.form_token(session) if self._sessions and session else ""
        return Chrome(
            self._name,
            self._links,
            program=_PROGRAM,
            csrf=token,
            read_only=self._why,
            notices=notices,
            fetch="/fetch" if fetches and token else "",
        )

    def refused(self, refusal: Refusal) -> str:
        """The page of a refusal: without the name of the repository, for nobody knows who reads it."""
        title = _TITLES.get(refusal.status, "Something went wrong")
        chrome = Chrome("", ServerLinks(offered=()), program=_PROGRAM, read_only=self._why)
        return message_page(title, [refusal.message], chrome, hint=refusal.hint)


class Pages:
    """The handlers of what is only looked at. They wait for git, so Starlette runs them in threads."""

    def __init__(self, site: Site, around: Surroundings) -> None:
        self._site = site
        self._around = around

    def start(self, _request: Request) -> Response:
        """The first page is the table."""
        return RedirectResponse("/models", HTTPStatus.SEE_OTHER)

    def models(self, request: Request) -> Response:
        """The table of models; for htmx the table alone."""
        overview = self._site.browser.overview(query_of(request))
        if is_fragment(request):
            return page(models_table(overview, self._around.of(request)))
        return page(models_page(overview, self._site.chrome(request)))

    def states(self, request: Request) -> Response:
        """How stages of some models stand: pieces for the table."""
        names = list(dict.fromkeys(request.query_params.getlist("name")))[:PAGE_SIZE]
        return page(state_cells(self._site.browser.cells(names), self._around.of(request)))

    def model(self, request: Request) -> Response:
        """One model, by its path or by `?name=` (links.py says when)."""
        name = request.path_params.get("name") or request.query_params.get("name", "")
        found = self._site.browser.model(name)
        return page(model_page(found, self._site.chrome(request)))

    def static(self, request: Request) -> Response:
        """A file of the program. Where the address names this very content, it never changes."""
        found = assets().get(request.path_params["file"])
        if found is None:
            raise HTTPException(404)
        told = f'"{found.digest}"'
        ours = request.query_params.get("v") == found.digest
        kept = {"etag": told, "cache-control": "public, max-age=31536000, immutable" if ours else "no-cache"}
        if request.headers.get("if-none-match") == told:
            return Response(None, 304, kept)
        return Response(found.content, 200, {**kept, "content-type": found.kind})

    def fetch(self, request: Request) -> Response:
        """Bring the remote's tags here, and go back to where that was asked for."""
        self._site.tell(self._site.browser.fetch())
        if is_fragment(request):
            return Response(None, 204, {"hx-trigger": "registry-changed"})
        return RedirectResponse(_whence(request), HTTPStatus.SEE_OTHER)


class Problems:
    """Pages for what went wrong: a sentence and what to do, never a traceback."""

    def __init__(self, site: Site, around: Surroundings) -> None:
        self._site = site
        self._around = around

    def ours(self, request: Request, problem: Exception) -> Response:
        """A refusal or a failure that we know."""
        if not isinstance(problem, ModelStageError):
            return self.defect(request, problem)
        status = status_of(problem)
        return self._said(request, status, problem.message.split("\n"), problem.hint)

    def of_http(self, request: Request, problem: Exception) -> Response:
        """No such address, or not by that method."""
        status = getattr(problem, "status_code", 500)
        sentence = "There is no page at this address." if status == 404 else HTTPStatus(status).phrase
        response = self._said(request, status, [sentence])
        response.headers.update(getattr(problem, "headers", None) or {})
        return response

    def defect(self, request: Request, problem: Exception) -> Response:
        """What nobody foresaw. The guard hears of it, too, and tells the terminal."""
        known = internal_error(problem)
        return self._said(request, 500, ["A defect in model-stage-deploy; the terminal says more."], known.hint)

    def _said(self, request: Request, status: int, sentences: list[str], hint: str = "") -> Response:
        title = _TITLES.get(status, "Something went wrong")
        shown = [one_line(sentence) for sentence in sentences]
        return page(message_page(title, shown, self._around.of(request), hint=one_line(hint)), status)


def application(site: Site, around: Surroundings, rules: Rules) -> Guard:
    """The whole server, behind its guard."""
    pages, problems = Pages(site, around), Problems(site, around)
    routes = [
        Route("/", pages.start),
        Route("/models", pages.models),
        Route("/states", pages.states),
        Route("/m", pages.model),
        Route("/m/{name:path}", pages.model),
        Route("/static/{file}", pages.static),
    ]
    if rules.sessions is not None:
        routes += [Route("/fetch", pages.fetch, methods=["POST"]), *_changes(site)]
    app = Starlette(
        routes=routes,
        middleware=[Middleware(GZipMiddleware, minimum_size=1000, compresslevel=5)],
        exception_handlers={
            ModelStageError: problems.ours,
            HTTPException: problems.of_http,
            Exception: problems.defect,
        },
    )
    app.router.redirect_slashes = False  # it would make an address out of what the request says
    return Guard(app, rules, around.refused, site.tell)


def _changes(site: Site) -> list[Route]:
    from model_stage_deploy.faces.web.actions import routes

    return list(routes(site))


def is_fragment(request: Request) -> bool:
    """Whether htmx asks for a piece of a page, and not for one that it shows whole."""
    headers = request.headers
    whole = "hx-boosted" in headers or "hx-history-restore-request" in headers
    return headers.get("hx-request") == "true" and not whole


def query_of(request: Request) -> Query:
    """What is asked of the table. What makes no sense counts as not said."""
    said = request.query_params
    sort, number = said.get("sort", ""), said.get("page", "")
    return Query(
        text=said.get("text", "")[:_LONGEST],
        stage=said.get("stage", "")[:_LONGEST],
        type=said.get("type", "")[:_LONGEST],
        sort=sort if sort in SORTS else "name",  # type: ignore[arg-type]
        descending=said.get("dir") == "desc",
        deprecated=said.get("deprecated") == "1",
        page=int(number) if number.isascii() and number.isdigit() and 0 < len(number) < 7 else 1,
    )


def _whence(request: Request) -> str:
    """The page that a form was on, by its `Referer`; only ever one of ours."""
    parts = urlsplit(request.headers.get("referer", ""))
    if parts.netloc != request.headers.get("host") or not parts.path.startswith(("/m/", "/models", "/m?")):
        return "/models"
    return parts.path + (f"?{parts.query}" if parts.query else "")
