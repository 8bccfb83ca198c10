"""GitHub's filter patterns: its own documented examples, negation in order, and a second opinion by `re`."""

from __future__ import annotations

import re
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from model_stage_deploy.core.workflow_filters import Pattern, PatternUnclear, TagFilter

# "Patterns to match branches and tags" and, for the same grammar, "Patterns to match file paths".
DOCUMENTED = [
    ("feature/*", ["feature/my-branch", "feature/your-branch"], ["feature/a/b", "feature"]),
    ("feature/**", ["feature/beta-a/my-branch", "feature/your-branch", "feature/mona/the/octocat"], ["features/a"]),
    ("main", ["main"], ["mains", "amain"]),
    ("releases/mona-the-octocat", ["releases/mona-the-octocat"], []),
    ("*", ["main", "releases"], ["a/b", "all/the/branches"]),
    ("**", ["all/the/branches", "every/tag", ""], []),
    ("*feature", ["mona-feature", "feature", "ver-10-feature"], ["a/feature", "features"]),
    ("v2*", ["v2", "v2.0", "v2.9"], ["v1", "v2/a"]),
    ("v[12].[0-9]+.[0-9]+", ["v1.10.1", "v2.0.0"], ["v3.0.0", "v1.0", "v1.a.0"]),
    ("*.jsx?", ["page.js", "page.jsx"], ["page.jsxx", "a/page.js"]),
    ("*.js", ["app.js", "index.js"], ["js/app.js"]),
    ("**.js", ["index.js", "js/index.js", "src/js/app.js"], ["a.jsx"]),
    ("docs/*", ["docs/README.md", "docs/file.txt"], ["docs/a/b"]),
    ("docs/**", ["docs/README.md", "docs/mona/octocat.txt"], ["adocs/a"]),
    ("docs/**/*.md", ["docs/README.md", "docs/mona/hello-world.md", "docs/a/markdown/file.md"], ["docs.md"]),
    ("**/docs/**", ["docs/hello.md", "dir/docs/my-file.txt", "space/docs/plan/space.doc"], ["mydocs/a"]),
    ("**/README.md", ["README.md", "js/README.md"], ["MYREADME.md"]),
    ("**/*src/**", ["a/src/app.js", "my-src/code/js/app.js"], ["srcs/a"]),
    ("**/*-post.md", ["my-post.md", "path/their-post.md"], ["post.md"]),
    ("**/migrate-*.sql", ["migrate-10909.sql", "db/migrate-v1.0.sql", "db/sept/migrate-v1.sql"], ["xmigrate-1.sql"]),
    ("Octo*", ["Octocat"], ["octocat"]),
    ("[CB]at", ["Cat", "Bat"], ["Rat"]),
    ("[1-2]00", ["100", "200"], ["300"]),
]
STAGE_TAGS = [
    ("*", ["churn#prod#4"], ["a/b=churn#prod#4", "fraud/eu#prod", "churn#eu/prod"]),
    ("**", ["churn#prod#4", "a/b=churn#prod#4"], []),
    ("**#**", ["churn#prod#4", "a/b=churn#prod", "churn#eu/prod#1", "churn#prod!#5"], ["churn@v1.0.0", "v1.0.0"]),
    ("**#prod*", ["churn#prod#4", "a/b=churn#prod"], ["churn#dev#1", "churn#prod/eu"]),
    ("*#prod#[0-9]+", ["churn#prod#12"], ["churn#prod", "churn#prod#"]),
    ("m\\+1#prod", ["m+1#prod"], ["mm1#prod"]),
    ("churn#prod\\!", ["churn#prod!"], ["churn#prod"]),
    ("churn#prod!", ["churn#prod!"], ["churn#prod"]),
]


@pytest.mark.parametrize(("pattern", "fit", "differ"), DOCUMENTED + STAGE_TAGS, ids=lambda value: str(value)[:30])
def test_documented_examples(pattern: str, fit: list[str], differ: list[str]) -> None:
    assert [name for name in fit if not Pattern(pattern).matches(name)] == []
    assert [name for name in differ if Pattern(pattern).matches(name)] == []


@pytest.mark.parametrize(
    ("patterns", "started", "not_started"),
    [
        (["*.md", "!README.md"], ["hello.md"], ["README.md", "docs/hello.md"]),
        (["*.md", "!README.md", "README*"], ["hello.md", "README.md", "README.doc"], []),
        (["**#**", "!**#dev**"], ["churn#prod#1"], ["churn#dev#2"]),
        (["!**#dev**", "**#**"], ["churn#prod#1", "churn#dev#2"], []),
        (["!**#dev**"], [], ["churn#prod#1", "churn#dev#2"]),
        ([], [], ["churn#prod#1"]),
        (["v1", "**#**"], ["churn#prod#1"], ["churn@v1.0.0"]),
    ],
)
def test_negation_counts_in_order(patterns: list[str], started: list[str], not_started: list[str]) -> None:
    chosen = TagFilter(tuple(patterns))
    assert [name for name in started if not chosen.starts(name)] == []
    assert [name for name in not_started if chosen.starts(name)] == []


def test_no_filter_and_filters_that_ignore() -> None:
    assert TagFilter(None).starts("churn#prod#1")
    ignoring = TagFilter(("v*", "*@*"), ignore=True)
    assert ignoring.starts("churn#prod#1")
    assert ignoring.starts("a/b=churn@v1.0.0")
    assert not ignoring.starts("churn@v1.0.0")


@pytest.mark.parametrize(
    "pattern", ["+a", "?", "*+", "**?", "a++", "a[", "[]", "[._]", "[^a]", "[z-a]", "[a-]", "a\\", "***"]
)
def test_what_the_documentation_leaves_open_is_not_guessed(pattern: str) -> None:
    with pytest.raises(PatternUnclear):
        Pattern(pattern)
    assert len(TagFilter((pattern, f"!{pattern}")).unclear()) == 2


LETTERS = "ab1/#.+"
literal = st.sampled_from("ab1/#.")
atoms = st.one_of(
    literal.map(lambda c: (c, re.escape(c))),
    literal.map(lambda c: (f"{c}?", f"(?:{re.escape(c)})?")),
    literal.map(lambda c: (f"{c}+", f"(?:{re.escape(c)})+")),
    st.sampled_from("*?+[]!\\").map(lambda c: (f"\\{c}", re.escape(c))),
    st.sampled_from([("[a1]", "[a1]"), ("[a-b]+", "[ab]+"), ("[0-9]?", "[0-9]?")]),
    st.sampled_from([("*", "[^/]*"), ("**", ".*")]),
)


def _apart(parts: list[tuple[str, str]]) -> list[tuple[str, str]]:
    """The parts with an `x` where two would make a third thing: `*` and `**`, or `**/`, that stands for nothing too."""
    found: list[tuple[str, str]] = []
    for part in parts:
        if found and found[-1][0].startswith("*") and (part[0][0] in "*/"):
            found.append(("x", "x"))
        found.append(part)
    return found


@given(st.lists(atoms, max_size=8).map(_apart), st.text("ab1/#.+x", max_size=10))
def test_patterns_mean_what_their_regular_expressions_do(parts: list[tuple[str, str]], name: str) -> None:
    pattern, expression = ("".join(side) for side in (zip(*parts, strict=True) if parts else ("", "")))
    assert Pattern(pattern).matches(name) == (re.fullmatch(expression, name, re.DOTALL) is not None)


@given(st.text("ab/*?+[]-!\\0", max_size=20), st.text("ab/0", max_size=20))
def test_any_text_is_a_pattern_or_unclear(pattern: str, name: str) -> None:
    try:
        assert isinstance(TagFilter((pattern,)).starts(name), bool)
    except PatternUnclear as problem:
        assert problem.why
        assert TagFilter((pattern,)).unclear()


@given(st.text(max_size=20))
def test_an_escaped_text_fits_itself(name: str) -> None:
    escaped = "".join(f"\\{character}" for character in name)
    assert Pattern(escaped).matches(name)
    assert Pattern("**").matches(name)
    assert Pattern("*").matches(name) == ("/" not in name)


def test_a_hostile_pattern_takes_no_long_time() -> None:
    began = time.process_time()
    assert not Pattern("**a" * 100).matches("a" * 99 + "b" * 900)
    assert time.process_time() - began < 5
