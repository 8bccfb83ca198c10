"""The receiver's check of a webhook: against Standard Webhooks' own library and example, and what a stranger sends."""

from __future__ import annotations

import base64
import hashlib
import hmac
import subprocess
import sys
from collections.abc import Mapping
from datetime import UTC, datetime
from http.client import HTTPMessage
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from standardwebhooks import Webhook, WebhookVerificationError

from model_stage_deploy import receiving
from model_stage_deploy.adapters.system_clock import SystemClock
from model_stage_deploy.deployers.signing import signed_headers, weak
from model_stage_deploy.receiving import NotGenuine, key_of, sign, sign_github, verify, verify_github

SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
OTHER = "whsec_" + base64.b64encode(b"another key, of 32 bytes or so..").decode()
ID = "9f0c3a52c8f94d6fb3f0a1e1c6a0d6aa"
NOW = 1_800_000_000
BODY = b'{"version":"v1.0.0"}'

keys = st.binary(min_size=1, max_size=80)
ids = st.text(st.characters(min_codepoint=33, max_codepoint=126, exclude_characters="."), min_size=1)
bodies = st.text(st.characters(codec="utf-8")).map(str.encode)


def _headers(secret: str = SECRET, body: bytes = BODY, now: int = NOW, **changes: str | None) -> dict[str, str]:
    """Genuine headers; `changes` replace some of them (`id`, `timestamp`, `signature`), None takes one away."""
    genuine = signed_headers("standard", [secret], ID, now, body)
    changed = {**genuine, **{f"webhook-{name}": value for name, value in changes.items()}}
    return {name: value for name, value in changed.items() if value is not None}


def _secret(key: bytes) -> str:
    return "whsec_" + base64.b64encode(key).decode()


def test_the_example_of_the_standards_own_libraries() -> None:
    signature = sign(SECRET, "msg_p5jXN8AQM9LWM0D4loKWxJek", 1614265330, b'{"test": 2432232314}')
    assert signature == "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="


def test_the_signature_is_what_the_documentation_says() -> None:
    key = base64.b64decode("MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw")
    made = hmac.new(key, b'id.1800000000.{"version":"v1.0.0"}', hashlib.sha256).digest()
    assert sign(SECRET, "id", NOW, BODY) == "v1," + base64.b64encode(made).decode()


@given(key=keys, delivery=ids, body=bodies, stamp=st.integers(0, 4_000_000_000))
def test_we_sign_as_the_standards_own_library(key: bytes, delivery: str, body: bytes, stamp: int) -> None:
    theirs = Webhook(_secret(key)).sign(delivery, datetime.fromtimestamp(stamp, UTC), body.decode())
    assert sign(_secret(key), delivery, stamp, body) == theirs
    assert sign(_secret(key).removeprefix("whsec_").rstrip("="), delivery, stamp, body) == theirs


@given(key=keys, delivery=ids, body=bodies, others=st.lists(keys, max_size=2))
def test_each_verifies_what_the_other_signed(key: bytes, delivery: str, body: bytes, others: list[bytes]) -> None:
    now = int(SystemClock().now())  # theirs asks no other clock
    secrets = [*map(_secret, others), _secret(key)]
    ours = signed_headers("standard", secrets, delivery, now, body)
    Webhook(_secret(key)).verify(body, ours, json_parse=False)
    theirs = Webhook(_secret(key)).sign(delivery, datetime.fromtimestamp(now, UTC), body.decode())
    assert verify(secrets, {**ours, "webhook-signature": theirs}, body) == delivery


@given(
    headers=st.dictionaries(
        st.sampled_from(["webhook-id", "Webhook-Timestamp", "webhook-signature", "X-Other"]),
        st.text() | st.sampled_from([ID, str(NOW), sign(SECRET, ID, NOW, BODY), "v1,", "v1", "v1a,x v2,y"]),
    ),
    body=st.binary() | st.just(BODY),
)
def test_what_a_stranger_sends_never_raises_anything_else(headers: dict[str, str], body: bytes) -> None:
    try:
        assert verify(SECRET, headers, body, now=NOW) == headers["webhook-id"] == ID
    except NotGenuine as problem:
        assert not headers or not any(value in str(problem) for value in headers.values() if len(value) > 12)
    else:
        assert body == BODY
    with pytest.raises(NotGenuine):
        verify_github("key", headers, body)


@pytest.mark.parametrize(
    ("headers", "body", "now"),
    [
        (_headers(OTHER), BODY, NOW),
        (_headers(), BODY + b" ", NOW),
        (_headers(id="another"), BODY, NOW),
        (_headers(timestamp=str(NOW + 1)), BODY, NOW),
        (_headers(), BODY, NOW + 301),
        (_headers(), BODY, NOW - 301),
        (_headers(), BODY, float("nan")),
        (_headers(id=None), BODY, NOW),
        (_headers(timestamp=None), BODY, NOW),
        (_headers(signature=None), BODY, NOW),
        (_headers(signature=sign(SECRET, ID, NOW, BODY)[3:]), BODY, NOW),
        (_headers(signature=sign(SECRET, ID, NOW, BODY)[:-1]), BODY, NOW),
        (_headers(signature=sign(SECRET, ID, NOW, BODY).replace("v1,", "v2,")), BODY, NOW),
        (_headers(signature="v1,é\ud800"), BODY, NOW),
        (_headers(timestamp="-5"), BODY, NOW),
        (_headers(timestamp=f"{NOW}.0"), BODY, NOW),
        (_headers(timestamp="9" * 400), BODY, NOW),
        (_headers(timestamp="١٢"), BODY, NOW),
    ],
)
def test_what_is_not_genuine(headers: Mapping[str, str], body: bytes, now: float) -> None:
    with pytest.raises(NotGenuine):
        verify(SECRET, headers, body, now=now)


def test_no_dot_of_an_id_can_move_into_the_body() -> None:
    """`a.1` at 2 with a body, and `a` at 1 with the body `2.…`, would have one signature."""
    with pytest.raises(ValueError, match="dot"):
        sign(SECRET, "a.1", 2, BODY)
    moved = {"webhook-id": "a.1", "webhook-timestamp": str(NOW), "webhook-signature": sign(SECRET, "a", 1, BODY)}
    with pytest.raises(NotGenuine):
        verify(SECRET, moved, BODY, now=NOW)


def test_tolerance_case_of_names_and_many_signatures() -> None:
    assert verify(SECRET, _headers(), BODY, now=NOW + 300) == ID
    assert verify(SECRET, _headers(), BODY, now=NOW + 3000, tolerance=3000) == ID
    message = HTTPMessage()
    for name, value in _headers(signature=f"v1a,AAAA v1,AAAA {sign(SECRET, ID, NOW, BODY)}").items():
        message[name.title()] = value
    assert verify([OTHER, SECRET], message, BODY, now=NOW) == ID  # type: ignore[arg-type]  # as http.server has them


@pytest.mark.parametrize(
    "secret", ["", "whsec_", "  ", "plain-words", "whsec_a", "whsec_é", "whsec_-_-_", "whsec_AA=A"]
)
def test_what_is_no_secret_is_a_mistake_of_ours(secret: str) -> None:
    with pytest.raises(ValueError, match="the secret is"):
        key_of(secret)
    with pytest.raises(ValueError, match="the secret is") as caught:
        verify(secret, _headers(), BODY, now=NOW)
    assert not isinstance(caught.value, NotGenuine)
    assert not secret.strip() or secret not in str(caught.value)


def test_the_end_of_a_line_is_no_part_of_a_secret() -> None:
    assert key_of(f"{SECRET}\n") == key_of(SECRET)


def test_the_style_of_github() -> None:
    # GitHub's own example: "Validating webhook deliveries", section "Testing the webhook payload validation"
    secret, body = "It's a Secret to Everybody", b"Hello, World!"
    headers = signed_headers("github", [secret], ID, NOW, body)
    assert headers == {
        "X-GitHub-Delivery": ID,
        "X-Hub-Signature-256": "sha256=757107ea0eb2509fc211221cce984b8a37570b6d7586c22c46f4379c8b043e17",
    }
    assert verify_github(secret, headers, body) == ID
    assert verify_github(["new", secret], {name.lower(): value for name, value in headers.items()}, body) == ID
    for wrong, told, sent in (
        (secret, headers, b"Hello"),
        ("", headers, body),
        ("x", headers, body),
        (secret, {}, body),
    ):
        with pytest.raises(NotGenuine):
            verify_github(wrong, told, sent)
    with pytest.raises(NotGenuine):
        verify_github("", {"X-Hub-Signature-256": sign_github("", body)}, body)


def test_the_library_of_the_standard_refuses_what_we_refuse() -> None:
    with pytest.raises(WebhookVerificationError):
        Webhook(SECRET).verify(BODY, _headers(OTHER, now=int(SystemClock().now())))


def test_without_a_secret_only_the_delivery_is_named() -> None:
    assert signed_headers("standard", [], ID, NOW, BODY) == {"webhook-id": ID, "webhook-timestamp": str(NOW)}
    assert signed_headers("github", [], ID, NOW, BODY) == {"X-GitHub-Delivery": ID}


def test_short_keys_are_known() -> None:
    assert weak("standard", [SECRET, _secret(b"short")])
    assert not weak("standard", [SECRET])
    assert not weak("github", ["short"])


def test_the_file_works_by_itself(tmp_path: Path) -> None:
    """Receivers may copy it: it imports nothing of ours."""
    (tmp_path / "copied.py").write_bytes(Path(receiving.__file__).read_bytes())
    program = f"import copied; print(copied.sign({SECRET!r}, 'id', 1, b''))"
    done = subprocess.run(
        [sys.executable, "-S", "-c", program], cwd=tmp_path, capture_output=True, text=True, check=True, env={}
    )
    assert done.stdout.strip() == sign(SECRET, "id", 1, b"")
