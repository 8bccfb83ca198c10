"""MLflow's webhooks at the door: whether a delivery is MLflow's, and what it says. Pure; measured on MLflow 3.17.

The signature is HMAC-SHA256 over `id.timestamp.body`, in base64 behind `v1,`, with the secret as it is (Standard
Webhooks has it in base64). MLflow sends a failed delivery again, with the same id, time and signature; without a secret
it signs nothing, and such a delivery is never taken here.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import re
from collections.abc import Mapping
from typing import Any, NamedTuple

from model_stage_deploy.core.redaction import Secret

ID, TIMESTAMP, SIGNATURE = "x-mlflow-delivery-id", "x-mlflow-timestamp", "x-mlflow-signature"
TOLERANCE = 300.0
"""Seconds that a delivery may be old, or its clock ahead of ours. MLflow's own retries are over by then."""
LONGEST_BODY = 64 * 1024
"""Bytes of a delivery's body; those of aliases have some hundred."""
SHORTEST_SECRET = 16
_SIGNED = "v1,"
_MOST_SIGNATURES = 8
_ID = re.compile(r"[A-Za-z0-9._-]{1,128}")
_TIME = re.compile(r"[0-9]{1,11}")
_LONGEST_TEXT = 1024


class Unverified(Exception):
    """The delivery is not known to be MLflow's; the text says why, and quotes nothing of it."""


class Malformed(Exception):
    """MLflow signed it, and it is not understood; the text says why."""


class Delivery(NamedTuple):
    """A verified delivery: its id, which a retry shares, and when it was sent (unix seconds)."""

    id: str
    sent: int


class AliasMoved(NamedTuple):
    """An alias of a model was given to a version, by MLflow's names."""

    model: str
    alias: str
    version: str


def sign(secret: Secret, delivery: str, timestamp: str, body: bytes) -> str:
    """The signature, as MLflow's header has it."""
    text = f"{delivery}.{timestamp}.".encode() + body
    made = hmac.new(secret.reveal().encode(), text, hashlib.sha256).digest()
    return _SIGNED + base64.b64encode(made).decode()


def verify(
    secret: Secret, headers: Mapping[str, str], body: bytes, now: float, tolerance: float = TOLERANCE
) -> Delivery:
    """The delivery, if it is MLflow's and recent. Names of headers are in lower case. Raises Unverified.

    That it comes for the first time is not known here: flows/relaying.py remembers.
    """
    if not secret:
        raise Unverified("there is no secret to verify it by")
    delivery, timestamp, given = (headers.get(name, "") for name in (ID, TIMESTAMP, SIGNATURE))
    if not given:
        raise Unverified("it is not signed")
    if not _ID.fullmatch(delivery) or not _TIME.fullmatch(timestamp):
        raise Unverified("it has no id or no time that could be MLflow's")
    wanted = sign(secret, delivery, timestamp, body).encode()
    found = [hmac.compare_digest(one.encode(), wanted) for one in given.split(" ")[:_MOST_SIGNATURES]]
    if not any(found):
        raise Unverified("its signature is not made with our secret")
    # Only now: the time is MLflow's, for it is signed.
    if abs(now - int(timestamp)) > tolerance:
        raise Unverified(f"it was sent more than {tolerance:.0f} seconds ago, or is ahead of our clock")
    return Delivery(delivery, int(timestamp))


def alias_moved(body: bytes) -> AliasMoved | None:
    """What a verified delivery says of an alias; None where it is about something else. Raises Malformed."""
    try:
        told = json.loads(body)
    except (ValueError, RecursionError):
        raise Malformed("its body is no JSON") from None
    if not isinstance(told, dict):
        raise Malformed("its body is no JSON object")
    if (told.get("entity"), told.get("action")) != ("model_version_alias", "created"):
        return None
    data = told.get("data")
    if not isinstance(data, dict):
        raise Malformed("it holds no data")
    return AliasMoved(_text(data, "name"), _text(data, "alias"), _text(data, "version"))


def _text(data: Mapping[str, Any], key: str) -> str:
    value = data.get(key)
    if isinstance(value, int) and not isinstance(value, bool):
        value = str(value) if abs(value) < 10**18 else ""
    if not isinstance(value, str) or not value or len(value) > _LONGEST_TEXT or not value.isprintable():
        raise Malformed(f"its `{key}` is no text that can be one")
    return value
