"""Puts adapters behind the ports of what speaks with MLflow: the import, and the relay of its webhooks."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING

from model_stage_deploy.core.errors import Invalid
from model_stage_deploy.core.reasons import Reason

if TYPE_CHECKING:
    from model_stage_deploy.flows.relaying import Meaning, Relay
    from model_stage_deploy.mirrors.mlflow_access import Access
    from model_stage_deploy.mirrors.mlflow_api import Mlflow

WEBHOOK_SECRET = "MLFLOW_WEBHOOK_SECRET"  # noqa: S105 - the name of a variable
_MLFLOW_PATIENCE = 8.0  # seconds: MLflow waits thirty for the whole
_GITHUB_PATIENCE = 12.0
_LIMITS = 3.0  # seconds that rate limits are waited for


def open_mlflow(
    uri: str, environ: Mapping[str, str], mask: Callable[[str], None], *, timeout: float = 20.0
) -> tuple[Mlflow, Access]:
    """The registry of the server that `uri` or MLFLOW_TRACKING_URI names, with the credentials of the environment.

    `mask` is given every secret before it is used. Raises Invalid (usage).
    """
    from model_stage_deploy.adapters.web_requests import RequestsWeb
    from model_stage_deploy.mirrors.mlflow_access import access, from_environ
    from model_stage_deploy.mirrors.mlflow_api import ANSWER_BYTES, Mlflow

    try:
        found = access(uri, from_environ(environ), mask)
    except ValueError as problem:
        raise Invalid(
            Reason.USAGE,
            str(problem),
            hint="name the server: --tracking-uri https://mlflow.example.com, or MLFLOW_TRACKING_URI",
        ) from problem
    return Mlflow(RequestsWeb(ANSWER_BYTES), found, timeout=timeout), found


def open_relay(
    meaning: Meaning,
    uri: str,
    repository: str,
    environ: Mapping[str, str],
    mask: Callable[[str], None],
    tell: Callable[[str], None],
) -> Relay:
    """The relay of MLflow's webhooks to the repository's workflows.

    Its secret is MLFLOW_WEBHOOK_SECRET, its token GITHUB_TOKEN; `mask` is given both. Raises Invalid (usage).
    """
    from model_stage_deploy.adapters.github_client import GitHubClient
    from model_stage_deploy.adapters.github_dispatches import GitHubDispatches
    from model_stage_deploy.adapters.github_limits import Waits
    from model_stage_deploy.adapters.system_clock import SystemClock
    from model_stage_deploy.core.mlflow_webhook import SHORTEST_SECRET
    from model_stage_deploy.core.redaction import Secret
    from model_stage_deploy.flows.relaying import Relay

    secret, token = environ.get(WEBHOOK_SECRET, ""), environ.get("GITHUB_TOKEN", "")
    for each in filter(None, (secret, token)):
        mask(each)
    if len(secret) < SHORTEST_SECRET:
        said = f"is shorter than {SHORTEST_SECRET} characters" if secret else "is not set"
        raise _usage(
            f"{WEBHOOK_SECRET} {said}", "the webhook in MLflow has the same one: for example openssl rand -hex 32"
        )
    if not token:
        raise _usage("GITHUB_TOKEN is not set", "a token with `contents: write` on the repository, and no more")
    address = environ.get("GITHUB_API_URL") or "https://api.github.com"
    clock = SystemClock()
    waits = Waits(clock, budget=_LIMITS, tell=tell)
    client = GitHubClient(address, repository, Secret(token), timeout=_GITHUB_PATIENCE, waits=waits, clock=clock)
    mlflow = open_mlflow(uri, environ, mask, timeout=_MLFLOW_PATIENCE)[0] if uri else None
    return Relay(Secret(secret), meaning, GitHubDispatches(client), clock, mlflow=mlflow, tell=tell)


def _usage(message: str, hint: str) -> Invalid:
    return Invalid(Reason.USAGE, message, hint=hint)
