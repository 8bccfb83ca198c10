"""The pages of `sweep` and `approve`: one line for each thing, and what a person should do."""

from __future__ import annotations

from model_stage_deploy.core.errors import Invalid, MachineryFailed
from model_stage_deploy.core.lifecycle import Recorded
from model_stage_deploy.core.reasons import Reason
from model_stage_deploy.core.upkeep import Approval, Fault, Left, Place, Swept, Unlocked
from model_stage_deploy.report.upkeep import approval_document, approval_page, sweep_document, sweep_page

RECORD = Recorded("7", "v1.0.0", "c" * 40, "m#prod#1", "in_progress", created="2026-02-03T07:01:00Z", actor="ann")
PLACED = Place("m", "prod", RECORD._replace(placed=True))
NOTHING = Swept((), (), (), (), 1, dry_run=False)
DOWN = Fault("m", "dev", MachineryFailed(Reason.GITHUB_FAILED, "GitHub answered 502", hint="repeat it later"))


def _lines(swept: Swept, recorded_in: str = "github") -> list[str]:
    return [str(line) for line in sweep_page(swept, recorded_in)]


def test_where_nothing_is_to_be_done() -> None:
    assert _lines(NOTHING) == ["nothing to clear up in 1 stage, by GitHub"]
    assert _lines(NOTHING._replace(stages=3), "log") == [
        "nothing to clear up in 3 stages, by the log of this repository"
    ]


def test_everything_that_a_sweep_did() -> None:
    lock = Unlocked("m#prod", "run 77", "", 1_770_102_100.0)
    locks = Fault("", "", MachineryFailed(Reason.LOCK_FAILED, "the remote does not answer"))
    place = Place("m", "prod", RECORD)
    swept = Swept((place, PLACED), (Left(place, "run 78 has its lock"),), (lock,), (DOWN, locks), 2, dry_run=False)
    begun = "m v1.0.0 to prod, begun 2026-02-03T07:01:00Z by ann"
    assert _lines(swept) == [
        f"closed: {begun}: it never said how it ended; look at what runs",
        f"closed: {begun}: it was deployed and never verified; it is what runs",
        f"left alone: {begun}: run 78 has its lock",
        "unlocked: m in prod: run 77 has it no more: its last sign of life was at 2026-02-03T07:01:40+00:00",
        "not swept: m/dev: GitHub answered 502",
        "  what to do: repeat it later",
        "not swept: the locks: the remote does not answer",
    ]
    document = sweep_document(swept, "github")
    assert (document["reason"], document["exit_code"]) == ("github-failed", 4)
    assert document["closed"][1]["placed"] is True
    assert [fault["stage"] for fault in document["faults"]] == ["dev", None]


def test_a_dry_run_says_so() -> None:
    assert _lines(NOTHING._replace(closed=(PLACED,), dry_run=True))[0].startswith("would close: m v1.0.0")
    assert _lines(NOTHING._replace(dry_run=True))[-1] == "Dry run: nothing was changed."


def test_broken_machinery_is_graver_than_a_mistake_in_the_mapping() -> None:
    mistake = Fault("n", "", Invalid(Reason.MAPPING_INVALID, "two globs fit"))
    assert NOTHING._replace(faults=(mistake,)).reason is Reason.MAPPING_INVALID
    assert NOTHING._replace(faults=(mistake, DOWN)).reason is Reason.GITHUB_FAILED


def test_an_approval_says_what_follows() -> None:
    made = Approval("m", "v1.0.0", "prod", "c" * 40, "ann", "as agreed", asked=True, tag="m#prod#1")
    assert list(approval_page(made, "github")) == [
        "ann approved m v1.0.0 for prod (commit cccccccccccc): as agreed",
        "  recorded in GitHub",
        "  to deploy it now: python -m model_stage_deploy deploy 'm#prod#1'",
    ]
    assert "asks for no approval" in str(list(approval_page(made._replace(asked=False), "log"))[-1])
    assert approval_document(made._replace(tag="", message=""), "log")["tag"] is None
