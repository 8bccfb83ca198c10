"""relay-mlflow: a small server that turns MLflow's webhooks into requests for a promotion."""

from __future__ import annotations

import argparse
import os
import re
import sys
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING

from model_stage_deploy.core.errors import Cancelled
from model_stage_deploy.core.inert import one_line
from model_stage_deploy.core.redaction import Scrubber
from model_stage_deploy.core.tags import require_model_name, require_stage_name
from model_stage_deploy.core.versions import is_version
from model_stage_deploy.core.writing import usage
from model_stage_deploy.faces.commands.importing import pairs_of

if TYPE_CHECKING:
    from model_stage_deploy.flows.relaying import Meaning, Relay

_REPOSITORY = re.compile(r"(?!\.{1,2}/)[A-Za-z0-9_.-]+/(?!\.{1,2}$)[A-Za-z0-9_.-]+")
_HOST, _PORT = "127.0.0.1", 8080


def _arguments(command: argparse.ArgumentParser) -> None:
    command.add_argument("--repository", default="", metavar="OWNER/NAME", help="whose workflow is asked")
    command.add_argument(
        "--alias-map",
        action="append",
        default=[],
        metavar="ALIAS=STAGE",
        help="the stage here that an alias asks for; others are ignored",
    )
    command.add_argument(
        "--model-map", action="append", default=[], metavar="NAME=MODEL", help="the name here of a model of MLflow"
    )
    command.add_argument(
        "--tracking-uri",
        default="",
        metavar="URI",
        help="ask MLflow there for the version's tag gto_version (default: MLFLOW_TRACKING_URI)",
    )
    command.add_argument(
        "--version-template",
        default="",
        metavar="TEXT",
        help="the version here of one without that tag, as v{version}.0.0 (default: such a one is refused)",
    )
    command.add_argument("--host", default=_HOST, help=f"the address to listen on (default: {_HOST})")
    command.add_argument("--port", type=_port, default=_PORT, help=f"the port (default: {_PORT}; 0 for any)")


def _run(given: argparse.Namespace) -> int:
    from model_stage_deploy.faces.relay import HEALTH, PATH, RelayServer

    scrubber = Scrubber()

    def tell(text: str) -> None:
        sys.stderr.write(f"{one_line(scrubber.text(text))}\n")  # in one piece: several threads tell
        sys.stderr.flush()

    relay = relay_of(given.repository, _meaning(given), given.tracking_uri, os.environ, scrubber.add, tell)
    try:
        server = RelayServer((given.host, given.port), relay, tell)
    except OSError as problem:
        raise usage(
            f"cannot listen on {given.host} port {given.port}: {problem.strerror}", "--port names another"
        ) from None
    shown = f"[{given.host}]" if ":" in given.host else given.host
    tell(f"listening on http://{shown}:{server.port}{PATH}, and for health checks {HEALTH}")
    try:
        server.serve_forever()
    except Cancelled:
        tell("told to stop")
    finally:
        server.server_close()
    return 0


def relay_of(
    repository: str,
    meaning: Meaning,
    uri: str,
    environ: Mapping[str, str],
    mask: Callable[[str], None],
    tell: Callable[[str], None],
) -> Relay:
    """A relay, if it can know which version is meant. Raises Invalid (usage)."""
    from model_stage_deploy.faces.mlflow import open_relay

    repository = repository or environ.get("GITHUB_REPOSITORY", "")
    if not _REPOSITORY.fullmatch(repository):
        raise usage(f"{repository[:120]!r} is not OWNER/NAME", "--repository names whose workflow is asked")
    if not meaning.aliases:
        raise usage("no alias means a stage", "say which does: --alias-map champion=prod")
    uri = uri or environ.get("MLFLOW_TRACKING_URI", "")
    if not uri and not meaning.template:
        raise usage(
            "a webhook names MLflow's number of a version, and nothing says which version that is here",
            "--tracking-uri asks MLflow for its tag gto_version; --version-template 'v{version}.0.0' counts as MLflow",
        )
    return open_relay(meaning, uri, repository, environ, mask, tell)


def meaning_of(aliases: list[str], models: list[str], template: str) -> Meaning:
    """What MLflow's names mean here. Raises Invalid (usage)."""
    from model_stage_deploy.flows.relaying import Meaning

    if template and ("{version}" not in template or not is_version(template.replace("{version}", "1"))):
        raise usage(f"--version-template {template[:80]!r} makes no version", "write it as v{version}.0.0")
    return Meaning(
        aliases=pairs_of("--alias-map", aliases, require_stage_name),
        models=pairs_of("--model-map", models, require_model_name),
        template=template,
    )


def _meaning(given: argparse.Namespace) -> Meaning:
    return meaning_of(given.alias_map, given.model_map, given.version_template)


def _port(text: str) -> int:
    if not (text.isascii() and text.isdigit() and len(text) < 6 and int(text) < 65536):
        message = f"{text[:40]!r} is no port"
        raise argparse.ArgumentTypeError(message)
    return int(text)


ARGUMENTS: Mapping[str, Callable[[argparse.ArgumentParser], None]] = {"relay-mlflow": _arguments}
RUN = {"relay-mlflow": _run}
