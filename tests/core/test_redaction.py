"""Secrets stay secret: the wrapper, the scrubber in every spelling, and text that arrives in pieces."""

from __future__ import annotations

import base64
import itertools
import json
import urllib.parse

import pytest
from hypothesis import given
from hypothesis import strategies as st

from model_stage_deploy.core.redaction import STARS, ScrubbedStream, Scrubber, Secret

# No star: what the stars themselves spell cannot be hidden by them.
SECRETS = st.one_of(
    st.text("ab", min_size=1, max_size=4),
    st.text('abAB01-_/+= %"\\\n', min_size=1, max_size=12),
    st.text(st.characters(exclude_characters="*", exclude_categories=["Cs"]), min_size=1, max_size=8),
).filter(lambda text: bool(text.strip()))


def related(secret: str) -> st.SearchStrategy[list[str]]:
    """A secret with its own beginnings, ends and overlaps as further secrets."""
    half = max(1, len(secret) // 2)
    kin = [secret, secret[:half], secret[half:] or secret, secret + secret[:1], secret[-1:] + secret]
    return st.lists(st.sampled_from([text for text in kin if text.strip()]), min_size=1, max_size=3)


SECRET_SETS = st.one_of(st.lists(SECRETS, min_size=1, max_size=4), SECRETS.flatmap(related))


@st.composite
def pieces(draw: st.DrawFn) -> tuple[list[str], list[str]]:
    """Secrets, and a text full of them and of their beginnings, cut anywhere."""
    secrets = draw(SECRET_SETS)
    parts = st.one_of(
        st.sampled_from(secrets),
        st.sampled_from([secret[:-1] for secret in secrets]),
        st.text("ab\n -", max_size=4),
        st.text(st.characters(exclude_characters="*", exclude_categories=["Cs"]), max_size=4),
    )
    text = "".join(draw(st.lists(parts, max_size=8)))
    cuts = sorted(draw(st.lists(st.integers(0, len(text)), max_size=6)))
    edges = [0, *cuts, len(text)]
    return secrets, [text[start:end] for start, end in itertools.pairwise(edges)]


@given(pieces())
def test_no_secret_passes_however_the_text_is_cut(case: tuple[list[str], list[str]]) -> None:
    secrets, cut = case
    stream = ScrubbedStream(Scrubber(secrets))
    shown = "".join([*(stream.feed(piece) for piece in cut), stream.end()])
    assert [secret for secret in secrets if secret in shown] == []


@given(pieces())
def test_cuts_change_nothing(case: tuple[list[str], list[str]]) -> None:
    secrets, cut = case
    scrubber = Scrubber(secrets)
    stream = ScrubbedStream(scrubber)
    shown = "".join([*(stream.feed(piece) for piece in cut), stream.end()])
    assert shown == scrubber.text("".join(cut))


@given(pieces())
def test_every_character_is_shown_or_starred(case: tuple[list[str], list[str]]) -> None:
    """Text without a secret comes through whole and in order."""
    secrets, cut = case
    stream = ScrubbedStream(Scrubber(secrets))
    shown = "".join([*(stream.feed(piece) for piece in cut), stream.end()])
    text, at = "".join(cut), 0
    for part in shown.split(STARS):
        at = text.find(part, at)
        assert at != -1
        at += len(part)


@given(st.text(max_size=50))
def test_without_secrets_nothing_is_held_or_changed(text: str) -> None:
    stream = ScrubbedStream(Scrubber())
    assert stream.feed(text) == text
    assert stream.end() == ""


def test_overlapping_secrets_are_starred_from_end_to_end() -> None:
    assert Scrubber(["abc", "cde"]).text("xabcdey") == f"x{STARS}y"
    assert Scrubber(["abab"]).text("ababab") == STARS
    assert Scrubber(["token", "token-long"]).text("token-long token") == f"{STARS} {STARS}"


def test_neighbours_keep_their_own_stars() -> None:
    assert Scrubber(["abc"]).text("abcabc abc") == f"{STARS}{STARS} {STARS}"


def test_only_what_may_become_a_secret_is_held_back() -> None:
    stream = ScrubbedStream(Scrubber(["swordfish"]))
    assert stream.feed("the password is sword") == "the password is "
    assert stream.feed("play\n") == "swordplay\n"
    assert stream.feed("sword") == ""
    assert stream.feed("fish!") == f"{STARS}!"
    assert stream.feed("sword") + stream.end() == "sword"
    assert stream.end() == ""


def test_secrets_may_come_late() -> None:
    scrubber = Scrubber()
    stream = ScrubbedStream(scrubber)
    assert stream.feed("one ") == "one "
    scrubber.add("two")
    assert stream.feed("two") + stream.end() == STARS
    scrubber.add("")
    assert scrubber.text("three") == "three"


PASSWORD = 'p"ä ß/+&\\?'


@pytest.mark.parametrize(
    "spelled",
    [
        PASSWORD,
        json.dumps(PASSWORD)[1:-1],
        json.dumps(PASSWORD, ensure_ascii=False)[1:-1],
        repr(PASSWORD)[1:-1],
        urllib.parse.quote(PASSWORD),
        urllib.parse.quote(PASSWORD, safe=""),
        urllib.parse.quote_plus(PASSWORD),
        base64.b64encode(PASSWORD.encode()).decode(),
        base64.urlsafe_b64encode(PASSWORD.encode()).decode(),
        base64.urlsafe_b64encode(PASSWORD.encode()).decode().rstrip("="),
    ],
)
def test_spellings(spelled: str) -> None:
    assert spelled not in Scrubber([PASSWORD]).text(f"before {spelled} after")
    assert Scrubber([PASSWORD]).text(f"before {spelled} after").startswith(f"before {STARS}")


@pytest.mark.parametrize("user", ["", "a:", "ab:", "abc:", "x-access-token:", "user:"])
@pytest.mark.parametrize("after", ["", "!", "!!", "!!!"])
def test_basic_auth(user: str, after: str) -> None:
    """What base64 makes of a secret depends on what stands around it."""
    token = "ghs_0123456789abcdefXYZ"
    pair = base64.b64encode(f"{user}{token}{after}".encode()).decode()
    shown = Scrubber([token]).text(f"Authorization: Basic {pair}")
    assert STARS in shown
    kept = shown.removeprefix("Authorization: Basic ").replace(STARS, "")
    alone = base64.b64encode(token.encode()).decode()
    assert all(alone[at : at + 8] not in kept for at in range(len(alone) - 8))
    assert len(kept) <= len(pair) - len(alone) + 8, "what stays is the words around it"


@given(st.text(st.characters(codec="utf-8", exclude_characters="*"), min_size=6, max_size=20), st.text(max_size=5))
def test_encoded_secrets_do_not_pass(secret: str, around: str) -> None:
    if not secret.strip() or secret in around:
        return
    scrubber = Scrubber([secret])
    document = json.dumps({"key": f"{around}|{secret}|"}, ensure_ascii=False)
    assert secret not in json.loads(scrubber.text(document))["key"]
    assert secret not in urllib.parse.unquote(scrubber.text(urllib.parse.quote(secret, safe="")))
    assert base64.b64encode(secret.encode()).decode() not in scrubber.text(base64.b64encode(secret.encode()).decode())


KEY = "-----BEGIN KEY-----\nMIIBVgIBADANBg\r\nkqhkiG9w0BAQEF\n-----END KEY-----\n"


@pytest.mark.parametrize("line", [line for line in KEY.splitlines() if line])
def test_lines_of_a_secret_are_secret(line: str) -> None:
    assert line not in Scrubber([KEY]).text(f"debug:  {line} (read)")


def test_secret_of_many_lines_is_one() -> None:
    assert Scrubber([KEY]).text(f"<{KEY}>") == f"<{STARS}>"
    assert STARS in Scrubber([KEY]).text(json.dumps({"key": KEY}))


def test_brackets_of_a_structured_secret_are_no_secret() -> None:
    """A service account's key is JSON over several lines; starring its brackets would spoil all other JSON."""
    account = json.dumps({"type": "service", "key": "MIIBVgIBADANBg"}, indent=2)
    scrubber = Scrubber([account])
    assert scrubber.text('{"a": [{}]}') == '{"a": [{}]}'
    assert "MIIBVgIBADANBg" not in scrubber.text('  "key": "MIIBVgIBADANBg"\n')
    assert account not in scrubber.text(account)


def test_short_secrets_are_secrets_all_the_same() -> None:
    assert Scrubber(["x1"]).text("a x1 b") == f"a {STARS} b"


def test_values() -> None:
    scrubber = Scrubber(["hush"])
    value = {"hush": ["a hush", ("hush", 1, None, True, 2.5)], "b": {"c": "fine"}}
    assert scrubber.value(value) == {STARS: [f"a {STARS}", [STARS, 1, None, True, 2.5]], "b": {"c": "fine"}}


def test_secret_shows_stars_only() -> None:
    secret = Secret("hush")
    assert [str(secret), repr(secret), f"{secret}", format(secret), f"{[secret]}"] == [STARS] * 4 + [f"[{STARS}]"]
    assert secret.reveal() == "hush"
    assert secret == Secret("hush")
    assert len({secret, Secret("hush"), Secret("other")}) == 2
    assert secret != "hush"
    assert bool(secret)
    assert not Secret("")
    assert not hasattr(secret, "__dict__")


def test_scrubbing_is_quick() -> None:
    """A megabyte in small pieces that keep beginning to spell one of many secrets."""
    scrubber = Scrubber([f"secret-number-{number}" for number in range(20)])
    stream = ScrubbedStream(scrubber)
    piece = "secret-number secret-number- " * 150
    shown = sum(len(stream.feed(piece)) for _ in range(200))
    assert shown + len(stream.end()) == 200 * len(piece)


def test_a_secret_that_repeats_itself_does_not_hold_the_output_for_ever() -> None:
    stream = ScrubbedStream(Scrubber(["aaaa"]))
    held = 0
    for _ in range(300):
        shown = stream.feed("a" * 1000)
        held = max(held, 1000 - shown.count("a"))
        assert "aaaa" not in shown
    assert "aaaa" not in stream.end()
