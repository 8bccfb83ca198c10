"""What every answer says to the browser about what the page may do, and how long it may be kept."""

from __future__ import annotations

Headers = list[tuple[bytes, bytes]]

POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; "
    "form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
)
_ALWAYS: Headers = [
    (b"content-security-policy", POLICY.encode()),
    (b"x-content-type-options", b"nosniff"),
    (b"x-frame-options", b"DENY"),
    # Not `no-referrer`: with it browsers send a form, which needs no JavaScript, with `Origin: null`.
    (b"referrer-policy", b"same-origin"),
    (b"cross-origin-opener-policy", b"same-origin"),
    (b"cross-origin-resource-policy", b"same-origin"),
    (b"permissions-policy", b"camera=(), geolocation=(), microphone=(), payment=(), usb=()"),
]
_NEVER = (b"cache-control", b"no-store")


def added(headers: Headers, *, file: bool) -> Headers:
    """An answer's headers with ours, which go before what the answer says itself.

    `file` is one that belongs to the program: it says itself how long it may be kept. Pages may not be: they show who
    decided what, and forms' tokens.
    """
    own = {name.lower() for name, _ in headers}
    ours = _ALWAYS if file and b"cache-control" in own else [*_ALWAYS, _NEVER]
    names = {name for name, _ in ours}
    return [(name, value) for name, value in headers if name.lower() not in names] + ours
