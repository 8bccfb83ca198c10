"""A context for commands that only look: nothing is recorded, and what is said goes to standard error."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager

from model_stage_deploy.adapters.terminal_announcer import TerminalAnnouncer
from model_stage_deploy.core.redaction import Scrubber
from model_stage_deploy.faces.event import WorkflowEvent
from model_stage_deploy.faces.settings import Settings
from model_stage_deploy.faces.wiring import working
from model_stage_deploy.flows.context import Context
from model_stage_deploy.ports import CodeHost


@contextmanager
def looking(settings: Settings, event: WorkflowEvent, environ: Mapping[str, str]) -> Iterator[tuple[Context, CodeHost]]:
    """A context for one who only looks, and where deployments are recorded: GitHub, or this repository's own log.

    Raises Invalid (not-a-repository).
    """
    with asking(settings, event, environ, Scrubber()) as context:
        if context.host is None:
            raise context.hostless or AssertionError(settings.command)
        yield context, context.host


@contextmanager
def asking(
    settings: Settings, event: WorkflowEvent, environ: Mapping[str, str], scrubber: Scrubber
) -> Iterator[Context]:
    """The same, also where nobody records deployments. The scrubber gets to know the secrets that are read."""
    with working(settings, event, environ, TerminalAnnouncer(sys.stderr, scrubber), scrubber) as context:
        yield context
