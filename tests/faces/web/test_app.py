"""What is shown for what went wrong: our own errors by their status, anything else without a traceback."""

from __future__ import annotations

from typing import Any

import pytest

from model_stage_deploy.core.errors import Invalid, MachineryFailed, ModelStageError, Refused
from model_stage_deploy.core.reasons import Reason
from model_stage_deploy.faces.settings import Settings
from model_stage_deploy.faces.web.app import Surroundings, application, page, status_of
from model_stage_deploy.faces.web.guard import Rules
from model_stage_deploy.faces.web.links import ServerLinks
from model_stage_deploy.faces.web.origins import hosts_of
from model_stage_deploy.faces.web.website import Site
from tests.faces.web.doors import HOST, PORT, Answer, Door


class Broken:
    """A browser that only raises."""

    def __init__(self, problem: Exception) -> None:
        self.problem = problem

    def __getattr__(self, name: str) -> Any:
        def fail(*_given: object) -> None:
            raise self.problem

        return fail


def shown(problem: Exception, method: str = "GET", target: str = "/models", **headers: str) -> tuple[Answer, list[str]]:
    """The answer of a server whose browser raises that, and what its terminal was told."""
    rules = Rules(hosts_of("127.0.0.1", PORT))
    around = Surroundings("org/models", rules, ServerLinks(offered=()), why_read_only="To be read.")
    told: list[str] = []
    site = Site(
        browser=Broken(problem),  # type: ignore[arg-type]
        settings=Settings(command="serve"),
        environ={},
        chrome=around.of,
        page=page,
        tell=told.append,
        read_only=True,
    )
    given = [(name.replace("_", "-"), value) for name, value in headers.items()]
    app = application(site, around, rules)
    return Door().ask(method, target, given, guard=app, host=HOST, waits=True), told


@pytest.mark.parametrize(
    ("problem", "status"),
    [
        (Refused(Reason.UNKNOWN_MODEL, "there is no 'x'", hint="models: <b>churn</b>"), 404),
        (Refused(Reason.TAG_NOT_FOUND, "no tag"), 404),
        (Refused(Reason.SUPERSEDED, "a newer tag decides"), 409),
        (Refused(Reason.LOCKED, "somebody has it"), 409),
        (Refused(Reason.PUSH_CLASH, "others were quicker"), 409),
        (Invalid(Reason.USAGE, "that is wrong"), 400),
        (Invalid(Reason.IDENTITY_MISSING, "who are you"), 400),
        (MachineryFailed(Reason.GIT_FAILED, "git: <script>\x1b[31m\u202efailed\nand more"), 502),
        (ModelStageError(Reason.INTERNAL_ERROR, "a defect"), 500),
    ],
)
def test_our_errors_are_pages_with_what_to_do(problem: ModelStageError, status: int) -> None:
    answer, told = shown(problem)
    text = answer.body.decode()
    assert (answer.status, status_of(problem)) == (status, status)
    assert answer.headers["content-security-policy"].startswith("default-src 'none'")
    assert problem.message.split("\n")[0].split("<")[0] in text.replace("&#39;", "'")
    assert not any(bad in text for bad in ("<b>churn", "git: <script>", "\x1b", "\u202e"))
    assert bool(problem.hint) is ("What to do" in text)
    assert told == []


@pytest.mark.parametrize("target", ["/models", "/m/churn", "/states?name=churn"])
def test_a_defect_is_a_page_there_and_a_line_here(target: str) -> None:
    answer, told = shown(ZeroDivisionError("secret\n\x1b[31mwords"), target=target)
    assert answer.status == 500
    assert b"secret" not in answer.body
    assert b"A defect in model-stage-deploy" in answer.body
    assert answer.headers["cache-control"] == "no-store"
    [line] = told
    assert "ZeroDivisionError" in line
    assert line.isprintable()


def test_every_reason_has_a_status_of_its_kind() -> None:
    for reason in Reason:
        assert status_of(ModelStageError(reason, "x")) in (400, 404, 409, 500, 502)


def test_methods_and_addresses_that_there_are_not() -> None:
    fine = RuntimeError("not asked")
    assert shown(fine, "HEAD", "/static/app.css")[0].status == 200
    assert shown(fine, "HEAD", "/nowhere")[0].status == 404
    assert shown(fine, "GET", "/do/assign")[0].status == 404  # read only: there are none
    assert shown(fine, "GET", "/fetch")[0].status == 404
    assert shown(fine, "GET", "/static/chrome.py")[0].status == 404
