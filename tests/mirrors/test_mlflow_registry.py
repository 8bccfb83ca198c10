"""The client against the stand-in and, in the long suite, against a real server: the same answers from both.

A test named `trap_…` shows one of the ways in which MLflow's API surprises, and that it is dealt with.
"""

from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise

import pytest

from model_stage_deploy.mirrors.mlflow_api import PAGE, Mlflow, MlflowProblem
from tests.mirrors.places import Place

Client = Callable[[str], Mlflow]


def test_a_version_is_found_by_its_tag(place: Place, mlflow: Client) -> None:
    place.make("v0.1.0", "v0.2.0")
    found = mlflow(place.url).versions(place.model, {"gto_version": "v0.2.0"})
    assert [(one.model, one.version, one.tags) for one in found] == [(place.model, "2", {"gto_version": "v0.2.0"})]
    assert found[0].stage == "None"
    assert found[0].status == "READY"
    assert found[0].created > 1_000_000_000


def test_versions_come_newest_first(place: Place, mlflow: Client) -> None:
    place.make("a", "b", "c")
    mlflow(place.url).set_version_tag(place.model, "1", "k", "v")  # the server's own order is by the last change
    assert [one.version for one in mlflow(place.url).versions(place.model)] == ["3", "2", "1"]


def test_no_version_no_model(place: Place, mlflow: Client) -> None:
    client = mlflow(place.url)
    assert client.versions(place.model) == []
    assert client.version(place.model, "1") is None
    place.make("v0.1.0")
    assert client.versions(place.model, {"gto_version": "v9.9.9"}) == []
    assert client.version(place.model, "9") is None
    found = client.version(place.model, "1")
    assert found is not None
    assert found.tags == {"gto_version": "v0.1.0"}


@pytest.mark.parametrize("text", ["it's", 'say "so"', "a;b -- c", "ünï", "100%", "under_score", "V0.1.0"])
def test_a_tag_is_compared_as_it_is(place: Place, mlflow: Client, text: str) -> None:
    place.make(text, "v0.1.0")
    assert [one.version for one in mlflow(place.url).versions(place.model, {"gto_version": text})] == ["1"]


@pytest.mark.parametrize("key", ["odd key", "dotted.key", "k-1", "select"])
def test_a_tag_may_have_any_key(place: Place, mlflow: Client, key: str) -> None:
    place.make("v0.1.0", tag=key)
    assert [one.version for one in mlflow(place.url).versions(place.model, {key: "v0.1.0"})] == ["1"]


def test_a_long_list_is_read_page_after_page(place: Place, mlflow: Client) -> None:
    place.make(*(f"v0.{number}.0" for number in range(PAGE + 5)))
    found = [int(one.version) for one in mlflow(place.url).versions(place.model)]
    assert len(found) == PAGE + 5
    assert all(one > other for one, other in pairwise(found))


def test_an_alias_is_set_moved_and_taken_away(place: Place, mlflow: Client) -> None:
    place.make("v0.1.0", "v0.2.0")
    client = mlflow(place.url)
    client.set_alias(place.model, "prod", "1")
    client.set_alias(place.model, "prod", "2")
    client.set_alias(place.model, "prod", "2")
    found = client.alias(place.model, "prod")
    assert found is not None
    assert (found.version, found.aliases) == ("2", ("prod",))
    client.delete_alias(place.model, "prod")
    client.delete_alias(place.model, "prod")
    assert place.alias("prod") == ""


def test_trap_an_absent_alias_is_answered_with_400(place: Place, mlflow: Client) -> None:
    place.make("v0.1.0")
    status, told = place.call("GET", "registered-models/alias", {"name": place.model, "alias": "prod"})
    assert status == 400
    assert isinstance(told, dict)
    assert told["error_code"] == "INVALID_PARAMETER_VALUE"
    assert mlflow(place.url).alias(place.model, "prod") is None


def test_trap_an_alias_of_no_model_is_another_error(place: Place, mlflow: Client) -> None:
    with pytest.raises(MlflowProblem, match="RESOURCE_DOES_NOT_EXIST") as caught:
        mlflow(place.url).alias(place.model, "prod")
    assert (caught.value.status, caught.value.code) == (404, "RESOURCE_DOES_NOT_EXIST")
    assert not caught.value.retryable


def test_trap_a_search_tells_of_no_aliases(place: Place, mlflow: Client) -> None:
    place.make("v0.1.0")
    client = mlflow(place.url)
    client.set_alias(place.model, "prod", "1")
    assert client.versions(place.model)[0].aliases == ()
    assert [model.aliases for model in client.models(place.model)] == [{"prod": "1"}]


def test_trap_a_version_is_a_text(place: Place, mlflow: Client) -> None:
    place.make("v0.1.0")
    status, _ = place.call(
        "POST", "model-versions/transition-stage", {"name": place.model, "version": 1, "stage": "Staging"}
    )
    assert status == 400
    mlflow(place.url).transition(place.model, 1, "Staging")  # type: ignore[arg-type]
    assert place.stage("1") == "Staging"


def test_trap_archive_existing_versions_is_a_boolean(place: Place, mlflow: Client) -> None:
    place.make("v0.1.0", "v0.2.0")
    asked = {"name": place.model, "version": "1", "stage": "Production", "archive_existing_versions": "true"}
    assert place.call("POST", "model-versions/transition-stage", asked)[0] == 400
    client = mlflow(place.url)
    client.transition(place.model, "1", "Production", archive_existing=True)
    client.transition(place.model, "2", "Production")
    assert (place.stage("1"), place.stage("2")) == ("Production", "Production")
    moved = client.transition(place.model, "2", "Production", archive_existing=True)
    assert (place.stage("1"), moved.stage) == ("Archived", "Production")


@pytest.mark.parametrize("stage", ["Archived", "None"])
def test_trap_archiving_beside_no_active_stage_is_a_500(place: Place, mlflow: Client, stage: str) -> None:
    place.make("v0.1.0")
    asked = {"name": place.model, "version": "1", "stage": stage, "archive_existing_versions": True}
    assert place.call("POST", "model-versions/transition-stage", asked)[0] == 500
    with pytest.raises(MlflowProblem, match="cannot archive") as caught:
        mlflow(place.url).transition(place.model, "1", stage, archive_existing=True)
    assert not caught.value.retryable


@pytest.mark.parametrize("stage", ["prod", "production", "Live", ""])
def test_trap_stages_are_fixed(place: Place, mlflow: Client, stage: str) -> None:
    place.make("v0.1.0")
    with pytest.raises(MlflowProblem, match="no stage of MLflow"):
        mlflow(place.url).transition(place.model, "1", stage)
    assert place.stage("1") == "None"


@pytest.mark.parametrize("alias", ["latest", "LATEST", "v1", "V12"])
def test_trap_some_aliases_are_reserved(place: Place, mlflow: Client, alias: str) -> None:
    place.make("v0.1.0")
    asked = {"name": place.model, "alias": alias, "version": "1"}
    assert place.call("POST", "registered-models/alias", asked)[0] == 400
    with pytest.raises(MlflowProblem, match="reserved"):
        mlflow(place.url).set_alias(place.model, alias, "1")


@pytest.mark.parametrize("alias", ["v1.0.0", "eu/prod", "a b", "", "x" * 256])
def test_trap_aliases_have_few_characters(place: Place, mlflow: Client, alias: str) -> None:
    place.make("v0.1.0")
    asked = {"name": place.model, "alias": alias, "version": "1"}
    assert place.call("POST", "registered-models/alias", asked)[0] == 400
    with pytest.raises(MlflowProblem, match="cannot be an alias"):
        mlflow(place.url).alias(place.model, alias)


@pytest.mark.parametrize("alias", ["prod", "v1a", "x" * 255, "é", "a-b_c", "1"])
def test_aliases_that_mlflow_takes(place: Place, mlflow: Client, alias: str) -> None:
    place.make("v0.1.0")
    mlflow(place.url).set_alias(place.model, alias, "1")
    found = mlflow(place.url).alias(place.model, alias)
    assert found is not None


@pytest.mark.parametrize("name", ["fraud/eu", "dir:fraud", "", "  "])
def test_trap_model_names_have_no_slash(place: Place, mlflow: Client, name: str) -> None:
    assert place.call("POST", "registered-models/create", {"name": name})[0] == 400
    with pytest.raises(MlflowProblem, match="cannot be the name"):
        mlflow(place.url).versions(name)


def test_trap_a_version_that_is_not_there_is_a_404(place: Place, mlflow: Client) -> None:
    place.make("v0.1.0")
    client = mlflow(place.url)
    for act in (
        lambda: client.set_alias(place.model, "prod", "9"),
        lambda: client.transition(place.model, "9", "Production"),
        lambda: client.set_version_tag(place.model, "9", "k", "v"),
        lambda: client.delete_version_tag(place.model, "9", "k"),
    ):
        with pytest.raises(MlflowProblem) as caught:
            act()
        assert (caught.value.status, caught.value.code) == (404, "RESOURCE_DOES_NOT_EXIST")


def test_tags_are_set_and_taken_away(place: Place, mlflow: Client) -> None:
    place.make("v0.1.0")
    client = mlflow(place.url)
    client.set_version_tag(place.model, "1", "k", "")
    client.set_version_tag(place.model, "1", "k2", "ü")
    assert place.tags("1") == {"gto_version": "v0.1.0", "k": "", "k2": "ü"}
    client.delete_version_tag(place.model, "1", "k")
    client.delete_version_tag(place.model, "1", "k")
    assert place.tags("1") == {"gto_version": "v0.1.0", "k2": "ü"}


def test_models_are_listed(place: Place, mlflow: Client) -> None:
    place.make("v0.1.0")
    found = list(mlflow(place.url).models(place.model))
    assert [(model.name, model.aliases) for model in found] == [(place.model, {})]
    assert place.model in [model.name for model in mlflow(place.url).models()]
    assert list(mlflow(place.url).models(f"{place.model}-not")) == []


def test_trap_a_run_that_is_gone(place: Place, mlflow: Client) -> None:
    assert mlflow(place.url).run_tags("0123456789abcdef0123456789abcdef") is None


def test_trap_a_page_where_no_mlflow_is(place: Place, mlflow: Client) -> None:
    with pytest.raises(MlflowProblem, match="404") as caught:
        mlflow(f"{place.url}/elsewhere").versions(place.model)
    assert "<html" not in str(caught.value)
    assert "tracking URI" in caught.value.hint
    assert not caught.value.retryable
