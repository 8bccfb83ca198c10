"""A report about a run that has ended: whatever happens to the report, it changes nothing."""

from __future__ import annotations

from collections.abc import Iterator

from model_stage_deploy.core.check_run import CheckRun
from model_stage_deploy.faces.event import WorkflowEvent
from model_stage_deploy.faces.reporting import report
from model_stage_deploy.faces.settings import Settings
from tests.fakes.announcer import FakeAnnouncer


def test_a_defect_of_ours_is_a_warning_and_no_traceback() -> None:
    def broken(_: WorkflowEvent) -> Iterator[CheckRun]:
        raise ValueError("what nobody foresaw")

    announcer = FakeAnnouncer()
    report(broken, Settings(command="deploy", check_run=True), {}, announcer)

    [(level, text, _)] = announcer.notes
    assert level == "warning"
    assert "ValueError at test_reporting.py" in text
    assert "How the run itself ended stands." in text
