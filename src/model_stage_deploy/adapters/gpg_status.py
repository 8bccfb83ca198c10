"""What gpg's machine-readable status lines say of one signature. Their meaning: GnuPG's doc/DETAILS."""

from __future__ import annotations

from model_stage_deploy.core.inert import one_line
from model_stage_deploy.core.stored import Signature

_MARK = "[GNUPG:] "
_REFUSALS = {
    "BADSIG": "carries a signature that is not over what the tag says (by {})",
    "EXPSIG": "carries a signature that has expired (by {})",
    "EXPKEYSIG": "is signed by a key that has expired ({})",
    "REVKEYSIG": "is signed by a key that was revoked ({})",
}


def read_status(lines: str, *, exit_code: int) -> Signature | str:
    """The one good signature that gpg tells of, or why there is none, as a sentence."""
    rows = [line.removeprefix(_MARK).split(" ") for line in lines.splitlines() if line.startswith(_MARK)]
    words = [row[0] for row in rows]
    if words.count("NEWSIG") > 1:
        return "carries several signatures; one is wanted"
    for row in rows:
        if row[0] in _REFUSALS:
            return _REFUSALS[row[0]].format(_signer(row))
        if row[0] == "ERRSIG":
            if row[-1] == "9" or "NO_PUBKEY" in words:
                return f"is signed by the key {one_line(row[1], 50)}, which `gpg-keys` does not hold"
            return f"carries a signature that gpg does not take (key {one_line(row[1], 50)})"
    good = [row for row in rows if row[0] == "GOODSIG"]
    valid = [row for row in rows if row[0] == "VALIDSIG"]
    if exit_code != 0 or len(good) != 1 or len(valid) != 1:
        return "carries a signature that gpg does not take"
    return Signature(_signer(good[0]), valid[0][-1], "gpg")


def _signer(row: list[str]) -> str:
    """`GOODSIG KEYID USER ID…`: the address of the user id, else the user id, else the key."""
    user = " ".join(row[2:])
    address = user.rpartition("<")[2].removesuffix(">") if user.endswith(">") else user
    return one_line(address or row[1], 200)
