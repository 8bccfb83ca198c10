"""Versions: what is one (R6, R7, R17) and which is greater (SemVer clause 11), held to the `semver` package."""

from __future__ import annotations

import itertools

import pytest
import semver
from hypothesis import given
from hypothesis import strategies as st

from model_stage_deploy.core.versions import Version
from tests.core.tag_texts import VERSIONS

# The examples of semver.org, clause 11, each smaller than the next.
IN_ORDER = [
    "v1.0.0-alpha",
    "v1.0.0-alpha.1",
    "v1.0.0-alpha.beta",
    "v1.0.0-beta",
    "v1.0.0-beta.2",
    "v1.0.0-beta.11",
    "v1.0.0-rc.1",
    "v1.0.0",
    "v2.0.0",
    "v2.1.0",
    "v2.1.1",
    "v2.1.10",
]


def test_order_of_semver_org() -> None:
    assert sorted(set(IN_ORDER), key=lambda text: Version.parse(text).precedence) == IN_ORDER
    keys = [Version.parse(text).precedence for text in IN_ORDER]
    assert all(smaller < greater for smaller, greater in itertools.pairwise(keys))


def test_numbers_come_before_words_and_digits_with_letters_are_words() -> None:
    order = ["v1.0.0-1", "v1.0.0-2", "v1.0.0-10", "v1.0.0--", "v1.0.0-10a", "v1.0.0-2a", "v1.0.0-A", "v1.0.0-a"]
    assert sorted(set(order), key=lambda text: Version.parse(text).precedence) == order


def test_build_metadata_does_not_count() -> None:
    assert Version.parse("v1.0.0+a").precedence == Version.parse("v1.0.0+b").precedence
    assert Version.parse("v1.0.0+a") != Version.parse("v1.0.0+b")


def test_parts() -> None:
    assert Version.parse("v1.2.3-rc.1-x+build.5-y") == Version(1, 2, 3, "rc.1-x", "build.5-y")
    assert Version.parse("v1.2.3+a-b") == Version(1, 2, 3, "", "a-b"), "a dash after the plus begins no prerelease"


@pytest.mark.parametrize(
    "text", ["", "v", "1.0.0", "V1.0.0", "v1.0", "v01.0.0", "v1.0.0-01", "v1.0.0\n", " v1.0.0", "v1.0.0-", "v1٣.0.0"]
)
def test_not_versions(text: str) -> None:
    with pytest.raises(ValueError, match=r"not a version like v1\.2\.3"):
        Version.parse(text)


@given(VERSIONS)
def test_round_trip_and_parts_as_semver_reads_them(text: str) -> None:
    own, theirs = Version.parse(text), semver.Version.parse(text[1:])
    assert str(own) == text
    assert (own.major, own.minor, own.patch) == (theirs.major, theirs.minor, theirs.patch)
    assert (own.prerelease or None, own.build or None) == (theirs.prerelease, theirs.build)


@given(st.lists(st.one_of(VERSIONS, VERSIONS.map(lambda text: "v1.0.0" + text[text.find("-") :])), max_size=8))
def test_precedence_is_that_of_semver(texts: list[str]) -> None:
    texts = [text for text in texts if semver.Version.is_valid(text[1:])]
    for left, right in itertools.product(texts, repeat=2):
        own = Version.parse(left).precedence, Version.parse(right).precedence
        compared = semver.Version.parse(left[1:]).compare(right[1:])
        assert (own[0] > own[1]) - (own[0] < own[1]) == compared


@given(st.one_of(st.text(), st.text("v0123456789.-+aZ٣", max_size=20)))
def test_any_text_is_read_as_semver_reads_it(text: str) -> None:
    valid = text.startswith("v") and text.isascii() and "\n" not in text and semver.Version.is_valid(text[1:])
    try:
        Version.parse(text)
    except ValueError:
        assert not valid
    else:
        assert valid
