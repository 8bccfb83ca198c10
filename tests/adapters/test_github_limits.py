"""GitHub's rate limits: what an answer says of them, and that a run waits for them within one budget, and says so."""

from __future__ import annotations

import re
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from email.utils import formatdate
from itertools import product
from typing import Any, get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st

from model_stage_deploy.adapters.github_client import GitHubClient, GitHubProblem, Patience
from model_stage_deploy.adapters.github_deployments import GitHubDeployments
from model_stage_deploy.adapters.github_forge import GitHubForge
from model_stage_deploy.adapters.github_limits import BUDGET, Limit, Waits, limit_of, pause_of
from model_stage_deploy.core.errors import MachineryFailed
from model_stage_deploy.core.evidence import Evidence
from model_stage_deploy.core.reasons import Reason
from model_stage_deploy.core.redaction import Secret
from model_stage_deploy.ports import Ending
from tests.fakes.clock import FakeClock
from tests.fakes.plans import a_plan
from tests.standins.github import GitHubStandIn

NOW = 1_800_000_000.0
PRIMARY = {"message": "API rate limit exceeded for installation ID 12345."}
SECONDARY = {"message": "You have exceeded a secondary rate limit. Please wait a few minutes before you try again."}
CREATE = ("POST", "/deployments$")


@pytest.fixture
def github() -> Iterator[GitHubStandIn]:
    with GitHubStandIn() as standin:
        yield standin
        standin.assert_clean()


class _SetClock(FakeClock):
    """Somebody sets the time of day; the seconds since the start go on."""

    set_by = 0.0

    def now(self) -> float:
        return super().now() + self.set_by


class _Run:
    """The clients of one run, with a clock that does not wait; `told` is its log."""

    def __init__(self, github: GitHubStandIn, budget: float = BUDGET) -> None:
        self.clock = FakeClock(time.time())
        self.told: list[str] = []
        waits = Waits(self.clock, budget=budget, tell=self.told.append)
        self.client, self.other = (
            GitHubClient(
                github.url, "org/models", Secret("test-token"), timeout=2, backoff=0.01, waits=waits, clock=self.clock
            )
            for _ in range(2)
        )
        self.host = GitHubDeployments(self.client, str)

    def ask(self, client: GitHubClient | None = None, patience: Patience = "patient") -> Any:
        return (client or self.client).get("", patience=patience, permission="metadata: read")

    def refused(self) -> GitHubProblem:
        with pytest.raises(GitHubProblem) as caught:
            self.ask()
        assert caught.value.reason is Reason.RATE_LIMITED
        return caught.value


def _spent(seconds: float) -> dict[str, Any]:
    reset = {"X-RateLimit-Remaining": "0", "X-RateLimit-Reset": str(int(time.time() + seconds))}
    return {"status": 403, "headers": reset, "body": PRIMARY}


@pytest.mark.parametrize("status", [403, 429])
def test_a_primary_limit_ends_at_its_reset_by_githubs_clock(status: int) -> None:
    headers = {"x-ratelimit-remaining": "0", "x-ratelimit-reset": str(int(NOW) + 40), "date": formatdate(NOW + 10)}
    assert limit_of(status, headers, PRIMARY["message"], NOW) == Limit("rate limit", 31.0)
    del headers["date"]
    assert limit_of(status, headers, "", NOW) == Limit("rate limit", 41.0)


@pytest.mark.parametrize("status", [403, 429])
def test_a_secondary_limit_says_how_long_or_not(status: int) -> None:
    said = SECONDARY["message"]
    assert limit_of(status, {"retry-after": "7"}, said, NOW) == Limit("secondary rate limit", 7.0)
    assert limit_of(status, {"retry-after": formatdate(NOW + 9, usegmt=True)}, said, NOW) == Limit(
        "secondary rate limit", 9.0
    )
    assert limit_of(status, {}, said, NOW) == Limit("secondary rate limit", None)
    assert limit_of(status, {"retry-after": "soon"}, said, NOW) == Limit("secondary rate limit", None)
    assert limit_of(status, {"retry-after": "7\x1f"}, said, NOW) == Limit("secondary rate limit", 7.0)
    assert limit_of(status, {"retry-after": "-7"}, said, NOW) == Limit("secondary rate limit", None)


@pytest.mark.parametrize("status", [200, 401, 404, 422, 500, 503])
def test_another_status_is_no_limit(status: int) -> None:
    assert limit_of(status, {"retry-after": "5", "x-ratelimit-remaining": "0"}, PRIMARY["message"], NOW) is None


def test_a_missing_permission_is_no_limit_even_with_the_last_request_of_the_hour() -> None:
    said = "Resource not accessible by integration"
    assert limit_of(403, {}, said, NOW) is None
    assert limit_of(403, {"x-ratelimit-remaining": "0", "x-ratelimit-reset": "1"}, said, NOW) is None
    assert limit_of(403, {}, "Must have admin rights", NOW) is None
    assert limit_of(429, {}, "", NOW) is not None


@given(
    status=st.sampled_from([403, 429, 500, 503]),
    headers=st.dictionaries(
        st.sampled_from(["retry-after", "x-ratelimit-remaining", "x-ratelimit-reset", "date"]),
        st.one_of(
            st.text(max_size=30), st.integers().map(str), st.floats(0, 1e12).map(lambda at: formatdate(at % 4e9))
        ),
    ),
    message=st.text(max_size=40),
)
def test_whatever_an_answer_says_is_a_number_of_seconds(status: int, headers: dict[str, str], message: str) -> None:
    limit = limit_of(status, headers, message, NOW)
    assert limit is None or limit.seconds is None or limit.seconds >= 0
    assert pause_of(headers, NOW) >= 0
    clock = FakeClock(NOW)
    waits = Waits(clock)
    if limit is not None and not waits.wait(limit):
        assert "is met until" in waits.why_not()
    assert sum(clock.slept) <= BUDGET


@given(st.lists(st.one_of(st.none(), st.floats(0, 200)), max_size=40))
def test_all_waits_of_a_run_are_within_its_budget_and_few(limits: list[float | None]) -> None:
    clock, told = FakeClock(NOW), list[str]()
    waits = Waits(clock, tell=told.append)
    waited = [waits.wait(Limit("rate limit", seconds)) for seconds in limits]
    assert sum(clock.slept) <= BUDGET
    assert len(told) == sum(waited) <= 7, "each wait is told once, and who asks in vain asks ever more slowly"


@pytest.mark.parametrize("jump", [-7200.0, 7200.0])
def test_a_clock_that_is_set_meanwhile_makes_no_limit_longer_or_shorter(jump: float) -> None:
    clock = _SetClock(NOW)
    waits = Waits(clock, budget=10)
    assert not waits.wait(Limit("rate limit", 30.0))
    clock.set_by = jump
    assert waits.why_not()
    clock.time += 30
    assert not waits.why_not()


def test_a_limit_is_waited_out_and_told_once(github: GitHubStandIn) -> None:
    run = _Run(github)
    github.fail_next("GET", "", **_spent(30))
    begun = run.clock.time
    run.ask()
    [slept], [told] = run.clock.slept, run.told
    assert 28 <= slept <= 31
    until = time.strftime("%Y-%m-%d %H:%M", time.gmtime(begun + slept))
    assert told.startswith(f"GitHub's rate limit is met: waiting {slept:.0f} s, until {until}")
    assert told.endswith(" UTC")
    assert len(github.calls) == 2


def test_a_limit_that_would_not_end_in_time_is_an_end_that_says_when(github: GitHubStandIn) -> None:
    run = _Run(github)
    github.fail_next("GET", "", times=9, **_spent(1800))
    problem = run.refused()
    [until] = re.findall(r"is met until ([-0-9]+ [:0-9]+) UTC", problem.message)
    ends = datetime.strptime(until, "%Y-%m-%d %H:%M:%S").replace(tzinfo=UTC).timestamp()
    assert 1795 < ends - run.clock.time < 1805
    assert "a run waits 120 seconds at the most" in problem.message
    assert "permissions.md" in problem.hint
    assert (run.clock.slept, run.told) == ([], [])
    assert len(github.calls) == 1


def test_while_limited_nothing_is_sent_by_any_client_of_the_run(github: GitHubStandIn) -> None:
    run = _Run(github)
    github.fail_next("GET", "", **_spent(1800))
    run.refused()
    for client, patience in product((run.client, run.other), get_args(Patience)):
        with pytest.raises(GitHubProblem) as caught:
            run.ask(client, patience)
        assert caught.value.reason is Reason.RATE_LIMITED
        assert "was not sent" in caught.value.message
    assert len(github.calls) == 1, "who goes on asking is banned"
    run.clock.time += 1900
    run.ask(run.other)
    assert len(github.calls) == 2


def test_the_budget_is_one_for_all_clients_of_a_run(github: GitHubStandIn) -> None:
    run = _Run(github)
    github.fail_next("GET", "", status=429, headers={"Retry-After": "70"}, body=SECONDARY)
    run.ask()
    github.fail_next("GET", "", status=429, headers={"Retry-After": "70"}, body=SECONDARY)
    with pytest.raises(GitHubProblem) as caught:
        run.ask(run.other)
    assert caught.value.reason is Reason.RATE_LIMITED
    assert run.clock.slept == [70.0]


def test_a_secondary_limit_without_a_word_of_how_long_is_given_a_minute(github: GitHubStandIn) -> None:
    run = _Run(github)
    github.fail_next("GET", "", status=403, body=SECONDARY)
    run.ask()
    assert run.clock.slept == [60.0]
    github.fail_next("GET", "", status=403, body=SECONDARY)
    run.refused()
    assert run.clock.slept == [60.0], "the second would take two minutes more"


def test_a_short_limit_that_does_not_end_is_asked_ever_more_slowly(github: GitHubStandIn) -> None:
    run = _Run(github)
    github.fail_next("GET", "", status=403, headers={"Retry-After": "1"}, body=SECONDARY, times=99)
    run.refused()
    assert run.clock.slept == [1.0, 2.0, 4.0, 8.0, 16.0, 32.0]
    assert len(github.calls) == 7


def test_a_hurried_request_never_waits(github: GitHubStandIn) -> None:
    run = _Run(github)
    github.fail_next("GET", "", status=403, headers={"Retry-After": "1"}, body=SECONDARY)
    with pytest.raises(GitHubProblem) as caught:
        run.ask(patience="hurry")
    assert caught.value.reason is Reason.RATE_LIMITED
    assert run.clock.slept == []


def test_a_limit_at_the_start_deploys_nothing_and_makes_no_second_record(github: GitHubStandIn) -> None:
    run = _Run(github)
    github.fail_next(*CREATE, status=403, headers={"Retry-After": "2"}, body=SECONDARY)
    run.host.start(a_plan(), "a", Evidence())
    assert len(github.deployments) == 1

    github.fail_next(*CREATE, **_spent(1800))
    with pytest.raises(MachineryFailed) as caught:
        run.host.start(a_plan(), "b", Evidence())
    assert caught.value.reason is Reason.RATE_LIMITED
    assert caught.value.message.startswith("nothing was deployed: GitHub's rate limit is met until ")
    assert len(github.deployments) == 1


def test_a_limit_at_the_end_is_an_end_that_is_not_recorded(github: GitHubStandIn) -> None:
    run = _Run(github)
    made = run.host.start(a_plan(), "a", Evidence())
    github.fail_next("POST", "/statuses", **_spent(1800))
    with pytest.raises(MachineryFailed) as caught:
        run.host.finish(a_plan(), "a", made, Ending("success", "well"))
    assert caught.value.reason is Reason.END_NOT_RECORDED
    assert "is met until" in caught.value.message


def test_a_limit_is_not_mistaken_for_a_team_that_cannot_be_seen(github: GitHubStandIn) -> None:
    run = _Run(github)
    github.add_team("org/leads", ada="active")
    github.fail_next("GET", "/memberships/", **_spent(1800))
    with pytest.raises(MachineryFailed) as caught:
        GitHubForge(run.client).is_member("ada", "org/leads")
    assert caught.value.reason is Reason.RATE_LIMITED


@pytest.mark.parametrize(("asked", "slept"), [("3", [3.0]), ("31", [])])
def test_a_server_in_maintenance_is_asked_again_when_it_says_if_that_is_soon(
    github: GitHubStandIn, asked: str, slept: list[float]
) -> None:
    run = _Run(github)
    github.fail_next("GET", "", status=503, headers={"Retry-After": asked})
    if slept:
        run.ask()
    else:
        with pytest.raises(GitHubProblem) as caught:
            run.ask()
        assert caught.value.reason is Reason.GITHUB_FAILED
    assert run.clock.slept == slept
