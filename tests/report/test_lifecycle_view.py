"""What people read of decided and running: a sentence where they differ, and none where all is well."""

from __future__ import annotations

import pytest

from model_stage_deploy.core.errors import Invalid, MachineryFailed
from model_stage_deploy.core.journey import journeys
from model_stage_deploy.core.lifecycle import Lifecycle, Recorded, Records, lifecycle, unknown
from model_stage_deploy.core.reasons import Reason
from model_stage_deploy.report.columns import Table
from model_stage_deploy.report.lifecycle import difference, document, page, table_rows, way
from tests.core.tag_records import commit, model

TAGS = ("m@v1.0.0 A @0", "m@v2.0.0 B @10", "m#prod#1 A @20", "m#prod#2 B @100")
BEFORE, AFTER = "2023-11-14T22:13:50Z", "2023-11-14T22:15:30Z"
OF_1 = Recorded("1", "v1.0.0", commit("A"), "m#prod#1", "success", created=BEFORE, ended=BEFORE, outcome="success")
OF_2 = Recorded("2", "v2.0.0", commit("B"), "m#prod#2", "success", created=AFTER, ended=AFTER, outcome="success")
AWAY = OF_2._replace(state="inactive", outcome="", action="undeploy")
FAILED = OF_2._replace(state="failure", outcome="failure", log_url="https://ci.example.com/2")


def row(*records: Recorded, tags: tuple[str, ...] = TAGS, whole: bool = True) -> Lifecycle:
    return lifecycle(model(*tags), "prod", Records(records, whole), "production")


SENTENCES = {
    "deployed": ([OF_2], ""),
    "nothing yet": ([], "prod should have v2.0.0, but nothing is running: m#prod#2 was not deployed yet"),
    "not yet": ([OF_1], "prod should have v2.0.0, but v1.0.0 is running: m#prod#2 was not deployed yet"),
    "failed": ([FAILED, OF_1], "prod should have v2.0.0, but v1.0.0 is running: its deployment failed"),
    "failed again": (
        [FAILED, OF_2],
        "prod has v2.0.0, as it should; but the newest deployment, of v2.0.0, failed",
    ),
    "a rollback failed": (
        [FAILED._replace(version="v1.0.0", commit=commit("A"), rollback=True)],
        "prod should have v2.0.0, but nothing is running: the newest deployment, of v1.0.0, failed",
    ),
    "under way": (
        [OF_2._replace(state="in_progress"), OF_1],
        "v2.0.0 is being deployed to prod; v1.0.0 is running until then",
    ),
    "another under way": (
        [OF_1._replace(state="queued")],
        "prod should have v2.0.0, but v1.0.0 is being deployed to prod",
    ),
    "rolled back": (
        [OF_1._replace(rollback=True, created=AFTER)],
        "prod should have v2.0.0, but v1.0.0 is running: it was rolled back",
    ),
    "removed": (
        [OF_2._replace(state="inactive")],
        "prod should have v2.0.0, but nothing is running: its deployment was made inactive",
    ),
    "being verified": (
        [OF_2._replace(state="in_progress", placed=True), OF_1],
        "v2.0.0 was deployed to prod and is being verified",
    ),
    "failed its verification": (
        [FAILED._replace(placed=True), OF_1],
        "prod has v2.0.0, as it should; but its verification failed: v2.0.0 was deployed, and is running",
    ),
    "its run died while it was verified": (
        [FAILED._replace(state="error", outcome="error", placed=True), OF_1],
        "prod has v2.0.0, as it should; but v2.0.0 was deployed, and its verification came to no end",
    ),
    "rolled back automatically": (
        [OF_1._replace(rollback=True, automatic=True, created=AFTER), FAILED._replace(placed=True)],
        "prod should have v2.0.0, but v1.0.0 is running: v2.0.0 failed, and was rolled back automatically",
    ),
    "the automatic rollback failed, too": (
        [FAILED._replace(version="v1.0.0", commit=commit("A"), rollback=True, placed=True), FAILED],
        "prod should have v2.0.0, but v1.0.0 is running: its verification failed: v1.0.0 was deployed, and is running",
    ),
    "undeployed": (
        [AWAY, OF_2._replace(state="inactive")],
        "prod should have v2.0.0, but nothing is running: it was undeployed",
    ),
    "being undeployed": ([AWAY._replace(state="in_progress"), OF_2], "v2.0.0 is being taken out of prod"),
    "could not be undeployed": (
        [AWAY._replace(state="failure", outcome="failure"), OF_2],
        "prod has v2.0.0, as it should; but the newest attempt, to take v2.0.0 away, failed",
    ),
    "an older tag again": (
        [OF_1._replace(created=AFTER), FAILED],
        "prod should have v2.0.0, but v1.0.0 is running: it was deployed after m#prod#2 was made",
    ),
}


@pytest.mark.parametrize(("records", "sentence"), SENTENCES.values(), ids=SENTENCES)
def test_sentences(records: list[Recorded], sentence: str) -> None:
    assert difference(row(*records)) == sentence


def test_a_stage_that_was_emptied_stops_nothing() -> None:
    said = difference(row(OF_1, tags=(*TAGS[:1], TAGS[2], "m#prod!#3 A @200")))
    assert said == "prod should have nothing, but v1.0.0 is running: the stage was emptied by tags, which stops nothing"


def test_what_could_not_be_undeployed_is_told() -> None:
    tried = AWAY._replace(state="failure", outcome="failure", version="v1.0.0", commit=commit("A"))
    said = difference(row(tried, OF_1, tags=(*TAGS[:1], TAGS[2], "m#prod!#3 A @200")))
    assert said == "prod should have nothing, but v1.0.0 is running: to undeploy it failed"


def test_equal_names_on_two_commits_are_told_apart() -> None:
    tags = ("m@v1.0.0 A @0", "m#prod#1 A @20", "m@v1.0.0!#2 A @50", "m@v1.0.0#3 B @60", "m#prod#4 B @70")
    assert "but v1.0.0 of commit aaaaaaaaaaaa is running" in difference(row(OF_1, tags=tags))


def test_what_is_not_known_is_a_question_mark_and_one_line() -> None:
    down = MachineryFailed(Reason.GITHUB_FAILED, "GitHub answered 502", hint="later")
    unmapped = Invalid(Reason.UNMAPPED_STAGE, "long text")
    rows = [
        unknown(model(*TAGS), "prod", down),
        unknown(model(*TAGS), "staging", down),
        unknown(model(*TAGS), "a", unmapped),
    ]
    table, *lines = page(rows, [], [], asked=True)
    assert isinstance(table, Table)
    assert table.rows[1] == ("m", "prod", "v2.0.0", "m#prod#2", "2023-11-14", "unknown", "?", "-", "-")
    assert lines == [
        "not known for m prod, m staging: GitHub answered 502",
        "  what to do: later",
        "not known for m a: the mapping does not name it",
    ]


def test_without_github_the_table_is_what_was_decided() -> None:
    assert table_rows([unknown(model(*TAGS), "prod")], asked=False) == [
        ("MODEL", "STAGE", "DECIDED", "TAG", "SINCE"),
        ("m", "prod", "v2.0.0", "m#prod#2", "2023-11-14"),
    ]


def test_the_link_leads_to_the_log_of_what_failed_and_to_what_runs() -> None:
    running = OF_2._replace(environment_url="https://models.example.com/m", log_url="https://ci.example.com/1")
    links = [table_rows([row(*records)], asked=True)[1][-1] for records in ([running], [FAILED, running], [OF_2])]
    assert links == ["https://models.example.com/m", "https://ci.example.com/2", "-"]


def test_an_empty_registry_says_how_to_begin() -> None:
    [line] = page([], [], [], asked=True)
    assert isinstance(line, str) and "git tag -a" in line


def test_the_document_has_everything_and_null_for_nothing() -> None:
    found = row(FAILED, OF_1)
    told = document([found, row(tags=EMPTIED)], journeys(model(*TAGS), [found], newest=1), [], recorded_in="github")
    first, empty = told["stages"]
    assert first["decided"] == {
        "version": "v2.0.0",
        "commit": commit("B"),
        "tag": "m#prod#2",
        "since": "2023-11-14T22:15:00+00:00",
        "by": "Ada Model",
    }
    assert (first["state"], first["differs"], first["running"]["version"], first["newest"]["state"]) == (
        "failed", True, "v1.0.0", "failure",
    )  # fmt: skip
    assert (empty["state"], empty["decided"], empty["running"], empty["newest"]) == ("removed", None, None, None)
    steps = told["journeys"][0]["steps"]
    assert [(step["kind"], step["stage"], step["tag"], step["deployment"], step["ok"]) for step in steps] == [
        ("registered", None, "m@v2.0.0", None, True),
        ("approved", "prod", "m#prod#2", None, True),
        ("failed", "prod", None, "2", False),
    ]


EMPTIED = ("m@v1.0.0 A @0", "m#prod#1 A @20", "m#prod!#2 A @30")


def test_the_way_reads_as_a_line() -> None:
    back = OF_1._replace(rollback=True, created=AFTER, ended=AFTER)
    found = row(back)
    ways = [way(journey) for journey in journeys(model(*TAGS), [found], newest=2)]
    assert ways == [
        "registered 2023-11-14 → prod approved 2023-11-14",
        "registered 2023-11-14 → prod approved 2023-11-14 → prod deployed by rollback 2023-11-14",
    ]
