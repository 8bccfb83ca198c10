"""A deployer's `with:` settings checked, and their mistakes told in plain words that quote no value."""

from __future__ import annotations

import difflib
from collections.abc import Mapping
from typing import Any

from pydantic import ValidationError

from model_stage_deploy.core.errors import Invalid
from model_stage_deploy.core.inert import one_line
from model_stage_deploy.core.reasons import Reason
from model_stage_deploy.deployers.contract import Deployer, Options

_WORDS = {
    "missing": "is missing",
    "string_type": "must be a text",
    "int_type": "must be a whole number",
    "int_parsing": "must be a whole number",
    "int_from_float": "must be a whole number",
    "float_type": "must be a number",
    "float_parsing": "must be a number",
    "finite_number": "must be a number",
    "bool_type": "must be true or false",
    "bool_parsing": "must be true or false",
    "list_type": "must be a list",
    "dict_type": "must be a mapping",
}

_BESIDE = frozenset({"uses", "env", "timeout", "retries"})
"""Settings of every deployer: they stand under `deploy`, beside `with`."""


def options_of(deployer: type[Deployer], rendered: Mapping[str, Any]) -> Options:
    """The settings as the deployer's own type.

    Raises Invalid (mapping-invalid) that lists every mistake; it quotes no value, for that may be a secret.
    """
    try:
        return deployer.options.model_validate(dict(rendered))
    except ValidationError as problem:
        wrong = problem.errors(include_url=False, include_input=False)
    names = [field.alias or name for name, field in deployer.options.model_fields.items()]
    names += getattr(deployer.options, "further_names", lambda _: [])(rendered)
    complaints = [
        _complaint(error["loc"], error["type"], error["msg"], error.get("ctx") or {}, names) for error in wrong
    ]
    raise Invalid(Reason.MAPPING_INVALID, "; ".join(complaints), hint=f"settings under `with`: {', '.join(names)}")


def _complaint(
    where: tuple[int | str, ...], kind: str, message: str, context: Mapping[str, Any], names: list[str]
) -> str:
    path = one_line(".".join(["deploy.with", *(str(part) for part in where)]), 200)
    if kind == "extra_forbidden":
        if len(where) == 1 and where[0] in _BESIDE:
            return f"{path}: unknown setting; it stands beside `with`: `deploy.{where[0]}`"
        near = difflib.get_close_matches(str(where[-1]), names, n=1, cutoff=0.5)
        return f"{path}: unknown setting" + (f", did you mean `{near[0]}`?" if near else "")
    if kind == "value_error":
        return f"{path}: {one_line(str(context.get('error', message)), 300)}"
    return f"{path}: {_WORDS.get(kind) or message.replace('Input should be', 'must be').replace('Input', 'it')}"
