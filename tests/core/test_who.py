"""Who is meant, and whether somebody is."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from model_stage_deploy.core.who import (
    PERMISSIONS,
    BadWho,
    Kind,
    Person,
    Who,
    at_least,
    listed,
    means,
    read_who,
    told,
)


@pytest.mark.parametrize(
    ("text", "who"),
    [
        ("alice", Who(Kind.LOGIN, "alice")),
        ("Octo-Cat_corp", Who(Kind.LOGIN, "Octo-Cat_corp")),
        ("github-actions[bot]", Who(Kind.LOGIN, "github-actions[bot]")),
        ("@org/ml-leads", Who(Kind.TEAM, "org/ml-leads")),
        ("permission:maintain", Who(Kind.PERMISSION, "maintain")),
        ("ada@example.com", Who(Kind.MAIL, "ada@example.com")),
    ],
)
def test_what_a_text_means(text: str, who: Who) -> None:
    assert read_who(text) == who


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("permission:owner", "no such permission: one of read"),
        ("permission:none", "no such permission"),
        ("permission:", "no such permission"),
        ("@org", "@org/team"),
        ("@org/a/b", "@org/team"),
        ("@/team", "@org/team"),
        ("@org/../x", "@org/team"),
        ("", "names nobody"),
        ("alice bob", "names nobody"),
        ("al\nice", "names nobody"),
        ("*", "names nobody"),
        ("ada@", "no e-mail address"),
        ("a@b@c", "no e-mail address"),
        ("<ada@example.com>", "no e-mail address"),
    ],
)
def test_what_names_nobody(text: str, why: str) -> None:
    with pytest.raises(BadWho, match=why):
        read_who(text)


@given(st.text())
def test_any_text_is_read_or_refused_in_one_line(text: str) -> None:
    try:
        assert read_who(text).name
    except BadWho as problem:
        assert str(problem).isprintable()


def test_logins_and_addresses_are_compared_without_case() -> None:
    assert listed(["bob", "Alice"], Person("aLICE")) == "Alice"
    assert listed(["Ada@Example.com"], Person("ada@example.COM")) == "Ada@Example.com"
    assert listed(["ada@example.com"], Person("Ada Model <ada@example.com>")) == "ada@example.com"
    assert listed(["ada@example.com"], Person("ada@example.com <eve@example.com>")) == ""
    assert listed(["alice"], Person("alice2")) == ""


def test_teams_and_permissions_need_to_be_known() -> None:
    assert listed(["@org/a", "permission:write"], Person("alice")) == ""
    assert listed(["@org/a"], Person("alice", teams={"org/a": True})) == "@org/a"
    assert listed(["@org/a"], Person("alice", teams={"org/a": False, "org/b": True})) == ""


@given(st.sampled_from(PERMISSIONS[1:]), st.sampled_from(PERMISSIONS))
def test_a_permission_holds_those_before_it(least: str, held: str) -> None:
    person = Person("alice", permission=held)
    assert means(Who(Kind.PERMISSION, least), person) is (PERMISSIONS.index(held) >= PERMISSIONS.index(least))


def test_a_permission_that_nobody_knows_holds_none() -> None:
    assert not at_least("owner", "read") and not at_least("admin", "owner") and not at_least("", "read")


@given(st.lists(st.sampled_from(["alice", "@org/a", "permission:read", "ada@example.com"])))
def test_somebody_unknown_is_never_meant(rules: list[str]) -> None:
    assert listed(rules, Person("", permission="admin", teams={"org/a": True})) == ""


def test_people_as_a_sentence_names_them() -> None:
    assert told(["alice"]) == "alice"
    assert told(["alice", "@org/a", "permission:admin"]) == "alice, @org/a or permission:admin"
