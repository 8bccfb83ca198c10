"""The job summary: rendered by a real Markdown library, hostile texts stay texts."""

from __future__ import annotations

import html
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from model_stage_deploy.core.errors import Mistake
from model_stage_deploy.core.lifecycle import State
from model_stage_deploy.core.outcome import Outcome, Step, subject_of
from model_stage_deploy.core.reasons import Reason, Result
from model_stage_deploy.core.redaction import Scrubber
from model_stage_deploy.core.reported import Reported
from model_stage_deploy.core.verdict import Finding, Verified, failed, passed
from model_stage_deploy.core.way import Spot, Way
from model_stage_deploy.report.summary import summary
from tests.faces import corpora
from tests.faces.rendered import assert_harmless, cells, shape
from tests.fakes.plans import HOSTILE, a_plan

VALUES = corpora.values() | HOSTILE
LIVE = "https://models.example.com/churn"


def _outcome(reason: Reason, text: str = "text", **changes: object) -> Outcome:
    plan = replace(a_plan(), environment=text, deployer=text, config=text)
    outcome = Outcome(
        reason=reason,
        message=text,
        hint=text,
        subject=subject_of(replace(plan.decision, model=text, version=text, stage=text, tag=text)),
        plan=plan,
        steps=(Step(text, 1.0, True), Step("deploy", 2.0, False)),
        warnings=(text, text),
        tail=text,
        actions=(text, text),
        gates=(passed(text, text, **{text: text}), failed(text, "no", text, text)),
        checks=(Verified(text, Finding.FAILED, text, {text: text}),),
        mistakes=(Mistake(text, 1, 1, text, text, text),) * (2 if reason is Reason.MAPPING_INVALID else 0),
        overridden=text,
        receipt=Reported(text, text, {text: [text]}),
        way=Way(text, text, registered=True, spots=(Spot(text, State.FAILED, text, None),)),
    )
    return replace(outcome, **changes)  # type: ignore[arg-type]


def _plain(text: str) -> str:
    return text


@pytest.mark.parametrize("reason", Reason)
def test_every_reason_has_a_summary(reason: Reason) -> None:
    page = assert_harmless(summary(_outcome(reason), _plain))
    assert cells(page)["Model"] == "text"
    told = f"<code>{reason.value}</code> (exit code {reason.exit_code})" in page
    assert told == (bool(reason.exit_code) or reason.result is Result.NOTHING_TO_DO)


@pytest.mark.parametrize("name", VALUES)
def test_a_hostile_text_stays_a_text_in_every_place(name: str) -> None:
    for reason in (Reason.DEPLOYED, Reason.DEPLOYER_FAILED, Reason.DRY_RUN, Reason.MAPPING_INVALID):
        expected = shape(assert_harmless(summary(_outcome(reason), _plain)))
        page = assert_harmless(summary(_outcome(reason, VALUES[name]), _plain))
        assert shape(page) == expected


def test_a_code_span_shows_just_what_was_said() -> None:
    for text in ("a|b", "`", "``", "` a `", "a``b`c", "\\|", "a\\", "<b>", "*_~", " x "):
        page = assert_harmless(summary(_outcome(Reason.DEPLOYED, text), _plain))
        assert html.unescape(cells(page)["Model"]).strip() == text.strip()


@pytest.mark.thorough
@given(text=st.text(max_size=200))
def test_no_text_breaks_out(text: str) -> None:
    assert_harmless(summary(_outcome(Reason.DEPLOYER_FAILED, text), _plain))


@pytest.mark.thorough
@given(text=st.text(alphabet="`~<>|[]()!\\\n #-*_&;:/abc", max_size=60))
def test_no_text_made_of_markup_breaks_out(text: str) -> None:
    assert_harmless(summary(_outcome(Reason.DEPLOYER_FAILED, text), _plain))


def test_a_good_end_links_to_what_is_live_and_to_nothing_else() -> None:
    page = assert_harmless(summary(_outcome(Reason.DEPLOYED, environment_url=LIVE), _plain), (LIVE,))
    assert f'href="{LIVE}"' in page
    assert "href" not in assert_harmless(summary(_outcome(Reason.DEPLOYER_FAILED, environment_url=LIVE), _plain))


@pytest.mark.parametrize(
    "url",
    ["javascript:alert(1)", "https://x/<b>", "https://x/)[y](z", "https://x/ y", 'https://x/"', "data:text/html,x", ""],
)
def test_an_odd_url_is_no_link(url: str) -> None:
    assert "href" not in assert_harmless(summary(_outcome(Reason.DEPLOYED, environment_url=url), _plain))


def test_an_address_with_a_secret_in_it_is_no_link() -> None:
    """A check run's page is not scrubbed again by whoever sends it."""
    scrubber = Scrubber(["only-for-tests"])
    outcome = _outcome(Reason.DEPLOYED, environment_url=f"{LIVE}?key=only-for-tests")
    assert "only-for-tests" not in summary(outcome, scrubber.text)


def test_the_tail_is_its_last_lines() -> None:
    tail = "".join(f"line {number}\n" for number in range(500))
    text = summary(_outcome(Reason.DEPLOYER_FAILED, tail=tail), _plain)
    assert "line 499" in text
    assert "line 440" in text
    assert "line 439\n" not in text


def test_secrets_are_starred_before_they_are_escaped() -> None:
    secret = "a_b*c|d`e<f>"
    page = assert_harmless(summary(_outcome(Reason.DEPLOYER_FAILED, f"x {secret} y"), Scrubber([secret]).text))
    assert "x *** y" in html.unescape(page)
    assert "a_b" not in page
