"""Following work that a receiver accepted (202) to its end: where to ask, what an answer means, and asking until then.

What the URL to ask may be is strict, for it comes from outside: the host of the webhook's own `url`, or one that the
mapping lists, and never http where that is https.
"""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass
from typing import Any, Literal, NamedTuple
from urllib.parse import urldefrag, urljoin

from model_stage_deploy.core.errors import DeploymentFailed
from model_stage_deploy.core.inert import one_line
from model_stage_deploy.core.json_paths import NotThere, Written, parse_path, read_document, told, value_at
from model_stage_deploy.core.reasons import Reason
from model_stage_deploy.deployers.contract import Job
from model_stage_deploy.deployers.reported_url import LONGEST as LONGEST_URL
from model_stage_deploy.deployers.reported_url import usable_url
from model_stage_deploy.deployers.retry import LONGEST_PAUSE, pause
from model_stage_deploy.deployers.webhook_answers import Poll
from model_stage_deploy.deployers.webhook_options import WebhookOptions
from model_stage_deploy.deployers.webhook_requests import Exchange, exchanged, origin, place, question, tail
from model_stage_deploy.ports import Clock, Web, WebResponse

STRIKES = 3
"""So many answers in a row that say nothing of the work are the end of asking."""
_LONGEST_STATE = 100
_LONGEST_WORDS = 300  # characters; what is longer is not shown at all
_PORTS = {"http": 80, "https": 443}
_LOST_HINT = "`poll.state` must lead to the state in what the status URL answers; the receiver may still be at work"


class Seen(NamedTuple):
    """What an answer to the question how it goes means. `trouble` may pass; `lost` says nothing of the work."""

    meaning: Literal["done", "failed", "ended", "going", "trouble", "lost"]
    text: str
    """For people: the state, or what is in its place."""
    state: str = ""
    """The state alone."""


class Ended(NamedTuple):
    """Work that went well: the last answer, what state it told, how often was asked, and where."""

    answer: WebResponse
    state: str
    looks: int
    url: str


def read_json(answer: WebResponse) -> Any:
    """The JSON of an answer. Raises ValueError for none, and for one that is cut off."""
    if answer.truncated:
        raise ValueError("cut off")
    return read_document(answer.body)


def text_at(document: Any, path: str) -> str | None:
    """The text, number, true or false at a path, as a text; None for null. Raises NotThere for all else."""
    value = value_at(document, parse_path(path))
    if value is None or isinstance(value, str):
        return value
    if isinstance(value, (Written, bool)):
        return told(value)
    raise NotThere


def shown(word: str) -> str:
    """A word of an answer, for people: as JSON, or how long it is: half a secret would not be known for one."""
    return told(word) if len(word) <= _LONGEST_STATE else f"something of {len(word):,} characters"


def status_url(answer: WebResponse, options: WebhookOptions, poll: Poll) -> str:
    """Where the receiver that answered 202 says how it goes. Raises DeploymentFailed for no URL, or a bad one."""
    if poll.status_url is not None:
        where = f"at {poll.status_url} of its answer"
        try:
            said = text_at(read_json(answer), poll.status_url) or ""
        except (ValueError, NotThere):
            said = ""
    else:
        where = "in its headers Operation-Location and Location"
        said = answer.headers.get("operation-location") or answer.headers.get("location") or ""
    began = f"{place(options.url)} accepted the work (status 202)"
    if not said:
        raise _failed(
            f"{began} and says nowhere how to learn its end: nothing is {where}",
            answer,
            hint="let it answer when it is done, or name the URL to ask (`poll.status-url`); `poll: none` takes 202 "
            "for the end",
        )
    why_not, url = _checked(said, options, poll)
    if why_not:
        raise _failed(f"{began}, but the URL to ask {where} is not used: {why_not}", answer, hidden=said)
    return url


def _checked(said: str, options: WebhookOptions, poll: Poll) -> tuple[str, str]:
    """Why a URL may not be asked ("" where it may), and the URL, whole."""
    said, url = said.strip(), None
    if len(said) <= LONGEST_URL and said.isascii() and said.isprintable():  # a parser would leave some of it out
        with suppress(ValueError):
            url = usable_url(urldefrag(urljoin(options.url, said)).url)
    if url is None:
        return "it is no plain http or https URL", ""
    there, here = origin(url), origin(options.url)
    if there == here:
        return "", url
    elsewhere = place(url)
    if here[0] == "https" and there[0] != "https":
        return f"{elsewhere} is not https; a path alone would do, too", ""
    listed = {(host, port) for name in poll.hosts for host, port in [_host_of(name, there[0])]}
    if there[1:] not in listed:
        return f"{elsewhere} is another place than `url`; `poll.hosts` may list it", ""
    return "", url


def _host_of(name: str, scheme: str) -> tuple[str, int]:
    host, colon, port = name.rpartition(":")
    if not colon or port.endswith("]"):
        host, port = name, ""
    return host.strip("[]"), int(port) if port else _PORTS[scheme]


def seen(exchange: Exchange, poll: Poll) -> Seen:
    """What an answer means."""
    answer = exchange.answer
    if exchange.retryable or (answer is not None and (answer.status >= 500 or answer.status == 408)):
        return Seen("trouble", str(exchange))
    if answer is None or not 200 <= answer.status <= 299:
        return Seen("lost", str(exchange))
    try:
        state = text_at(read_json(answer), poll.state)
    except (ValueError, NotThere):
        going = answer.status == 202
        return Seen("going" if going else "lost", f"{exchange} without a state at {poll.state}")
    if state is None:
        return Seen("going", "no state yet")
    return Seen(poll.meaning(state), f"state {shown(state)}", one_line(state) if len(state) <= _LONGEST_STATE else "…")


@dataclass
class Polling:
    """One piece of work that is followed to its end. `until` is the deadline by the clock's `monotonic`."""

    web: Web
    clock: Clock
    job: Job
    options: WebhookOptions
    poll: Poll
    url: str
    until: float
    looks: int = 0
    strikes: int = 0
    said: str = ""

    def end(self, accepted: Exchange) -> Ended:
        """Ask until it ended well. Raises DeploymentFailed for any other end, and at the deadline."""
        begun, last, now = self.clock.monotonic(), accepted, Seen("going", "accepted")
        while True:
            self._wait(last, now)
            last = self._ask()
            now = seen(last, self.poll)
            if now.text != self.said:
                self.said = now.text
                self.job.output(f"{place(self.url)}: {now.text} ({self.clock.monotonic() - begun:.1f} s)\n")
            if now.meaning == "done" and last.answer is not None:
                return Ended(last.answer, now.state, self.looks, self.url)
            self._judge(last, now)

    def _ask(self) -> Exchange:
        self.looks += 1
        name = f"{self.job.attempt}-poll-{self.looks}"
        left = self.until - self.clock.monotonic()
        return exchanged(self.web, question(self.options, self.url, name, self.clock.now(), left))

    def _wait(self, last: Exchange, now: Seen) -> None:
        """Until the next look; the last one is just before the deadline. Raises DeploymentFailed after that."""
        left, spare = self.until - self.clock.monotonic(), min(1.0, self.job.timeout / 10)
        if left <= spare:
            raise DeploymentFailed(
                Reason.DEPLOYER_TIMEOUT,
                f"{place(self.options.url)} accepted the work, which had not ended within {self.job.timeout:g} s; "
                f"last: {now.text}",
                hint="the receiver may still be at work; more time is `deploy.timeout`, and which states mean that it "
                "has ended `poll.done` and `poll.failed`",
                tail=tail(last, self.url),
            )
        first = self.poll.interval
        wait = pause(
            self.looks + 1,
            last.headers,
            self.clock.now(),
            self.job.attempt,
            first=first,
            longest=max(first, LONGEST_PAUSE),
        )
        self.clock.sleep(min(max(wait, min(first, 1.0) / 2), left - spare))

    def _judge(self, last: Exchange, now: Seen) -> None:
        """Raises DeploymentFailed where there is nothing more to ask."""
        self.strikes = self.strikes + 1 if now.meaning == "lost" else 0 if now.meaning == "going" else self.strikes
        at = place(self.url)
        if now.meaning == "failed":
            raise self._over(f"{at} says that it failed: {now.text}{self._why(last)}", last)
        if now.meaning == "ended":
            hint = f"list {now.state} under `poll.done` or under `poll.failed`, or name a better `poll.state`"
            raise self._over(f"{at} says that it ended, and not whether it went well: {now.text}", last, hint)
        if self.strikes >= STRIKES:
            raise self._over(
                f"how the deployment ended cannot be learned: {at} answered {STRIKES} times with {now.text}"
                if last.answer
                else f"how the deployment ended cannot be learned: {now.text}",
                last,
                _LOST_HINT,
            )

    def _over(self, message: str, last: Exchange, hint: str = "") -> DeploymentFailed:
        words = tail(last, self.url)
        self.job.output(f"{words}\n")
        return DeploymentFailed(Reason.DEPLOYER_FAILED, message, hint=hint, tail=words)

    def _why(self, last: Exchange) -> str:
        return _why(last, self.options, self.url)


def require_not_failed(sent: Exchange, options: WebhookOptions) -> None:
    """Raise DeploymentFailed for an answer of a good status whose state is one of failure. It need not have a state."""
    if options.poll is None or sent.answer is None:
        return
    now = seen(sent, options.poll)
    if now.meaning == "failed":
        answered = f"{place(options.url)} answered with {sent}, and says that it failed"
        raise _failed(
            f"{answered}: {now.text}{_why(sent, options, options.url)}",
            sent.answer,
            hint="if that is not the state of the deployment, `poll.state` says where it is",
        )


def _why(last: Exchange, options: WebhookOptions, url: str) -> str:
    """What the answer says of a failure, where it is short."""
    try:
        why = text_at(read_json(last.answer), options.answer.error) if last.answer else None
    except (ValueError, NotThere):
        return ""
    why = (why or "").replace(url, place(url))
    return f" ({one_line(why, 4 * _LONGEST_WORDS)})" if why and len(why) <= _LONGEST_WORDS else ""


def _failed(message: str, answer: WebResponse, *, hint: str = "", hidden: str = "") -> DeploymentFailed:
    return DeploymentFailed(Reason.DEPLOYER_FAILED, message, hint=hint, tail=tail(Exchange(answer), hidden))
