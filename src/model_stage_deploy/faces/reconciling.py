"""`reconcile` for the action: what a lost event left undone, and with `apply` done after all."""

from __future__ import annotations

from collections.abc import Mapping

from model_stage_deploy.core.redaction import Scrubber
from model_stage_deploy.faces.settings import Settings
from model_stage_deploy.ports import Announcer


def reconcile_for_action(
    settings: Settings, environ: Mapping[str, str], announcer: Announcer, scrubber: Scrubber
) -> int:
    """Raises ModelStageError."""
    raise NotImplementedError  # being written
