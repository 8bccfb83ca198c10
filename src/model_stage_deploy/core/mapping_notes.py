"""Remarks about a mapping file that is correct, but may not mean what its author thinks."""

from __future__ import annotations

from collections.abc import Iterator

from model_stage_deploy.core.mapping import StageMap
from model_stage_deploy.core.mapping_places import layers


def notes(stages: StageMap) -> Iterator[str]:
    """One line each, with its place."""
    for at, settings in layers(stages.document.value):
        run = (settings.get("deploy") or {}).get("run")
        if run and ("{{" in run or "{%" in run):
            remark = stages.complaint(
                (*at, "deploy", "run"),
                "`run` is no template: `{{ … }}` reaches Bash as it stands",
                'values arrive as variables, like "$MSD_MODEL" and "$MSD_VERSION"',
            )
            yield f"{stages.file}:{remark}"
