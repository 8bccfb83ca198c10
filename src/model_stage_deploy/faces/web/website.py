"""What the pages' handlers work with: the registry that is served, and how it was asked to be served."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from starlette.requests import Request
from starlette.responses import Response

from model_stage_deploy.faces.browsing import Browser
from model_stage_deploy.faces.settings import Settings
from model_stage_deploy.report.html.chrome import Chrome


@dataclass(frozen=True)
class Site:
    """One served registry. `settings` are those of the command line (mapping, records, repo, token).

    `chrome` is what surrounds the page of a request. `page(html, status=200, headers=None)` makes a response. `tell`
    writes a line to the terminal (made inert there). Before any handler runs the guard has checked Host, session,
    Origin and the form's token, and a posted body is small and complete. `at_end` is called when the server ends.
    """

    browser: Browser
    settings: Settings
    environ: Mapping[str, str]
    chrome: Callable[[Request], Chrome]
    page: Callable[..., Response]
    tell: Callable[[str], None]
    sign: bool = False
    dispatch: str = ""
    dispatch_rollback: str = ""
    read_only: bool = False
    at_end: list[Callable[[], None]] = field(default_factory=list)
