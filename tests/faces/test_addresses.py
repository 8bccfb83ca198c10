"""What a repository is called, and where its host shows a commit."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from model_stage_deploy.faces.addresses import commits_of, name_of


@pytest.mark.parametrize(
    "origin",
    [
        *("https://github.com/org/models", "https://github.com/org/models.git", "https://github.com/org/models/"),
        *("git@github.com:org/models.git", "ssh://git@github.com/org/models.git", "ssh://git@github.com:22/org/models"),
        "https://ada:ghp_secret@github.com/org/models.git",
    ],
)
def test_of_a_known_host(origin: str) -> None:
    assert name_of("here", origin) == "org/models"
    assert commits_of(origin, {}) == "https://github.com/org/models/commit/"


def test_of_hosts_that_a_job_names() -> None:
    assert commits_of("git@gitlab.com:a/b/c.git", {}) == "https://gitlab.com/a/b/c/-/commit/"
    assert commits_of("https://ghe.example/o/m", {}) == ""
    assert commits_of("https://ghe.example/o/m", {"GITHUB_SERVER_URL": "https://ghe.example"}) == (
        "https://ghe.example/o/m/commit/"
    )
    assert commits_of("git@gl.example:o/m", {"CI_SERVER_URL": "https://gl.example:8443/"}) == (
        "https://gl.example:8443/o/m/-/commit/"
    )
    assert commits_of("https://js.example/o/m", {"GITHUB_SERVER_URL": "javascript://js.example"}) == ""


@pytest.mark.parametrize(
    "origin", ["", "/srv/models.git", "../models", "file:///srv/models.git", "C:\\models", "http://["]
)
def test_of_no_host(origin: str, tmp_path: Path) -> None:
    assert name_of(str(tmp_path / "churn"), origin) == "churn"
    assert commits_of(origin, {}) == ""


@given(st.text(max_size=20), st.text(max_size=30))
def test_a_password_is_never_shown(user: str, path: str) -> None:
    origin = f"https://{user}:s3cr3t-word@github.com/{path}"
    assert "s3cr3t-word" not in name_of("x", origin)
    assert "s3cr3t-word" not in commits_of(origin, {})


@given(st.text(max_size=40))
def test_a_link_is_always_one_of_the_web(path: str) -> None:
    link = commits_of(f"https://github.com/{path}", {})
    assert link == "" or (link.startswith("https://github.com/") and link.isascii() and link.isprintable())
