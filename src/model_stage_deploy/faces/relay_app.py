"""The relay of MLflow's webhooks for a server or a function of one's own: the WSGI `application`, set up by variables.

MLFLOW_WEBHOOK_SECRET, GITHUB_TOKEN, GITHUB_REPOSITORY and MSD_RELAY_ALIASES (`champion=prod,challenger=staging`), and
MLFLOW_TRACKING_URI or MSD_RELAY_VERSION_TEMPLATE; MSD_RELAY_MODELS where names differ. It is set up at the first
request, so that a missing variable is an answer and a line in the log.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterable
from functools import cache
from typing import TYPE_CHECKING

from model_stage_deploy.core.errors import ModelStageError
from model_stage_deploy.core.inert import one_line
from model_stage_deploy.core.redaction import Scrubber
from model_stage_deploy.faces.commands.relaying import meaning_of, relay_of
from model_stage_deploy.faces.relay import wsgi

if TYPE_CHECKING:
    from wsgiref.types import StartResponse, WSGIEnvironment


def application(environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
    """The WSGI application (PEP 3333)."""
    try:
        return _application()(environ, start_response)
    except ModelStageError as problem:
        sys.stderr.write(f"error: {one_line(problem.message)}; {one_line(problem.hint)}\n")
        start_response("500 Internal Server Error", [("Content-Type", "text/plain; charset=utf-8")])
        return [b"the relay is not set up; its log says why\n"]


@cache
def _application() -> Callable[[WSGIEnvironment, StartResponse], Iterable[bytes]]:
    scrubber = Scrubber()

    def tell(text: str) -> None:
        sys.stderr.write(f"{one_line(scrubber.text(text))}\n")

    variables = dict(os.environ)
    aliases, models = (_listed(variables.get(name, "")) for name in ("MSD_RELAY_ALIASES", "MSD_RELAY_MODELS"))
    meaning = meaning_of(aliases, models, variables.get("MSD_RELAY_VERSION_TEMPLATE", ""))
    return wsgi(relay_of("", meaning, "", variables, scrubber.add, tell))


def _listed(text: str) -> list[str]:
    return [part.strip() for part in text.split(",") if part.strip()]
