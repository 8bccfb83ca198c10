"""Parses `.gto`; loaded only where there is such a file."""

from __future__ import annotations

from typing import Any

from model_stage_deploy.adapters.safe_yaml import read_yaml
from model_stage_deploy.adapters.yaml_events import YamlProblem
from model_stage_deploy.core.errors import Invalid
from model_stage_deploy.core.gto_config import FILE
from model_stage_deploy.core.reasons import Reason


def parse_config(data: bytes) -> Any:
    """The values of the file, None for an empty one. Raises Invalid (gto-config-invalid)."""
    if all(not line.strip() or line.lstrip().startswith(b"#") for line in data.splitlines()):
        return None
    try:
        document, complaints = read_yaml(data)
    except YamlProblem as problem:
        complaints = [problem.complaint]
    if complaints:
        raise Invalid(
            Reason.GTO_CONFIG_INVALID,
            "\n".join(f"{FILE}:{complaint}" for complaint in complaints[:10]),
            hint="write, for example: stages: [dev, prod]",
        )
    return document.value
