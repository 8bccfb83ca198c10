"""Who may change anything: the token in the printed address, the cookie that it is exchanged for, the tokens of forms.

Nothing is kept: a cookie proves itself by a MAC under a key that lives as long as the process.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import secrets
from collections.abc import Iterable

_PAD = 32  # bytes: as long as a MAC of SHA-256
_LONGEST = 200  # characters of a cookie or a form's token that are looked at


class Sessions:
    """One start of the server: its token, and the key of everything derived from it."""

    def __init__(self, port: int, *, token: str = "", key: bytes = b"") -> None:
        self.token = token or secrets.token_urlsafe(32)
        self.cookie = f"model-stage-deploy-{port}"  # cookies know no ports: two servers would take each other's away
        self._key = key or secrets.token_bytes(32)
        self._once = ""

    def opens(self, given: str) -> bool:
        """Whether that is the token, in a time that does not tell how much of it is right."""
        if self._once and hmac.compare_digest(_digest(given), _digest(self._once)):
            self._once = ""
            return True
        return hmac.compare_digest(_digest(given), _digest(self.token))

    def once(self) -> str:
        """A token that lets in once: for a browser that we start, whose command line others on the machine may read."""
        self._once = secrets.token_urlsafe(32)
        return self._once

    def begin(self) -> str:
        """A new session: the value of its cookie."""
        nonce = secrets.token_urlsafe(24)
        return f"{nonce}.{self._mac('session', nonce).hex()}"

    def session_in(self, cookies: Iterable[str]) -> str:
        """The session that the `Cookie` headers prove, "" for none. Others' cookies of that name do not disturb it."""
        for header in cookies:
            for pair in header.split(";"):
                name, _, value = pair.strip().partition("=")
                if name == self.cookie and (session := self._proven(value)):
                    return session
        return ""

    def form_token(self, session: str) -> str:
        """What a form of that session must bring back; another text each time.

        Pages are compressed and show what was typed, so that their length could tell a constant secret bit by bit
        (BREACH). Hence it is masked with a random pad, which goes before it.
        """
        pad = secrets.token_bytes(_PAD)
        return base64.urlsafe_b64encode(pad + _xor(pad, self._mac("form", session))).decode()

    def allows(self, session: str, given: str) -> bool:
        """Whether a form's token is one of that session."""
        if not session or len(given) > _LONGEST:
            return False
        try:
            masked = base64.b64decode(given.encode("ascii"), altchars=b"-_", validate=True)
        except (UnicodeEncodeError, binascii.Error, ValueError):
            return False
        if len(masked) != 2 * _PAD:
            return False
        return hmac.compare_digest(_xor(masked[:_PAD], masked[_PAD:]), self._mac("form", session))

    def _proven(self, value: str) -> str:
        nonce, dot, mac = value.partition(".")
        if not dot or not nonce or len(value) > _LONGEST:
            return ""
        return nonce if hmac.compare_digest(_digest(mac), _digest(self._mac("session", nonce).hex())) else ""

    def _mac(self, purpose: str, text: str) -> bytes:
        message = f"{purpose}\0{text}".encode(errors="surrogatepass")
        return hmac.new(self._key, message, hashlib.sha256).digest()


def _digest(text: str) -> bytes:
    """As long as any other, and bytes: texts of other lengths or alphabets are compared as safely."""
    return hashlib.sha256(text.encode(errors="surrogatepass")).digest()


def _xor(one: bytes, other: bytes) -> bytes:
    return bytes(a ^ b for a, b in zip(one, other, strict=True))
