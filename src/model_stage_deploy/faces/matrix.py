"""`plan`: what is to be deployed, as a matrix for later jobs: a dry run of what the event or the inputs ask for."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import replace
from typing import Any, NamedTuple

from model_stage_deploy.core.errors import Invalid
from model_stage_deploy.core.matrix import Entry, entries_of, matrix_of, plan_document
from model_stage_deploy.core.outcome import Outcome
from model_stage_deploy.core.reasons import Reason
from model_stage_deploy.core.redaction import Scrubber
from model_stage_deploy.faces.asking import planned_command
from model_stage_deploy.faces.settings import Settings
from model_stage_deploy.ports import Announcer


class Planned(NamedTuple):
    """A dry run's outcome, the matrix as an output has it, how many entries it has, and the document of all that."""

    outcome: Outcome
    matrix: str
    size: int
    document: dict[str, Any]


def planned(settings: Settings, environ: Mapping[str, str], announcer: Announcer, scrubber: Scrubber) -> Planned:
    """What a deployment would do, for the tag that the settings or the event name, or a rollback; nothing is touched.

    The matrix is empty where nothing is to be deployed, and where something may not be: then the exit code of the
    outcome says so, before anybody is asked to approve. Raises Invalid (usage).
    """
    from model_stage_deploy.faces.conduct import conduct

    dry = replace(settings, command=planned_command(settings), dry_run=True)
    outcome = conduct(dry, environ, announcer, scrubber)
    entries = _without_secrets(entries_of(outcome, settings.tag), scrubber)
    return Planned(outcome, matrix_of(entries), len(entries), scrubber.value(plan_document(outcome, entries)))


def plan_for_action(settings: Settings, environ: Mapping[str, str], announcer: Announcer, scrubber: Scrubber) -> int:
    """`command: plan` in a workflow: the outputs of a dry run, and `matrix` and `count`; `json` is the plan's document.

    Raises ModelStageError.
    """
    from model_stage_deploy.faces.action import tell
    from model_stage_deploy.faces.signals import undisturbed

    found = planned(settings, environ, announcer, scrubber)
    with undisturbed():
        tell(found.outcome, announcer, scrubber)
        announcer.say(counted(found.size))
        announcer.outputs(
            {
                "matrix": found.matrix,
                "count": str(found.size),
                "json": json.dumps(found.document, ensure_ascii=True),
            }
        )
    return found.outcome.exit_code


def _without_secrets(entries: list[Entry], scrubber: Scrubber) -> list[Entry]:
    """Entries that can be shown. Raises Invalid (usage): an environment with stars in it would be another one."""
    shown = [{**entry, "url": "" if scrubber.text(entry["url"]) != entry["url"] else entry["url"]} for entry in entries]
    if scrubber.value(shown) != shown:
        raise Invalid(
            Reason.USAGE,
            "the plan holds a text that is also the value of a secret, so no matrix can be made of it",
            hint="a secret must not be a word such as `production`; and the plan needs no secret of the mapping",
        )
    return shown


def counted(count: int) -> str:
    """How much is to be deployed, in words."""
    return f"{count} deployment{'' if count == 1 else 's'} for the jobs that follow"
