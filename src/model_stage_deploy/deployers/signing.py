"""The signature of a webhook, for us who make it and for receivers who check it. Standard library only.

A receiver does:

    verify(secret, request.headers["X-MSD-Timestamp"], raw_body, request.headers["X-MSD-Signature"], time.time())

over the body exactly as it came (not parsed and dumped again), and remembers `X-MSD-Delivery` for as long as the
tolerance, so that a delivery that is sent twice deploys once.
"""

from __future__ import annotations

import hashlib
import hmac
import re

TOLERANCE_SECONDS = 300.0


def sign(secret: str, timestamp: int, body: bytes) -> str:
    """`v1=` and the hexadecimal HMAC-SHA256 of `TIMESTAMP.BODY` (Unix seconds, a dot, the raw body)."""
    signed = f"{timestamp}.".encode() + body
    return "v1=" + hmac.new(secret.encode(), signed, hashlib.sha256).hexdigest()


def verify(
    secret: str, timestamp: str, body: bytes, signature: str, now: float, *, tolerance: float = TOLERANCE_SECONDS
) -> bool:
    """Whether `signature` was made with `secret` for just this body, not over `tolerance` seconds ago or ahead.

    `timestamp` and `signature` are header values, as they came. Compares in constant time. Never raises for
    what a stranger can send; an empty secret verifies nothing.
    """
    if not secret or not re.fullmatch(r"[0-9]{1,12}", timestamp):
        return False
    if abs(now - int(timestamp)) > tolerance:
        return False
    return hmac.compare_digest(sign(secret, int(timestamp), body).encode(), signature.encode("utf-8", "replace"))
