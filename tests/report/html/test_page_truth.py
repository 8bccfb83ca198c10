"""What the page of a model must neither hide nor make up: locks, older deployments, numbers beside problems, times."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from model_stage_deploy.core.dashboard import PAST
from model_stage_deploy.core.lifecycle import Records, State, lifecycle
from model_stage_deploy.core.locks import ALL, key_of
from model_stage_deploy.core.measured import VersionMetrics
from model_stage_deploy.core.reasons import Reason
from model_stage_deploy.report.html.filters import standing, when
from model_stage_deploy.report.html.pages import model_page, models_page
from model_stage_deploy.report.html.static_site import Report, badge_of, folder
from tests.core import tag_records
from tests.report.html.parsing import Parsed
from tests.report.html.plain_links import chrome
from tests.report.html.sample_tables import model_row, overview
from tests.report.html.samples import NOW, iso, lock, measured, page, recorded

DAY = 86_400


def test_a_lock_that_cannot_be_read_has_no_date() -> None:
    unread = replace(lock("prod"), owner="", since=0.0, reason="what is there cannot be read (it is no JSON)")
    wide = replace(unread, key=ALL)
    parsed = Parsed(model_page(page(locks=(unread, wide)), chrome()))
    assert "Locked by somebody unknown: what is there cannot be read" in parsed.said(cls="step")[4]
    assert "All stages are locked by somebody unknown: what is there" in parsed.text
    assert "1970" not in parsed.text


def test_the_lock_of_a_target_is_not_the_lock_of_its_stage() -> None:
    eu = replace(lock("prod"), key=key_of("churn", "prod", "eu"))
    html = model_page(page(locks=(eu,)), chrome())
    step = Parsed(html).said(cls="step")[4]
    assert "Its target eu is locked by Grace Hopper" in step
    assert "Unlock" not in step  # the stage itself is not locked
    assert "All stages are locked" not in html


def test_a_run_under_the_lock_of_all_stages_is_no_persons_lock() -> None:
    at_work = replace(lock("prod", "run"), key=key_of("churn"))
    assert "All stages are locked" not in model_page(page(locks=(at_work,)), chrome())


def test_older_deployments_may_be_there() -> None:
    whole = page()
    many = [recorded("v7.0.0", NOW - back * DAY) for back in range(PAST)]
    rows = tuple(row._replace(records=tuple(many)) if row.stage == "prod" else row for row in whole.rows)
    text = Parsed(model_page(whole._replace(rows=rows), chrome())).text
    assert f"The newest {PAST} of each stage; there may be older ones." in text
    assert f"the newest {PAST} deployments are known here" in text
    assert "may be older ones" not in Parsed(model_page(whole, chrome())).text


def test_a_problem_hides_no_number() -> None:
    whole = page()
    known = measured(whole.model, {})
    first = known.versions[0]
    both = VersionMetrics(first.version, first.commit, first.values, "plots.json is too large")
    text = Parsed(model_page(whole._replace(measured=known._replace(versions=(both,))), chrome())).text
    assert "0.8" in text.partition("The same as a table")[2]
    assert "plots.json is too large" in text


def test_a_metric_without_a_number_is_no_empty_picture() -> None:
    whole = page()
    known = measured(whole.model, {})
    none = [one._replace(values={"accuracy": float("nan")}) for one in known.versions]
    text = Parsed(model_page(whole._replace(measured=known._replace(versions=tuple(none))), chrome())).text
    assert "No version has a number that can be drawn." in text
    assert "not a number" in text


def test_ambiguous_tags_are_not_no_tags() -> None:
    model = tag_records.model("m@v1.0.0 A", "m@v2.0.0 A", "m#prod#1 A")
    assert model.ambiguous
    bare = page()._replace(model=model, stages=(), mapped=(), rows=(), decided=(), ran=(), measured=None, locks=())
    text = Parsed(model_page(bare, chrome())).text
    assert "No stage yet" not in text
    assert "Its tags are ambiguous" in text


def test_what_runs_is_said_where_the_tags_are_ambiguous() -> None:
    model = tag_records.model("m@v1.0.0 A", "m@v2.0.0 A", "m#prod#1 A")
    row = lifecycle(model, "prod", Records((recorded("v1.0.0", NOW, "m"),)), "prod")
    assert (row.state, row.reason) == (State.UNKNOWN, Reason.AMBIGUOUS_VERSION)
    assert "v1.0.0 is running" in standing(row)


def test_a_year_that_calendars_do_not_hold_is_said_all_the_same() -> None:
    assert "@300000000000" in when("@300000000000")


def test_a_registry_of_deprecated_models_leads_to_them() -> None:
    shown = overview(rows=(), total=2, matching=0, deprecated=2)
    parsed = Parsed(models_page(shown, chrome()))
    assert "Every model is deprecated (2 deprecated are not shown: look there, too)." in parsed.text
    assert any("deprecated=True" in address for address in parsed.values("href"))


def test_times_are_told_anew() -> None:
    script = Path(__file__).parents[3] / "src/model_stage_deploy/report/html/static/app.js"
    assert "setInterval(() => { if (!document.hidden) tell(document); }" in script.read_text("utf-8")


def test_one_file_offers_no_way_to_what_it_has_not() -> None:
    from model_stage_deploy.report.html.one_file import one_file

    rows = (model_row("churn", ()), model_row("old", (), deprecated=True))
    whole = overview()._replace(rows=rows, stages=(), total=2, matching=2, deprecated=1)
    text = "".join(one_file(Report("models", iso(NOW), whole), []))
    assert ">hide</a>" not in text
    assert ">hide</a>" in dict(folder(Report("models", iso(NOW), whole), []))["all.html"].decode()


def test_badges_of_ambiguous_tags_and_of_bare_commits() -> None:
    ambiguous = tag_records.model("m@v1.0.0 A", "m@v2.0.0 A", "m#prod#1 A")
    shown = page()._replace(model=ambiguous, stages=("prod",), rows=())
    assert (badge_of(shown).message, badge_of(shown, "prod").message) == ("v2.0.0", "unknown")
    bare = page()._replace(model=tag_records.model("m#prod#1 A"), stages=("prod",), rows=())
    assert badge_of(bare).message == "none"


def test_without_scripts_nobody_takes_an_empty_place_for_a_state() -> None:
    said = "each model's own page says it"
    assert said in Parsed(models_page(overview(asked=False), chrome())).text
    assert said not in Parsed(models_page(overview(stages_asked=True), chrome())).text
