"""The headers by which a receiver knows our webhooks. receiving.py, above, has the other side, and the sums."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

from model_stage_deploy.receiving import key_of, sign, sign_github

Style = Literal["standard", "github"]
LEAST_KEY_BYTES = 24
"""What Standard Webhooks asks of a key."""


def signed_headers(style: Style, secrets: Sequence[str], delivery: str, timestamp: int, body: bytes) -> dict[str, str]:
    """The headers that name a delivery and, where there are secrets, sign it with each of them.

    `github` has room for one signature. Raises ValueError for a secret or an id that cannot be used.
    """
    if style == "github":
        signed = {"X-Hub-Signature-256": sign_github(secrets[0], body)} if secrets else {}
        return {"X-GitHub-Delivery": delivery, **signed}
    signatures = " ".join(sign(secret, delivery, timestamp, body) for secret in secrets)
    return {
        "webhook-id": delivery,
        "webhook-timestamp": str(timestamp),
        **({"webhook-signature": signatures} if signatures else {}),
    }


def weak(style: Style, secrets: Sequence[str]) -> bool:
    """Whether a key is shorter than Standard Webhooks asks for."""
    return style == "standard" and any(len(key_of(secret)) < LEAST_KEY_BYTES for secret in secrets)
