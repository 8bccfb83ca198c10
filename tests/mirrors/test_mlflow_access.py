"""Where MLflow is and who we say we are, from the variables that MLflow's own client reads."""

from __future__ import annotations

import base64

import pytest

from model_stage_deploy.mirrors.mlflow_access import Access, access, from_environ

PASSWORD, TOKEN = "hunter2 of mine", "a-long-token"


def opened(uri: str = "", **variables: str) -> tuple[Access, list[str]]:
    """The access, and what was masked."""
    masked: list[str] = []
    named = {f"MLFLOW_TRACKING_{name}": value for name, value in variables.items()}
    return access(uri, from_environ(named), masked.append), masked


def test_the_variable_and_what_goes_before_it() -> None:
    assert opened(URI="https://one.example.com/")[0].uri == "https://one.example.com"
    assert opened("https://two.example.com/mlflow/", URI="https://one.example.com")[0].uri == (
        "https://two.example.com/mlflow"
    )


def test_a_user_name_and_a_password() -> None:
    found, masked = opened("https://x", USERNAME="ann", PASSWORD=PASSWORD)
    assert found.authorization is not None
    kind, _, code = found.authorization.reveal().partition(" ")
    assert (kind, base64.b64decode(code).decode()) == ("Basic", f"ann:{PASSWORD}")
    assert masked == [PASSWORD, code]
    assert PASSWORD not in repr(found)


def test_a_token() -> None:
    found, masked = opened("https://x", TOKEN=TOKEN)
    assert found.authorization is not None
    assert found.authorization.reveal() == f"Bearer {TOKEN}"
    assert masked == [TOKEN]


def test_a_password_goes_before_a_token_and_both_are_masked() -> None:
    found, masked = opened("https://x", USERNAME="ann", PASSWORD=PASSWORD, TOKEN=TOKEN)
    assert found.authorization is not None
    assert found.authorization.reveal().startswith("Basic ")
    assert masked[:2] == [PASSWORD, TOKEN]


def test_nobody() -> None:
    found, masked = opened("https://x")
    assert found.authorization is None
    assert masked == []
    assert not found.is_open


@pytest.mark.parametrize(("given", "missing"), [({"USERNAME": "ann"}, "PASSWORD"), ({"PASSWORD": "p"}, "USERNAME")])
def test_half_of_a_pair(given: dict[str, str], missing: str) -> None:
    with pytest.raises(ValueError, match=f"MLFLOW_TRACKING_{missing} is not set"):
        opened("https://x", **given)


@pytest.mark.parametrize(
    ("uri", "why"),
    [
        ("", "MLFLOW_TRACKING_URI is not set"),
        ("file:///tmp/mlruns", "must begin with https"),
        ("sqlite:///mlflow.db", "must begin with https"),
        ("databricks", "must begin with https"),
        ("mlflow.example.com:5000", "must begin with https"),
        ("https://ann:hunter2@mlflow.example.com", "must not hold a user name"),
        ("https://mlflow.example.com/?a=1", "no `\\?`"),
        ("https://mlflow.example.com/#/models", "no `\\?` and no `#`"),
        ("https://", "names no host"),
        ("https://mlflow.example.com:port", "no valid host or port"),
        ("https://mlflow example.com", "holds a space"),
        ("https://mlflow.example.com/\r\nX", "control character"),
    ],
)
def test_what_is_no_address(uri: str, why: str) -> None:
    with pytest.raises(ValueError, match=why) as caught:
        opened(uri)
    assert "hunter2" not in str(caught.value)


@pytest.mark.parametrize(
    ("uri", "open_"),
    [
        ("http://mlflow.example.com", True),
        ("https://mlflow.example.com", False),
        ("http://127.0.0.1:5000", False),
        ("http://localhost:5000", False),
        ("http://[::1]:5000", False),
    ],
)
def test_credentials_in_the_clear_are_noticed(uri: str, open_: bool) -> None:
    assert opened(uri, TOKEN=TOKEN)[0].is_open is open_
    assert not opened(uri)[0].is_open


def test_messages_name_the_host_alone() -> None:
    assert opened("https://mlflow.example.com:8443/secret-path/")[0].place == "mlflow.example.com:8443"
