"""MLflow's webhook signature: what was measured on a real server is taken, and nothing else is."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from model_stage_deploy.core.mlflow_webhook import (
    ID,
    SIGNATURE,
    TIMESTAMP,
    AliasMoved,
    Delivery,
    Malformed,
    Unverified,
    alias_moved,
    sign,
    verify,
)
from model_stage_deploy.core.redaction import Secret

SECRET = Secret("a-secret-of-the-webhook-0123456789")
NOW = 1_795_195_440.0
ALIAS = {"name": "churn", "alias": "champion", "version": "3"}
BODY = json.dumps(
    {
        "entity": "model_version_alias",
        "action": "created",
        "timestamp": "2026-11-20T17:24:00.198313+00:00",
        "data": ALIAS,
    }
).encode()


def headers(body: bytes = BODY, *, delivery: str = "c5b3b67a-1", time: str = "1795195440") -> dict[str, str]:
    return {ID: delivery, TIMESTAMP: time, SIGNATURE: sign(SECRET, delivery, time, body)}


def test_a_delivery_of_mlflows_is_verified() -> None:
    assert verify(SECRET, headers(), BODY, NOW) == Delivery("c5b3b67a-1", 1795195440)


def test_the_sum_is_what_openssl_makes() -> None:
    """HMAC-SHA256 over `id.timestamp.body`, the secret as it is; worked out by openssl."""
    made = sign(Secret("topsecret"), "d-1", "1700000000", b"{}")
    assert made == "v1,TkvdHRMhdOLrrKbjRgcBkfaFdy1dUsZGj1q0bd+80zs="


def test_one_good_signature_of_several_is_enough() -> None:
    """So a secret can be changed without losing a delivery, should MLflow ever sign with two."""
    several = f"v1,{'A' * 43}= {headers()[SIGNATURE]}"
    assert verify(SECRET, headers() | {SIGNATURE: several}, BODY, NOW).id == "c5b3b67a-1"


@pytest.mark.parametrize(
    ("given_headers", "body", "now", "says"),
    [
        ({}, BODY, NOW, "not signed"),
        (headers() | {SIGNATURE: ""}, BODY, NOW, "not signed"),
        (headers() | {SIGNATURE: headers()[SIGNATURE].removeprefix("v1,")}, BODY, NOW, "not made with our secret"),
        (headers() | {SIGNATURE: headers()[SIGNATURE].replace("v1", "v2")}, BODY, NOW, "not made with our secret"),
        (headers() | {SIGNATURE: headers()[SIGNATURE] + " "}, BODY + b" ", NOW, "not made with our secret"),
        (headers() | {SIGNATURE: "v1,é"}, BODY, NOW, "not made with our secret"),
        (headers() | {SIGNATURE: " ".join(["x"] * 8 + [headers()[SIGNATURE]])}, BODY, NOW, "not made with"),
        (headers(), BODY + b"\n", NOW, "not made with our secret"),
        (headers() | {ID: "c5b3b67a-2"}, BODY, NOW, "not made with our secret"),
        (headers() | {TIMESTAMP: "1795195441"}, BODY, NOW, "not made with our secret"),
        (headers() | {ID: ""}, BODY, NOW, "no id or no time"),
        (headers(delivery="a.b\n"), BODY, NOW, "no id or no time"),
        (headers(time="-1"), BODY, NOW, "no id or no time"),
        (headers(time="١٧"), BODY, NOW, "no id or no time"),
        (headers(), BODY, NOW + 301, "more than 300 seconds ago"),
        (headers(), BODY, NOW - 301, "ahead of our clock"),
    ],
)
def test_anything_else_is_refused_without_quoting_it(
    given_headers: dict[str, str], body: bytes, now: float, says: str
) -> None:
    with pytest.raises(Unverified, match=says) as caught:
        verify(SECRET, given_headers, body, now)
    assert "champion" not in str(caught.value)
    assert SECRET.reveal() not in str(caught.value)


def test_without_a_secret_nothing_is_taken() -> None:
    signed = {ID: "d", TIMESTAMP: "1795195440", SIGNATURE: sign(Secret(""), "d", "1795195440", BODY)}
    with pytest.raises(Unverified, match="no secret"):
        verify(Secret(""), signed, BODY, NOW)


@given(st.dictionaries(st.sampled_from([ID, TIMESTAMP, SIGNATURE]), st.text(max_size=60)), st.binary(max_size=60))
def test_no_text_is_taken_by_chance(given_headers: dict[str, str], body: bytes) -> None:
    with pytest.raises(Unverified):
        verify(SECRET, given_headers, body, NOW)


def test_what_it_says_of_an_alias() -> None:
    assert alias_moved(BODY) == AliasMoved("churn", "champion", "3")
    assert alias_moved(BODY.replace(b'"3"', b"3")) == AliasMoved("churn", "champion", "3")


@pytest.mark.parametrize(
    "told",
    [
        {"entity": "model_version_alias", "action": "deleted", "data": ALIAS},
        {"entity": "registered_model", "action": "created", "data": {"name": "churn"}},
        {"entity": "model_version_tag", "action": "set", "data": ALIAS},
        {},
    ],
)
def test_what_is_about_something_else_says_nothing(told: dict[str, Any]) -> None:
    assert alias_moved(json.dumps(told).encode()) is None


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"\xff\xfe",
        b"[]",
        b"null",
        b"[" * 100_000,
        b'{"entity": "model_version_alias", "action": "created"}',
        BODY.replace(b'"churn"', b"null"),
        BODY.replace(b'"churn"', b'""'),
        BODY.replace(b'"churn"', b'["churn"]'),
        BODY.replace(b'"churn"', b'"a\\u001b[2J"'),
        BODY.replace(b'"churn"', b'"' + b"x" * 1025 + b'"'),
        BODY.replace(b'"3"', b"true"),
        BODY.replace(b'"3"', b"1e400"),
        BODY.replace(b'"3"', b"9" * 5000),
    ],
)
def test_what_is_not_understood_is_malformed(body: bytes) -> None:
    with pytest.raises(Malformed):
        alias_moved(body)


@given(st.binary(max_size=200))
def test_any_body_is_read_or_malformed(body: bytes) -> None:
    try:
        assert alias_moved(body) is None
    except Malformed as problem:
        assert str(problem).isprintable()
