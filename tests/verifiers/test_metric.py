"""The verifier `metric`, against a real HTTP server that answers as Prometheus does."""

from __future__ import annotations

from typing import Any

import pytest

from model_stage_deploy.adapters.system_clock import SystemClock
from model_stage_deploy.adapters.web_requests import RequestsWeb
from model_stage_deploy.core.errors import Cancelled
from model_stage_deploy.core.verdict import Finding, Verified
from model_stage_deploy.ports import WebProblem
from model_stage_deploy.verifiers.metric import Metric
from tests.fakes.clock import FakeClock
from tests.fakes.web import FakeWeb
from tests.standins.prometheus import Body, Prometheus, error, scalar, success, vector
from tests.standins.receiver import refusing_url
from tests.verifiers.checks import a_job, metric


def _verified(
    *answers: Body, said: list[str] | None = None, server: dict[str, Any] | None = None, **settings: Any
) -> tuple[Verified, Prometheus, FakeClock]:
    """What the verifier says of a server that answers so; waiting takes no time."""
    clock = FakeClock()
    with Prometheus(*answers, **(server or {})) as prometheus:
        verified = Metric(RequestsWeb(), clock).verify(a_job(said=said), metric(prometheus.url, **settings))
    return verified, prometheus, clock


@pytest.mark.parametrize("make", [vector, scalar])
def test_below_and_above_the_threshold(make: Any) -> None:
    good, prometheus, clock = _verified(make("0.004"))
    assert (good.finding, clock.slept) == (Finding.PASSED, [])
    assert good.sentence == f"Prometheus at {prometheus.url}: 0.004, wanted < 0.01 (in 0s)"
    assert good.facts == {"readings": 1, "good": 1, "seconds": 0.0, "warnings": 0}
    bad, prometheus, clock = _verified(make("0.02"))
    assert (bad.finding, len(prometheus.queries)) == (Finding.FAILED, 1)
    assert "0.02, wanted < 0.01" in bad.sentence


@pytest.mark.parametrize(("nan", "finding"), [("pass", "passed"), ("fail", "failed"), ("inconclusive", "inconclusive")])
@pytest.mark.parametrize("answer", [vector("NaN"), scalar("NaN"), vector()], ids=["nan", "scalar-nan", "no-series"])
def test_nan_and_no_data(nan: str, finding: str, answer: Body) -> None:
    verified, _prometheus, clock = _verified(answer, nan=nan)
    assert verified.finding.value == finding
    assert f"which counts as {nan}" in verified.sentence
    assert len(clock.slept) == (30 if nan == "inconclusive" else 0)


def test_by_default_data_may_come_late() -> None:
    verified, prometheus, clock = _verified(vector(), vector("NaN"), vector("0.001"))
    assert (verified.finding, clock.slept) == (Finding.PASSED, [10.0, 10.0])
    assert len(prometheus.queries) == 3


@pytest.mark.parametrize(("number", "threshold"), [("+Inf", "> 1"), ("-Inf", "< 1"), ("+Inf", "!= 1")])
def test_an_infinite_number_is_never_good(number: str, threshold: str) -> None:
    assert _verified(vector(number), threshold=threshold)[0].finding is Finding.FAILED


def test_readings_of_which_enough_must_be_good() -> None:
    answers = [vector(number) for number in ("0.001", "0.5", "0.002", "0.003", "0.5")]
    assert _verified(*answers, samples=5, needed=3)[0].finding is Finding.PASSED
    verified, prometheus, _clock = _verified(*answers, samples=5, needed=4)
    assert (verified.finding, len(prometheus.queries)) == (Finding.FAILED, 5)
    verified, prometheus, _clock = _verified(*answers, samples=5)
    assert (verified.finding, len(prometheus.queries)) == (Finding.FAILED, 2)


def test_a_reading_that_cannot_be_had_is_taken_once_more() -> None:
    answers = [vector("0.001"), error("timeout", "query timed out"), vector("1", "2"), vector("0.002")]
    verified, prometheus, _clock = _verified(*answers, samples=2)
    assert (verified.finding, len(prometheus.queries)) == (Finding.PASSED, 4)
    assert "(2 of 4 good in 30s)" in verified.sentence


def test_the_delay_is_part_of_the_deadline() -> None:
    verified, _prometheus, clock = _verified(vector(), delay="2m", deadline="3m")
    assert clock.slept == [120.0, *[10.0] * 6]
    assert verified.finding is Finding.INCONCLUSIVE
    assert "not enough could be read within 3m" in verified.sentence
    assert "the last one: no data" in verified.sentence


def test_a_query_that_is_wrong_is_asked_once() -> None:
    verified, prometheus, clock = _verified(error("bad_data", "1:3: parse error"))
    assert (verified.finding, clock.slept) == (Finding.INCONCLUSIVE, [])
    assert verified.sentence == f"Prometheus at {prometheus.url}: Prometheus says bad_data: 1:3: parse error"


def test_several_series_are_no_number() -> None:
    verified, _prometheus, _clock = _verified(vector("0.001", "0.002"))
    assert verified.finding is Finding.INCONCLUSIVE
    assert "2 series, not one" in verified.sentence


def test_the_query_travels_whole_by_post_or_by_get() -> None:
    query = 'sum(rate(errors{model="churn",v="3+1 & 2"}[5m])) ✓\n# ' + "x" * 10_000
    _, prometheus, _clock = _verified(vector("0"), query=query)
    assert prometheus.queries == [("POST", query)]
    _, prometheus, _clock = _verified(vector("0"), query=query[:60], server={"takes": ("GET",)})
    assert prometheus.queries == [("GET", query[:60])]


def test_a_path_before_the_api_and_headers() -> None:
    web = FakeWeb()
    check = metric("https://example.com/prometheus/", headers={"Authorization": "Bearer s3cret"}, deadline=1)
    Metric(web, FakeClock()).verify(a_job(), check)
    assert web.requests[0].url == "https://example.com/prometheus/api/v1/query"
    verified, prometheus, _clock = _verified(
        vector("0"), headers={"Authorization": "Bearer s3cret"}, server={"token": "s3cret"}
    )
    assert verified.finding is Finding.PASSED
    assert prometheus.headers[0]["authorization"] == "Bearer s3cret"
    verified, _prometheus, _clock = _verified(vector("0"), server={"token": "s3cret"})
    assert (verified.finding, "status 401" in verified.sentence) == (Finding.INCONCLUSIVE, True)


def test_an_address_with_a_query_is_refused() -> None:
    web = FakeWeb()
    verified = Metric(web, FakeClock()).verify(a_job(), metric("https://example.com/?tenant=s3cret"))
    assert (verified.finding, web.requests) == (Finding.INCONCLUSIVE, [])
    assert "s3cret" not in verified.sentence


def test_nobody_listens() -> None:
    check = metric(refusing_url(), interval=0.01, deadline=0.05)
    verified = Metric(RequestsWeb(), SystemClock()).verify(a_job(), check)
    assert verified.finding is Finding.INCONCLUSIVE
    assert "Connection refused" in verified.sentence


def test_what_can_never_be_asked_is_not_asked_again() -> None:
    web = FakeWeb(WebProblem("invalid-header", "wrong", retryable=False))
    assert Metric(web, FakeClock()).verify(a_job(), metric()).finding is Finding.INCONCLUSIVE
    assert len(web.requests) == 1


def test_warnings_are_told_once_and_change_nothing() -> None:
    said: list[str] = []
    answer = success("vector", vector("0.001")["data"]["result"], warnings=["a store is away\n::error::x"])
    verified, _prometheus, _clock = _verified(answer, samples=3, said=said)
    assert (verified.finding, verified.facts["warnings"]) == (Finding.PASSED, 1)
    assert said[0] == "Prometheus warns: a store is away\\n::error::x\n"
    assert len(said) == 2


def test_cancelled_goes_through() -> None:
    with pytest.raises(Cancelled):
        Metric(FakeWeb(Cancelled()), FakeClock()).verify(a_job(), metric())


def test_describe() -> None:
    check = metric(
        "https://example.com", query="sum(\n  x)", samples=5, needed=4, delay="2m", headers={"X-Api-Key": "s3cret"}
    )
    assert Metric(FakeWeb(), FakeClock()).describe(check) == [
        "ask Prometheus at https://example.com",
        "  X-Api-Key: ***",
        "  | sum(",
        "  |   x)",
        "wants a number < 0.01; NaN or no data: inconclusive",
        "waits for 2m first",
        "4 of 5 readings, 10s apart, must be good",
        "goes on for 5m at most",
    ]
