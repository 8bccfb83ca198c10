"""The mirror against the stand-in and, in the long suite, against a real server."""

from __future__ import annotations

from typing import Any

import pytest

from model_stage_deploy.adapters.web_requests import RequestsWeb
from model_stage_deploy.core.policy_mirrors import Mirror as Settings
from model_stage_deploy.mirrors.contract import Errand, Followed, Happened, MirrorProblem
from model_stage_deploy.mirrors.mlflow import MlflowMirror
from model_stage_deploy.mirrors.mlflow_api import ANSWER_BYTES
from model_stage_deploy.ports import WebRequest, WebResponse
from tests.fakes.web import FakeWeb
from tests.mirrors.places import Place
from tests.standins.mlflow import Fault, MlflowStandIn


class Spy:
    """Fulfils ports.Web: sends for real, and remembers what changes something."""

    def __init__(self) -> None:
        self._web = RequestsWeb(ANSWER_BYTES)
        self.changes: list[str] = []

    def send(self, request: WebRequest) -> WebResponse:
        if request.method != "GET":
            self.changes.append(f"{request.method} {request.url.partition('/2.0/mlflow/')[2]}")
        return self._web.send(request)


def follow(place: Place, ours: str, action: Any = "live", web: Any = None, **settings: Any) -> Followed:
    """Tell the server of a version; the settings are rendered ones."""
    given = {"uses": "mlflow", "tracking_uri": place.url, "model": place.model, "alias": "prod", **settings}
    kept = {name.replace("_", "-"): value for name, value in given.items() if value is not None}
    errand = Errand(Happened(action, place.model, ours, "prod"), lambda _name: "", lambda _secret: None)
    return MlflowMirror(web or RequestsWeb(ANSWER_BYTES)).follow(errand, Settings.model_validate(kept))


def test_the_alias_follows(place: Place) -> None:
    place.make("v0.1.0", "v0.2.0")
    first = follow(place, "v0.1.0")
    assert first.changed
    assert first.lines == ("pointed the alias prod at version 1",)
    assert place.alias("prod") == "1"
    assert follow(place, "v0.2.0").lines == ("pointed the alias prod at version 2, which was at 1",)
    assert place.alias("prod") == "2"
    assert first.facts["version"] == "1"


def test_once_more_changes_nothing(place: Place) -> None:
    place.make("v0.1.0")
    settings = {"stage": "Production", "archive_existing_versions": True, "tags": {"deployed": "yes"}}
    follow(place, "v0.1.0", **settings)
    spy = Spy()
    again = follow(place, "v0.1.0", web=spy, **settings)
    assert not again.changed
    assert spy.changes == []


def test_stage_and_archive(place: Place) -> None:
    place.make("v0.1.0", "v0.2.0", "v0.3.0")
    settings: dict[str, Any] = {"alias": None, "stage": "Production", "archive_existing_versions": True}
    follow(place, "v0.1.0", **settings)
    told = follow(place, "v0.2.0", **settings)
    assert told.lines == ("moved version 2 from None to Production, archived 1",)
    assert (place.stage("1"), place.stage("2"), place.stage("3")) == ("Archived", "Production", "None")
    assert place.alias("prod") == ""


def test_others_are_archived_even_where_the_stage_is_right(place: Place) -> None:
    place.make("v0.1.0", "v0.2.0")
    for version in ("v0.1.0", "v0.2.0"):
        follow(place, version, alias=None, stage="Production")
    assert (place.stage("1"), place.stage("2")) == ("Production", "Production")
    told = follow(place, "v0.2.0", alias=None, stage="Production", archive_existing_versions=True)
    assert told.changed
    assert (place.stage("1"), place.stage("2")) == ("Archived", "Production")


def test_tags_are_set_where_they_differ(place: Place) -> None:
    place.make("v0.1.0")
    assert follow(place, "v0.1.0", tags={"by": "churn#prod#1"}).lines[1:] == ("set the tag by of version 1",)
    follow(place, "v0.1.0", tags={"by": "churn#prod#2"})
    assert place.tags("1") == {"gto_version": "v0.1.0", "by": "churn#prod#2"}


def test_a_number_that_is_another_version_of_ours_is_not_told(place: Place) -> None:
    """A template that gives the same number for every version would make MLflow say that an old one is live."""
    place.make("v0.1.0", "")
    with pytest.raises(MirrorProblem, match=r"version 1 of .* is v0.1.0 by its tag gto_version, not v0.2.0"):
        follow(place, "v0.2.0", version="1")
    assert place.alias("prod") == ""
    assert follow(place, "v0.1.0", version="1").changed
    with pytest.raises(MirrorProblem, match=r"not v0\.2\.0"):
        follow(place, "v0.2.0", "taken-out", version="1")
    assert place.alias("prod") == "1"


def test_a_version_by_its_number(place: Place) -> None:
    place.make("", "")
    follow(place, "v0.1.0", version="2")
    assert place.alias("prod") == "2"
    with pytest.raises(MirrorProblem, match="with number 7"):
        follow(place, "v0.1.0", version="7")


def test_a_tag_of_another_name(place: Place) -> None:
    place.make("v0.1.0", tag="git version")
    follow(place, "v0.1.0", version_tag="git version")
    assert place.alias("prod") == "1"


def test_no_version_says_how_to_tag_one(place: Place) -> None:
    place.make("v0.1.0")
    with pytest.raises(MirrorProblem, match="with the tag gto_version=v9") as caught:
        follow(place, "v9.0.0")
    assert f'set_model_version_tag("{place.model}", "NUMBER", "gto_version", "v9.0.0")' in caught.value.hint
    assert not caught.value.retryable


def test_no_model_is_no_version(place: Place) -> None:
    with pytest.raises(MirrorProblem, match="does not have a version"):
        follow(place, "v0.1.0")


def test_several_versions_are_refused(place: Place) -> None:
    place.make("v0.1.0", "v0.2.0", "v0.1.0")
    for action in ("live", "taken-out"):
        with pytest.raises(MirrorProblem, match="3, 1; which is meant cannot be known"):
            follow(place, "v0.1.0", action)
    assert place.alias("prod") == ""


def test_taken_out(place: Place) -> None:
    place.make("v0.1.0")
    settings = {"stage": "Production"}
    follow(place, "v0.1.0", **settings)
    told = follow(place, "v0.1.0", "taken-out", **settings)
    assert told.lines == ("took the alias prod away from version 1", "moved version 1 from Production to Archived")
    assert (place.alias("prod"), place.stage("1")) == ("", "Archived")
    spy = Spy()
    again = follow(place, "v0.1.0", "taken-out", web=spy, **settings)
    assert not again.changed
    assert spy.changes == []


def test_taken_out_to_none(place: Place) -> None:
    place.make("v0.1.0")
    follow(place, "v0.1.0", alias=None, stage="Staging")
    follow(place, "v0.1.0", "taken-out", alias=None, stage="Staging", taken_out="None")
    assert place.stage("1") == "None"


def test_what_points_elsewhere_by_now_is_left_alone(place: Place) -> None:
    place.make("v0.1.0", "v0.2.0")
    follow(place, "v0.2.0")
    told = follow(place, "v0.1.0", "taken-out", stage="Production")
    assert not told.changed
    assert told.lines == (
        "the alias prod points to version 2, not to 1: left alone",
        "version 1 is in None, not in Production: left alone",
    )
    assert place.alias("prod") == "2"


def test_nothing_to_take_out(place: Place) -> None:
    assert "nothing to take out" in follow(place, "v0.1.0", "taken-out").lines[0]
    place.make("v0.2.0")
    told = follow(place, "v0.1.0", "taken-out")
    assert not told.changed
    assert "nothing to take out" in told.lines[0]


def test_what_may_not_be_seen_is_not_taken_for_nothing(standin: MlflowStandIn) -> None:
    """A search leaves out what the user may not see: an empty list and no error."""
    place = Place(standin.url, "fraud").make("v0.1.0")
    standin.state.faults.append(Fault(200, "{}", "model-versions/search"))
    standin.state.faults.append(Fault(403, "Permission denied", "registered-models/alias"))
    with pytest.raises(MirrorProblem, match="Permission denied"):
        follow(place, "v0.1.0", "taken-out")


def test_a_failure_that_may_pass_says_so(standin: MlflowStandIn) -> None:
    place = Place(standin.url, "fraud").make("v0.1.0")
    standin.state.faults.append(Fault(503, "busy", headers={"Retry-After": "3"}))
    with pytest.raises(MirrorProblem) as caught:
        follow(place, "v0.1.0")
    assert caught.value.retryable
    assert caught.value.after == 3.0
    standin.state.faults.append(Fault(500, '{"error_code": "INTERNAL_ERROR", "message": "no"}'))
    with pytest.raises(MirrorProblem) as caught:
        follow(place, "v0.1.0")
    assert not caught.value.retryable


def test_without_an_address_nothing_is_asked() -> None:
    web = FakeWeb()
    with pytest.raises(MirrorProblem, match="MLFLOW_TRACKING_URI is not set") as caught:
        follow(Place("", "fraud"), "v0.1.0", web=web, tracking_uri=None)
    assert "tracking-uri" in caught.value.hint
    assert web.requests == []


def test_credentials_go_where_they_belong_and_are_masked(standin: MlflowStandIn) -> None:
    place = Place(standin.url, "fraud").make("v0.1.0")
    standin.state.users["admin"] = "hunter2 of mine"
    variables = {"MLFLOW_TRACKING_USERNAME": "admin", "MLFLOW_TRACKING_PASSWORD": "hunter2 of mine"}
    masked: list[str] = []
    errand = Errand(Happened("live", "fraud", "v0.1.0", "prod"), lambda name: variables.get(name, ""), masked.append)
    settings = Settings.model_validate(
        {"uses": "mlflow", "tracking-uri": place.url, "model": "fraud", "alias": "champion"}
    )
    MlflowMirror(RequestsWeb(ANSWER_BYTES)).follow(errand, settings)
    assert "hunter2 of mine" in masked
    standin.state.users["admin"] = "another"
    with pytest.raises(MirrorProblem, match="401") as caught:
        MlflowMirror(RequestsWeb(ANSWER_BYTES)).follow(errand, settings)
    assert "hunter2" not in str(caught.value) + caught.value.hint


def test_credentials_in_the_clear_are_told() -> None:
    web = FakeWeb(WebResponse(200, {}, b"{}"))
    errand = Errand(Happened("taken-out", "fraud", "v0.1.0", "prod"), lambda name: "x" * name.endswith("TOKEN"), print)
    settings = Settings.model_validate(
        {"uses": "mlflow", "tracking-uri": "http://mlflow.example.com", "model": "fraud", "stage": "Production"}
    )
    web.answers.append(
        WebResponse(404, {}, b'{"error_code": "RESOURCE_DOES_NOT_EXIST", "message": "Registered Model not found"}')
    )
    told = MlflowMirror(web).follow(errand, settings)
    assert told.lines[0] == (
        "warning: credentials go to mlflow.example.com over http, so anybody on the way can read them"
    )


def test_describing_asks_nobody() -> None:
    class Untouchable:
        def send(self, request: WebRequest) -> WebResponse:
            raise AssertionError(request)

    settings = Settings.model_validate(
        {
            "uses": "mlflow",
            "tracking-uri": "https://mlflow.example.com",
            "model": "fraud",
            "alias": "prod",
            "stage": "Production",
            "archive-existing-versions": True,
            "tags": {"a": "b\n\x1b[2J"},
        }
    )
    lines = MlflowMirror(Untouchable()).describe(Happened("live", "fraud", "v0.1.0", "prod"), settings)
    assert lines == [
        "in MLflow at https://mlflow.example.com, find the version of 'fraud' with the tag gto_version=v0.1.0",
        "point the alias prod at it",
        "move it to MLflow's stage Production, and archive what else is there",
        "set its tag a=b\\n\\e[2J",
    ]
    gone = MlflowMirror(Untouchable()).describe(Happened("taken-out", "fraud", "v0.1.0", "prod"), settings)
    assert gone[1:] == [
        "take the alias prod away, if it points to it",
        "move it to MLflow's stage Archived, if it is in Production",
    ]
