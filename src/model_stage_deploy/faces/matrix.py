"""`command: plan`: what is to be deployed, as a matrix for later jobs."""

from __future__ import annotations

from collections.abc import Mapping

from model_stage_deploy.core.redaction import Scrubber
from model_stage_deploy.faces.settings import Settings
from model_stage_deploy.ports import Announcer


def plan_for_action(settings: Settings, environ: Mapping[str, str], announcer: Announcer, scrubber: Scrubber) -> int:
    """Raises ModelStageError."""
    raise NotImplementedError  # being written
