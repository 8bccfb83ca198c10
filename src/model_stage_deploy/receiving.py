"""For those who receive our webhooks: is it genuine? Import this file, or copy it: it needs the standard library only.

    from model_stage_deploy.receiving import NotGenuine, verify

    try:
        delivery = verify(secret, request.headers, raw_body)
    except NotGenuine:
        ...  # answer 401, and do nothing

`raw_body` is the body exactly as it came: not parsed and dumped again. What is returned is the id of the delivery: the
same for every try of one deployment, so remember it, and answer a second time as the first. A genuine request that
somebody recorded and sends again fails the check of its time after `tolerance`; before that the remembered id tells.

The signature is that of Standard Webhooks 1.0 (https://www.standardwebhooks.com), whose libraries for other languages
verify it, too. `verify_github` is for `signature: github`.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import re
import time
from collections.abc import Iterable, Mapping

TOLERANCE_SECONDS = 300.0
_PREFIX = "whsec_"


class NotGenuine(ValueError):
    """The request was not made by one who knows the secret, or not now. The text says which, and quotes nothing."""


def verify(
    secrets: str | Iterable[str],
    headers: Mapping[str, str],
    body: bytes,
    *,
    now: float | None = None,
    tolerance: float = TOLERANCE_SECONDS,
) -> str:
    """The id of a delivery that was signed with one of `secrets`, not over `tolerance` seconds ago or ahead.

    While a secret is being changed give both. `headers` may have any case; `now` is Unix seconds. Raises NotGenuine for
    anything that a stranger can send, and ValueError for a secret of ours that is none (see `key_of`).
    """
    keys = [key_of(secret) for secret in ([secrets] if isinstance(secrets, str) else secrets)]
    told = {str(name).lower(): str(value) for name, value in headers.items()}
    delivery, stamp, signatures = (told.get(f"webhook-{name}", "") for name in ("id", "timestamp", "signature"))
    if not delivery or not stamp or not signatures:
        raise NotGenuine("webhook-id, webhook-timestamp or webhook-signature is missing")
    if "." in delivery or not re.fullmatch(r"[0-9]{1,12}", stamp):
        raise NotGenuine("webhook-id or webhook-timestamp is not as it should be")
    if not abs((time.time() if now is None else now) - int(stamp)) <= tolerance:
        raise NotGenuine("it is too old, or from the future: is the clock right?")
    wanted = [_signature(key, delivery, stamp, body) for key in keys]
    # All are compared, each in constant time: how long it takes tells nothing about a signature.
    same = [_is_same(one, given) for one in wanted for given in signatures.split(" ")]
    if not any(same):
        raise NotGenuine("no signature fits")
    return delivery


def verify_github(secrets: str | Iterable[str], headers: Mapping[str, str], body: bytes) -> str:
    """The same for `signature: github`: the id of the delivery, which is not signed there.

    Nothing in these headers says when it was made: the key `id` of the default body is signed, so remember that one.
    Raises NotGenuine.
    """
    told = {str(name).lower(): str(value) for name, value in headers.items()}
    keys = [secret for secret in ([secrets] if isinstance(secrets, str) else secrets) if secret]
    same = [_is_same(sign_github(key, body), told.get("x-hub-signature-256", "")) for key in keys]
    if not any(same):
        raise NotGenuine("X-Hub-Signature-256 does not fit")
    return told.get("x-github-delivery", "")


def sign(secret: str, delivery: str, timestamp: int, body: bytes) -> str:
    """`v1,` and the base64 HMAC-SHA256 of `ID.TIMESTAMP.BODY`. Raises ValueError for an id with a dot, or a bad secret.

    With a dot in the id another id and body would have the same signature (Standard Webhooks, "Signature scheme").
    """
    if "." in delivery:
        raise ValueError("the id of a delivery must not hold a dot")
    return _signature(key_of(secret), delivery, str(timestamp), body)


def sign_github(secret: str, body: bytes) -> str:
    """`sha256=` and the hexadecimal HMAC-SHA256 of the body; the key is the text of the secret itself."""
    return "sha256=" + hmac.new(secret.encode("utf-8", "surrogatepass"), body, hashlib.sha256).hexdigest()


def key_of(secret: str) -> bytes:
    """The key of a secret: what base64 says after `whsec_`, which may be left out, as in the standard's own libraries.

    Raises ValueError where that is no base64 (of the usual alphabet; padding may be missing) or is empty.
    """
    text = secret.strip().removeprefix(_PREFIX)
    try:
        key = base64.b64decode(text + "=" * (-len(text) % 4), validate=True)
    except ValueError:
        raise ValueError("the secret is not `whsec_` and base64") from None
    if not key:
        raise ValueError("the secret is empty")
    return key


def _signature(key: bytes, delivery: str, timestamp: str, body: bytes) -> str:
    signed = f"{delivery}.{timestamp}.".encode("utf-8", "surrogatepass") + body
    return "v1," + base64.b64encode(hmac.new(key, signed, hashlib.sha256).digest()).decode("ascii")


def _is_same(wanted: str, given: str) -> bool:
    return hmac.compare_digest(wanted.encode(), given.encode("utf-8", "replace"))
