"""The table of models: filter, order and page lose no model and show none twice."""

from __future__ import annotations

from typing import Literal

from hypothesis import example, given
from hypothesis import strategies as st

from model_stage_deploy.core.browsing import (
    Listed,
    Words,
    cell_of,
    choose,
    commit_shown,
    holding_tags,
    listed,
    row_of,
    stage_columns,
    stages_of,
    with_rows,
)
from model_stage_deploy.core.dashboard import SORTS, Cell, Query
from model_stage_deploy.core.lifecycle import unknown
from model_stage_deploy.core.registry import Registry
from model_stage_deploy.core.versions import precedence_of
from tests.core.tag_records import START, commit, registry

TYPES = {"churn": "model", "fraud/eu": "model", "prices": "dataset"}


def table() -> Registry:
    """churn is in prod, and no more in dev; fraud/eu is in prod; prices is deprecated; bare was never registered."""
    return registry(
        "churn@v1.9.0 A",
        "churn@v1.10.0 B",
        "churn#prod#1 A",
        "churn#dev#2 B",
        "churn#dev!#3 B",
        "fraud/eu@v2.0.0 C",
        "fraud/eu#prod#1 C",
        "prices@v0.1.0 D",
        "prices@deprecated D",
        "bare#prod#1 E",
    )


def names(query: Query, *, page_size: int = 50) -> tuple[str, ...]:
    return choose(listed(table()), query, lambda name: TYPES.get(name, ""), page_size=page_size).names


def test_deprecated_models_are_hidden_unless_they_are_asked_for() -> None:
    assert names(Query()) == ("bare", "churn", "fraud/eu")
    assert names(Query(deprecated=True)) == ("bare", "churn", "fraud/eu", "prices")


def test_text_is_looked_for_in_name_and_type_without_regard_to_case() -> None:
    assert names(Query(text="EU")) == ("fraud/eu",)
    assert names(Query(text=" Model ")) == ("churn", "fraud/eu")
    assert names(Query(text="<script>")) == ()


def test_a_stage_must_have_a_version() -> None:
    assert names(Query(stage="prod")) == ("bare", "churn", "fraud/eu")
    assert names(Query(stage="dev")) == ()


def test_a_type_is_meant_as_a_whole() -> None:
    assert names(Query(type="model")) == ("churn", "fraud/eu")
    assert names(Query(type="mod")) == ()


def test_latest_versions_are_ordered_as_versions() -> None:
    assert names(Query(sort="latest", deprecated=True)) == ("bare", "prices", "churn", "fraud/eu")
    assert names(Query(sort="latest", descending=True)) == ("fraud/eu", "churn", "bare")


def test_the_newest_event_counts_whatever_it_is() -> None:
    assert names(Query(sort="newest", descending=True)) == ("bare", "fraud/eu", "churn")


def test_a_page_that_is_not_there_is_the_nearest_one() -> None:
    for page, found in ((-3, 1), (0, 1), (1, 1), (2, 2), (99, 2)):
        chosen = choose(listed(table()), Query(page=page), lambda _: "", page_size=2)
        assert (chosen.query.page, chosen.pages, chosen.matching) == (found, 2, 3)
    assert choose((), Query(page=7), lambda _: "").query.page == 1


names_of_models = st.text(alphabet="abAB/-_ß😀", min_size=1, max_size=4)
entries = st.builds(
    lambda name, version, newest, deprecated, held: Listed(
        name, version, (precedence_of(version), version), newest, deprecated, frozenset(held)
    ),
    names_of_models,
    st.sampled_from(["v1.0.0", "v1.2.0", "v1.10.0", "v1.10.0-rc.1"]),
    st.integers(0, 3),
    st.booleans(),
    st.sets(st.sampled_from(["prod", "dev"])),
)
tables = st.lists(entries, unique_by=lambda entry: entry.name, max_size=25)
queries = st.builds(
    Query,
    text=st.sampled_from(["", "a", "B", "ß", "SS", "x"]),
    stage=st.sampled_from(["", "prod", "dev", "none"]),
    type=st.sampled_from(["", "model", "data"]),
    sort=st.sampled_from(SORTS),
    descending=st.booleans(),
    deprecated=st.booleans(),
    page=st.integers(-2, 30),
)


def type_of(name: str) -> str:
    return ("model", "data", "")[len(name) % 3]


@given(tables, queries, st.integers(1, 7))
@example([], Query(), 1)
def test_all_pages_together_have_each_model_that_fits_once(table: list[Listed], query: Query, page_size: int) -> None:
    first = choose(table, query._replace(page=1), type_of, page_size=page_size)
    pages = [
        choose(table, query._replace(page=page), type_of, page_size=page_size) for page in range(1, first.pages + 1)
    ]
    shown = [name for page in pages for name in page.names]

    fitting = {
        entry.name
        for entry in table
        if (query.deprecated or not entry.deprecated)
        and (not query.stage or query.stage in entry.held)
        and (not query.type or type_of(entry.name) == query.type)
        and any(query.text.casefold() in text.casefold() for text in (entry.name, type_of(entry.name)))
    }
    assert sorted(shown) == sorted(fitting)
    assert {page.matching for page in pages} == {len(fitting)}
    assert all(len(page.names) == page_size for page in pages[:-1])


@given(tables, st.sampled_from(SORTS), st.booleans())
def test_the_order_is_the_asked_one_and_does_not_depend_on_luck(
    table: list[Listed], sort: Literal["name", "newest", "latest"], descending: bool
) -> None:
    query = Query(sort=sort, descending=descending, deprecated=True)
    chosen = choose(table, query, type_of).names
    assert chosen == choose(list(reversed(table)), query, type_of).names
    by_name = {entry.name: entry for entry in table}
    keys = {"name": lambda one: one.name, "newest": lambda one: one.newest, "latest": lambda one: one.rank}
    found = [keys[sort](by_name[name]) for name in chosen]
    assert found == sorted(found, reverse=descending)


def test_columns_are_the_mappings_stages_then_the_others() -> None:
    assert stage_columns(table(), ["staging", "prod"]) == ("staging", "prod", "dev")
    assert stages_of(table().model("churn"), ["staging", "prod"]) == ("staging", "prod", "dev")


def test_a_row_says_what_each_stage_has_and_who_said_so() -> None:
    models = table()
    churn = models.model("churn")
    entry = {one.name: one for one in listed(models)}["churn"]
    row = row_of(churn, entry, "model", {"churn#prod#1": Words("Eve", "it is better")})
    assert (row.name, row.type, row.latest, row.versions, row.deprecated) == ("churn", "model", "v1.10.0", 2, False)
    assert row.newest == START + 300
    assert row.stages["prod"] == Cell(
        "prod",
        version="v1.9.0",
        commit=commit("A"),
        tag="churn#prod#1",
        since=START + 180,
        who="Eve",
        message="it is better",
    )
    assert row.stages["dev"] == Cell("dev"), "it was taken out again"


def test_words_that_came_with_the_tags_are_taken_from_there() -> None:
    bare = table().model("bare")
    assert holding_tags([bare]) == {"bare#prod#1": Words("Ada Model", "bare#prod#1")}
    cell = cell_of(bare, "prod", {})
    assert (cell.version, cell.registered, cell.who) == (commit("E"), False, "Ada Model")


def test_a_bare_commit_is_no_latest_version() -> None:
    [entry] = listed(registry("m#prod#1 A"))
    assert (entry.latest, sorted(entry.held)) == ("", ["prod"])


def test_ambiguous_tags_have_no_stages_and_hide_nothing_else() -> None:
    models = registry("m@v1.0.0 A", "m@v2.0.0 A", "m#prod#1 A", "n@v1.0.0 B", "n#prod#1 B")
    entries = {one.name: one for one in listed(models)}
    row = row_of(models.model("m"), entries["m"], "", {})
    assert (row.ambiguous, row.stages, row.latest) == (True, {}, "v2.0.0")
    assert entries["n"].held == {"prod"}
    assert holding_tags(models).keys() == {"n#prod#1"}


def test_a_stage_that_only_deployments_know_of_has_a_cell() -> None:
    models = registry("m@v1.0.0 A")
    model, (entry,) = models.model("m"), listed(models)
    told = unknown(model, "prod")
    assert with_rows(row_of(model, entry, "", {}), model, [told], {}).stages == {"prod": Cell("prod", row=told)}


def test_files_are_looked_for_at_the_latest_version() -> None:
    models = table()
    assert commit_shown(models.model("churn")) == commit("B")
    assert commit_shown(models.model("bare")) == commit("E")
