"""URLs that a deployer reports."""

from __future__ import annotations

import pytest

from model_stage_deploy.deployers.reported_url import usable_url


@pytest.mark.parametrize("url", ["https://models.example.com/churn?x=1#a", "http://127.0.0.1:8080", "https://[::1]:8/"])
def test_usable(url: str) -> None:
    assert usable_url(url) == url


@pytest.mark.parametrize(
    "value",
    [
        None,
        5,
        ["https://h/"],
        "",
        "javascript:alert(1)",
        "HTTPS://",
        "https://",
        "https://user:pw@host/",
        "https://host/a b",
        "https://host/a\nb",
        "https://host/\x1b[0m",
        "https://host\\@evil/",
        "https://host:99999/",
        "https://[::1/",
        "https://host/é",
        "file:///etc/passwd",
        "https://host/" + "x" * 3000,
    ],
)
def test_not_usable(value: object) -> None:
    assert usable_url(value) is None
