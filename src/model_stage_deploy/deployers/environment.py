"""The environment of a deployer's processes: MSD_* values in, our own inputs and the runner's plumbing out. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Literal

from model_stage_deploy.core.plan import Plan

LONGEST_BYTES = 64 * 1024  # Linux refuses to start a process with one variable over 128 KiB

DROPPED: Mapping[str, str] = {
    "INPUT_*": "the inputs of our own action, the token among them",
    "MSD_*": "values of an outer deployment must not pass for ours",
    "ACTIONS_RUNTIME_*": "the runner's own token; whoever holds it can write to its cache and artifacts",
    "ACTIONS_CACHE_*": "goes with the runtime token",
    "ACTIONS_RESULTS_*": "goes with the runtime token",
    "GITLAB_TOKEN": "the token that deployments are shown by on GitLab; a stage may list it under `secrets`",
    "GITHUB_OUTPUT": "a deployer must not overwrite what we report",
    "GITHUB_ENV": "a deployer must not change the environment of later steps",
    "GITHUB_PATH": "a deployer must not change the PATH of later steps",
    "GITHUB_STATE": "belongs to our own action",
}
"""Names (or patterns) that a deployer's process does not get, and why. ACTIONS_ID_TOKEN_* stays: signing in to a
cloud by OpenID Connect is what a deployer may rightly do."""

VARIABLES: Mapping[str, str] = {
    "MSD_MODEL": "name of the model",
    "MSD_MODEL_SLUG": "the name as a DNS label, Docker tag or file name",
    "MSD_MODEL_PATH": "path of the artifact, from its annotation",
    "MSD_MODEL_TYPE": "type of the artifact, from its annotation",
    "MSD_MODEL_DESCRIPTION": "description of the artifact, from its annotation",
    "MSD_MODEL_DIR": "directory with a checkout of the tagged commit",
    "MSD_VERSION": "version to deploy, such as v3.1.0",
    "MSD_STAGE": "stage, such as prod",
    "MSD_TARGET": "the one of the stage's targets that is deployed to",
    "MSD_ENVIRONMENT": "environment that the mapping names",
    "MSD_ENVIRONMENT_URL": "URL that the mapping names",
    "MSD_TAG": "tag that asks for the deployment",
    "MSD_COMMIT": "commit of the version",
    "MSD_PREVIOUS_VERSION": "version that was in the stage before",
    "MSD_PREVIOUS_TAG": "its tag",
    "MSD_PREVIOUS_COMMIT": "its commit",
    "MSD_REPOSITORY": "owner/name",
    "MSD_RUN_ID": "id of the workflow run",
    "MSD_RUN_URL": "page of the workflow run",
    "MSD_ACTOR": "who started the run",
    "MSD_ROLLBACK": "true for a rollback, else false",
    "MSD_ACTION": "deploy or undeploy; status where it is only looked at",
    "MSD_ATTEMPT": "id of this try, unique; use it as an idempotency key",
}
"""Every MSD_* variable and what it holds; empty where a value is absent. Shell deployers get MSD_OUTPUT besides."""


def msd_variables(
    plan: Plan,
    attempt: str,
    *,
    model_dir: Path | None = None,
    action: Literal["deploy", "undeploy", "status"] = "deploy",
) -> dict[str, str]:
    """The MSD_* variables of a deployment: every name of VARIABLES, an empty text where a value is absent.

    NUL cannot be part of a variable and is removed; a value is cut at LONGEST_BYTES.
    """
    decision, model, previous, run = plan.decision, plan.model, plan.decision.previous, plan.run
    values: dict[str, str | None] = {
        "MSD_MODEL": model.name,
        "MSD_MODEL_SLUG": model.slug,
        "MSD_MODEL_PATH": model.path,
        "MSD_MODEL_TYPE": model.type,
        "MSD_MODEL_DESCRIPTION": model.description,
        "MSD_MODEL_DIR": str(model_dir) if model_dir else None,
        "MSD_VERSION": decision.version,
        "MSD_STAGE": decision.stage,
        "MSD_TARGET": plan.target,
        "MSD_ENVIRONMENT": plan.environment,
        "MSD_ENVIRONMENT_URL": plan.environment_url,
        "MSD_TAG": decision.tag,
        "MSD_COMMIT": decision.commit,
        "MSD_PREVIOUS_VERSION": previous.version if previous else None,
        "MSD_PREVIOUS_TAG": previous.tag if previous else None,
        "MSD_PREVIOUS_COMMIT": previous.commit if previous else None,
        "MSD_REPOSITORY": plan.repository,
        "MSD_RUN_ID": run.id,
        "MSD_RUN_URL": run.url,
        "MSD_ACTOR": run.actor,
        "MSD_ROLLBACK": "true" if decision.rollback else "false",
        "MSD_ACTION": action,
        "MSD_ATTEMPT": attempt,
    }
    return {name: _fit(value or "") for name, value in values.items()}


def child_environment(outer: Mapping[str, str]) -> dict[str, str]:
    """`outer` without the names of DROPPED."""
    return {name: value for name, value in outer.items() if not any(fnmatchcase(name, drop) for drop in DROPPED)}


def _fit(value: str) -> str:
    raw = value.replace("\0", "").encode("utf-8", errors="replace")
    return raw[:LONGEST_BYTES].decode("utf-8", errors="ignore")
