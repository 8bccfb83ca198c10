"""What the pages show and offer: of many models, of one, with and without somebody who may change things."""

from __future__ import annotations

from pathlib import Path

import pytest
from markupsafe import Markup

from model_stage_deploy.core.dashboard import Overview, Query
from model_stage_deploy.core.lifecycle import State
from model_stage_deploy.report.html.chrome import Chrome
from model_stage_deploy.report.html.pages import (
    dialog_page,
    message_page,
    model_page,
    models_page,
    models_table,
    state_cells,
)
from model_stage_deploy.report.html.table_view import standing_key, table_of
from model_stage_deploy.report.registry import moment
from tests.report.html.parsing import Parsed
from tests.report.html.plain_links import PlainLinks, chrome
from tests.report.html.sample_tables import NAMES, STAGES, empty_overview, overview
from tests.report.html.samples import DAY, NOW, page, registry

READING = chrome(links=PlainLinks(writable=False), csrf="", read_only="It was started with --read-only.")
REPORT = READING._replace(made="2026-11-22T00:00:00+00:00", policy="default-src 'none'")


def of_table(shown: Overview, around: Chrome | None = None) -> Parsed:
    """The page of a table, taken apart."""
    return Parsed(models_page(shown, around or chrome()))


def test_a_row_has_a_cell_for_every_column() -> None:
    table = of_table(overview())
    rows = [element for element in table.named("tr") if "tbody" in element.within]
    assert len(rows) == len(NAMES)
    headings = [element for element in table.elements if element.attributes.get("role") == "columnheader"]
    cells = [element for element in table.elements if element.attributes.get("role") in ("cell", "rowheader")]
    assert len(cells) == len(headings) * len(rows)
    assert list(table.said(name="th")[: len(headings)]) == [
        "Model", "Latest", *STAGES, "Newest event", "Actions",
    ]  # fmt: skip


def test_a_cell_says_what_is_decided_by_whom_and_what_runs_instead() -> None:
    cell = Parsed(models_table(overview(), chrome())).said(name="td")[4]
    assert cell.startswith("v9.0.0 rolled back v7.0.0 is running 2026-10-")
    assert cell.endswith("· Ada Model")


def test_what_nobody_asked_about_has_no_badge() -> None:
    shown = overview(asked=False, stages_asked=True, recorded_in="", unasked="nobody was asked")
    table = of_table(shown, READING)
    assert not [words for words in table.said(cls="standing") if words]
    assert "nobody was asked" in table.text
    assert "What the words mean" not in table.text


def test_states_that_come_later_find_their_places() -> None:
    waiting = of_table(overview(asked=False))
    asked = [element for element in waiting.elements if "data-states" in element.attributes]
    assert [element.attributes["hx-get"] for element in asked] == [PlainLinks().states(NAMES)]
    cells = [(row.name, cell) for row in overview().rows for cell in row.stages.values()]
    pieces = Parsed(state_cells(cells, chrome()))
    assert {element.attributes["hx-swap-oob"] for element in pieces.named("span") if "id" in element.attributes} == {
        "true"
    }
    assert set(pieces.values("id")) <= set(waiting.values("id"))
    assert "rolled back v7.0.0 is running" in pieces.text
    assert standing_key("churn", "prod") in pieces.values("id")


def test_states_are_asked_for_in_addresses_that_are_not_too_long() -> None:
    rows = [overview(asked=False).rows[0]._replace(name=f"{number:04}" + "n" * 500) for number in range(50)]
    view = table_of(overview(asked=False)._replace(rows=tuple(rows)), chrome())
    assert all(len(to) < 4096 for to in view.states)
    assert sum(to.count("name=") for to in view.states) == 50


def test_what_is_being_deployed_is_looked_at_again() -> None:
    view = table_of(overview(), chrome())
    assert view.placed == {"churn", "demand/eu-west", "nlp/intents:router", "recommender-v2", "search/ranking"}
    asking = [element for element in of_table(overview()).elements if "data-states" in element.attributes]
    assert [element.attributes["hx-trigger"] for element in asking] == ["again"]


def test_nothing_is_asked_for_where_it_is_known_or_no_server_is_there() -> None:
    settled = tuple(row for row in overview().rows if row.name in ("credit-risk", "fraud"))
    assert table_of(overview()._replace(rows=settled), chrome()).states == ()
    assert table_of(overview(), REPORT).states == ()
    assert table_of(overview(asked=False), REPORT).states == ()
    assert table_of(overview(asked=False, recorded_in=""), chrome()).states == ()


@pytest.mark.parametrize(
    ("query", "sorted_by"),
    [
        (Query(), {"Model": "ascending"}),
        (Query(descending=True), {"Model": "descending"}),
        (Query(sort="newest", descending=True), {"Newest event": "descending"}),
        (Query(sort="latest"), {"Latest": "ascending"}),
    ],
)
def test_the_heading_says_how_the_table_is_sorted(query: Query, sorted_by: dict[str, str]) -> None:
    table = of_table(overview()._replace(query=query))
    found = zip(table.named("th"), table.said(name="th"), strict=True)
    assert {words: th.attributes["aria-sort"] for th, words in found if "aria-sort" in th.attributes} == sorted_by


def test_a_heading_turns_its_own_order_and_begins_others_with_what_one_wants() -> None:
    view = table_of(overview()._replace(query=Query(text="a", page=3)), chrome())
    links = PlainLinks()
    assert view.headings["name"].to == links.models(Query(text="a", descending=True))
    assert view.headings["newest"].to == links.models(Query(text="a", sort="newest", descending=True))


def test_pages_are_turned_without_losing_what_was_asked() -> None:
    query = Query(text="a", page=2)
    view = table_of(overview()._replace(query=query, pages=3, matching=120), chrome())
    assert (view.first, view.last) == (51, 58)
    assert view.before == PlainLinks().models(Query(text="a"))
    assert view.after == PlainLinks().models(Query(text="a", page=3))
    assert not table_of(overview(), chrome()).after


def test_deprecated_models_are_counted_and_shown_when_asked() -> None:
    table = of_table(overview())
    assert "1 deprecated hidden (show)" in table.text
    assert PlainLinks().models(Query(deprecated=True)) in table.values("href")
    asked = of_table(overview()._replace(query=Query(deprecated=True)), REPORT)
    assert "with 1 deprecated (hide)" in asked.text


def test_an_empty_registry_says_how_to_begin() -> None:
    table = of_table(empty_overview())
    assert "python -m model_stage_deploy register churn python -m model_stage_deploy assign churn prod" in table.text
    assert not table.named("form")
    assert "models" in table.values("id")  # what registers the first one finds its place


def test_a_registry_whose_tags_do_not_count_says_so() -> None:
    lost = empty_overview()._replace(findings=overview().findings)
    assert "1 tag does not count" in of_table(lost).text
    assert "1 tag counts, but is odd" in of_table(lost).text


def test_no_model_fits() -> None:
    table = of_table(overview()._replace(rows=(), matching=0, query=Query(text="zzz")))
    assert "No model fits (1 deprecated is not shown: look there, too). Show all" in table.text


def test_the_fragment_is_the_part_of_the_page_that_changes() -> None:
    fragment = models_table(overview(), chrome())
    assert fragment in models_page(overview(), chrome())
    assert Parsed(fragment).elements[0].attributes == {"id": "models"}


def test_who_may_change_something_is_offered_it() -> None:
    offered = of_table(overview()).values("href")
    assert {"/do/register", "/do/assign?model=fraud&stage=prod", "/do/rollback?model=churn"} <= {
        to.removesuffix("?") for to in offered
    }
    parsed = Parsed(model_page(page(), chrome()))
    assert {"/do/unlock?model=churn&stage=prod", "/do/lock?model=churn&stage=dev"} <= set(parsed.values("href"))
    assert "/do/unassign?model=churn&stage=shadow" not in parsed.values("href")  # it is empty


@pytest.mark.parametrize("around", [READING, REPORT], ids=["read-only", "report"])
def test_who_may_not_is_offered_nothing(around: Chrome) -> None:
    for text in (models_page(overview(), around), model_page(page(), around)):
        parsed = Parsed(text)
        assert not [to for to in parsed.values("href") if "/do/" in to]
        assert "data-dialog" not in text
        assert "popovertarget" not in text
        assert not [element for element in parsed.named("form") if element.attributes["method"] != "get"]
        assert "It was started with --read-only." in parsed.text


def test_a_report_needs_no_server() -> None:
    for text in (models_page(overview(), REPORT), model_page(page(), REPORT)):
        parsed = Parsed(text)
        assert "hx-" not in text
        assert "htmx" not in text
        assert not parsed.named("form")
        assert not parsed.named("dialog")
        policies = [element for element in parsed.named("meta") if "http-equiv" in element.attributes]
        assert [element.attributes["content"] for element in policies] == ["default-src 'none'"]
        assert "Report of 2026-11-22 00:00 UTC" in parsed.text


def test_notices_offer_to_fetch_where_that_can_be_done() -> None:
    told = chrome(notices=("The remote has 3 tags more.",))
    assert not [
        element for element in of_table(overview(), told).named("form") if "post" in element.attributes["method"]
    ]
    form = next(one for one in of_table(overview(), told._replace(fetch="/fetch")).named("form"))
    assert form.attributes == {"method": "post", "action": "/fetch"}
    assert "3 tags more" in of_table(overview(), told).text


def test_the_way_of_a_model_has_its_stages_in_order_with_what_became_of_them() -> None:
    steps = Parsed(model_page(page(), chrome())).said(cls="step")
    assert [step.split()[0] for step in steps] == ["Registered", "dev", "staging", "canary", "prod", "shadow"]
    assert "rolled back" in steps[4]
    assert "prod should have v9.0.0, but v7.0.0 is running" in steps[4]
    assert "Locked by Grace Hopper" in steps[4]
    assert "the black Friday freeze" in steps[4]
    assert "A deployment is at work" in steps[3]
    assert "The mapping has no such stage" in steps[5]


def test_a_model_that_was_only_decided_says_so() -> None:
    whole = page()
    rows = tuple(row._replace(records=(), running=None) for row in whole.rows)
    rows = tuple(row._replace(state=State.APPROVED) for row in rows)
    text = Parsed(model_page(whole._replace(rows=rows), chrome())).said(cls="step")[1]
    assert "A tag says so. Nothing was deployed since then." in text


def test_attempts_tell_gates_verification_and_who_went_past() -> None:
    attempts = Parsed(model_page(page(), chrome())).said(cls="attempt")
    overridden = next(text for text in attempts if "gates overridden" in text)
    assert overridden.startswith("deployed, failed verification prod v9.0.0")
    assert "took 3m10s · grace" in overridden
    assert "grace went past the gates: the window is wrong" in overridden
    assert "it was live, and a check said no" in overridden
    assert "window no it is Saturday" in overridden
    assert "approvals not known GitHub did not answer" in overridden


def test_history_is_whole_and_folded_after_fifty() -> None:
    whole = page(versions=30)
    parsed = Parsed(model_page(whole, chrome()))
    assert f"Show all {len(whole.model.events)} events" in parsed.text
    listed = list(parsed.said(cls="events"))
    assert "v30.0.0 assigned to canary" in listed[0]
    assert "v1.0.0 registered" in listed[1]
    assert sum(words.count("churn@v") + words.count("churn#") for words in listed) == len(whole.model.events)


def test_versions_tell_where_they_are_and_where_they_run() -> None:
    rows = list(Parsed(model_page(page(), chrome())).said(name="tr"))
    newest = next(words for words in rows if words.startswith("v9.0.0 latest"))
    assert "canary dev prod staging" in newest
    assert any(words.startswith("v7.0.0") and "prod runs" in words for words in rows)


def test_metrics_are_a_table_too() -> None:
    parsed = Parsed(model_page(page(), chrome()))
    assert "prod asks for accuracy >= 0.9 latency_ms < 50" in parsed.text
    assert "v2.0.0 metrics.json is not JSON at that commit" in parsed.text
    assert len(parsed.named("figure")) == 3


def test_a_model_without_anything_else_is_a_page_too() -> None:
    bare = page()._replace(
        annotation=None, stages=(), mapped=(), rows=(), decided=(), ran=(), measured=None, locks=(), recorded_in="",
        unasked="Nobody was asked.", model=registry("churn", 1).models["churn"],
    )  # fmt: skip
    parsed = Parsed(model_page(bare, chrome()))
    assert "No stage yet" in parsed.text
    assert parsed.text.count("Nobody was asked.") == 1
    assert not parsed.named("figure")


def test_problems_and_findings_are_said_first() -> None:
    parsed = Parsed(model_page(page(problems=("dvc.yaml cannot be read",), findings=overview().findings), chrome()))
    assert parsed.text.index("dvc.yaml cannot be read") < parsed.text.index("Stages")
    assert "2 things are odd about its tags." in parsed.text


def test_a_message_says_what_it_is_given() -> None:
    parsed = Parsed(message_page("Not here", ["There is no such model."], chrome(), hint="look for another"))
    assert parsed.said(by_id="message") == [
        "Not here There is no such model. What to do: look for another Go to the models"
    ]


def test_a_dialog_is_a_page_for_who_has_no_scripts() -> None:
    parsed = Parsed(dialog_page("Assign stage", Markup("<h2>Assign stage</h2><p>a form</p>"), chrome()))
    assert parsed.said(by_id="dialog-content") == ["Assign stage a form"]
    assert not parsed.named("dialog")


def test_times_are_for_machines_and_people() -> None:
    table = of_table(overview())
    newest = table.named("time")[-1]
    assert newest.attributes["datetime"].startswith("2026-")
    assert newest.attributes["data-as"] == "ago"
    assert moment(NOW - DAY) in table.values("datetime")


def test_templates_are_short() -> None:
    templates = Path(__file__).parents[3] / "src/model_stage_deploy/report/html/templates"
    assert all(len(path.read_text().splitlines()) < 350 for path in templates.rglob("*.j2"))
