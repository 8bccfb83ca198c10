"""The webhook's signature, from both sides."""

from __future__ import annotations

import hashlib
import hmac

import pytest
from hypothesis import given
from hypothesis import strategies as st

from model_stage_deploy.deployers.signing import sign, verify

NOW = 1_800_000_000
BODY = b'{"version":"v1.0.0"}'


def test_the_signature_is_what_the_documentation_says() -> None:
    expected = hmac.new(b"key", b'1800000000.{"version":"v1.0.0"}', hashlib.sha256).hexdigest()
    assert sign("key", NOW, BODY) == f"v1={expected}"


def test_a_fixed_example_for_other_languages() -> None:
    # printf '1800000000.{}' | openssl dgst -sha256 -hmac key
    assert sign("key", NOW, b"{}") == "v1=" + "7321475872b03ff21bdc2dfd86ea2d99ec29c479fbe4a77aa6acf4509505493f"


@given(secret=st.text(alphabet=st.characters(codec="utf-8"), min_size=1), body=st.binary())
def test_what_is_signed_verifies(secret: str, body: bytes) -> None:
    assert verify(secret, str(NOW), body, sign(secret, NOW, body), NOW)


@pytest.mark.parametrize(
    ("secret", "timestamp", "body", "signature", "now"),
    [
        ("other", str(NOW), BODY, sign("key", NOW, BODY), NOW),
        ("", str(NOW), BODY, sign("", NOW, BODY), NOW),
        ("key", str(NOW), BODY + b" ", sign("key", NOW, BODY), NOW),
        ("key", str(NOW + 1), BODY, sign("key", NOW, BODY), NOW),
        ("key", str(NOW), BODY, sign("key", NOW, BODY), NOW + 301),
        ("key", str(NOW), BODY, sign("key", NOW, BODY), NOW - 301),
        ("key", str(NOW), BODY, sign("key", NOW, BODY)[3:], NOW),
        ("key", str(NOW), BODY, "", NOW),
        ("key", str(NOW), BODY, "v1=é\ud800", NOW),
        ("key", "", BODY, sign("key", NOW, BODY), NOW),
        ("key", "-5", BODY, sign("key", NOW, BODY), NOW),
        ("key", "9" * 400, BODY, sign("key", NOW, BODY), NOW),
        ("key", "١٢", BODY, sign("key", NOW, BODY), NOW),
    ],
)
def test_what_does_not_verify(secret: str, timestamp: str, body: bytes, signature: str, now: float) -> None:
    assert not verify(secret, timestamp, body, signature, now)


def test_tolerance() -> None:
    signature = sign("key", NOW, BODY)
    assert verify("key", str(NOW), BODY, signature, NOW + 300)
    assert verify("key", str(NOW), BODY, signature, NOW + 3000, tolerance=3000)
