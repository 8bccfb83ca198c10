"""serve: the registry as pages on this machine, with dialogs that change it."""

from __future__ import annotations

import argparse
import json
import os
import sys
import webbrowser
from importlib.util import find_spec
from typing import TYPE_CHECKING

from model_stage_deploy.core.errors import Cancelled
from model_stage_deploy.core.inert import one_line
from model_stage_deploy.core.writing import usage
from model_stage_deploy.faces.arguments import mapping_arguments, records_arguments
from model_stage_deploy.faces.commands.delivering import settings_of
from model_stage_deploy.faces.commands.writing import require_workflow

if TYPE_CHECKING:
    from model_stage_deploy.faces.web.serving import Serving

HOST, PORT = "127.0.0.1", 8642


def _arguments(command: argparse.ArgumentParser) -> None:
    command.add_argument(
        "--host", default=HOST, metavar="ADDRESS", help=f"the address to listen on (default: {HOST}, this machine only)"
    )
    command.add_argument("--port", type=_port, default=PORT, help=f"the port (default: {PORT}; 0 for any)")
    command.add_argument(
        "--allow-host",
        action="append",
        default=[],
        metavar="NAME",
        help="a name by which browsers reach this server, as through a proxy; may be given again",
    )
    command.add_argument("--read-only", action="store_true", help="show everything, change nothing, ask for no token")
    command.add_argument("--open", action="store_true", help="open the page in the browser")
    command.add_argument("--sign", action="store_true", help="sign the tags, as git tag -s does")
    command.add_argument(
        "--dispatch", default="", metavar="WORKFLOW", help="after a push start this workflow with the input `tag`"
    )
    command.add_argument(
        "--dispatch-rollback",
        default="",
        metavar="WORKFLOW",
        help="roll back by starting this workflow with the inputs `model`, `stage` and `to`",
    )
    mapping_arguments(command)
    records_arguments(command, "ask no code host: deployments are told by this repository's log, if any")


def _serve(given: argparse.Namespace) -> int:
    """Serve until told to stop. Raises Invalid (usage, not-a-repository), Refused, MachineryFailed."""
    with _opened(given) as serving:
        try:
            serving.begin()
            _tell(serving, as_json=given.json)
            if given.open:
                webbrowser.open(serving.once())
            serving.wait()
        except Cancelled:
            _say("told to stop")
    return 0


def _opened(given: argparse.Namespace) -> Serving:
    """Raises Invalid (usage), also where what the pages need is not installed."""
    if given.read_only and (given.sign or given.dispatch or given.dispatch_rollback):
        raise usage("--read-only makes no tags, so nothing is signed or started", "leave one of the two out")
    if not given.host:
        raise usage("--host is empty", "--host 0.0.0.0 means every address of this machine")
    names = (given.dispatch, given.dispatch_rollback)
    workflow, going_back = (require_workflow(name) if name else "" for name in names)
    if not (find_spec("starlette") and find_spec("uvicorn")):
        raise usage("the pages need libraries that are not installed", "pip install 'model-stage-deploy[web]'")
    from model_stage_deploy.faces.web.serving import Serving, Wished

    wished = Wished(
        given.host,
        given.port,
        tuple(given.allow_host),
        given.read_only,
        sign=given.sign,
        dispatch=workflow,
        dispatch_rollback=going_back,
    )
    return Serving(settings_of(given), wished, os.environ, _say)


def _tell(serving: Serving, *, as_json: bool) -> None:
    """What is served, to whom, and how to end it."""
    for line in [json.dumps(serving.document())] if as_json else serving.lines():
        print(line)
    sys.stdout.flush()


def _say(text: str) -> None:
    sys.stderr.write(f"{one_line(text)}\n")  # in one piece: several threads tell
    sys.stderr.flush()


def _port(text: str) -> int:
    if not (text.isascii() and text.isdigit() and len(text) < 6 and int(text) < 65536):
        message = f"{text[:40]!r} is no port"
        raise argparse.ArgumentTypeError(message)
    return int(text)


ARGUMENTS = {"serve": _arguments}
RUN = {"serve": _serve}
