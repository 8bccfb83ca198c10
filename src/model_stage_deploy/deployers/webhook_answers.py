"""What `with:` of `webhook` says about answers: where in them is what, and which words mean done, failed, running."""

from __future__ import annotations

import re
from typing import Annotated, Any, Literal
from urllib.parse import urlsplit

from pydantic import AfterValidator, BeforeValidator, ConfigDict, Field, model_validator

from model_stage_deploy.core.durations import parse_duration
from model_stage_deploy.core.json_paths import parse_path
from model_stage_deploy.deployers.contract import Options

DONE = ("succeeded", "success", "successful", "deployed", "ready", "live")
FAILED = (
    *("failed", "failure", "error", "errored", "cancelled", "canceled", "aborted", "rejected", "crashed"),
    *("timed out", "timeout", "expired", "rolled back"),
)
ENDED = ("completed", "complete", "done", "finished", "ended", "terminated", "closed")
"""Words that are said of a good end and of a bad one: they are believed only where the mapping lists them."""
RUNNING = (*DONE, "ok", "healthy", "running", "active", "available", "in service", "serving", "loaded", "up")
STOPPED = ("stopped", "terminated", "deleted", "suspended", "undeployed", "down")
STARTING = (
    *("pending", "queued", "accepted", "creating", "starting", "updating", "deploying", "loading", "in progress"),
    *("waiting", "scheduled", "rolling out"),
)
Meaning = Literal["done", "failed", "ended", "going"]
_CONFIG = ConfigDict(coerce_numbers_to_str=True, hide_input_in_errors=True)


def plain(word: str) -> str:
    """A word as it is compared: `IN_PROGRESS`, `InProgress` and `in progress` are one."""
    return re.sub(r"[\W_]+", "", word).casefold()


def is_one_of(word: str, words: tuple[str, ...]) -> bool:
    """Whether a word is among others."""
    return plain(word) in {plain(one) for one in words}


def web_url(url: str) -> str:
    """The URL, if it can be asked without giving anything away. Raises ValueError, whose text quotes nothing."""
    try:
        parts = urlsplit(url)
        _port = parts.port
    except ValueError:
        raise ValueError("has no valid host or port") from None
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise ValueError("must be an http or https URL with a host")
    if "@" in parts.netloc:
        raise ValueError("must not hold a user name or password; send a header instead")
    if re.search(r"[\x00-\x20\x7f\\]", url):
        raise ValueError("holds a space, a control character or a backslash; percent-encode it")
    return url


def _path(text: str) -> str:
    parse_path(text)
    return text


def _listed(words: Any) -> Any:
    """A list of words from a list or one word; true and false are words, too."""
    many = words if isinstance(words, (list, tuple)) else [words]
    return tuple(str(word).lower() if isinstance(word, bool) else word for word in many)


def _words(words: tuple[str, ...]) -> tuple[str, ...]:
    if not words or not all(map(plain, words)):
        raise ValueError("must list words")
    return words


def _host(host: str) -> str:
    if not re.fullmatch(r"(?:[A-Za-z0-9_.-]+|\[[0-9A-Fa-f:.]+\])(?::[0-9]{1,5})?", host):
        raise ValueError("must list hosts, such as status.example.com or status.example.com:8443")
    return host.lower()


JsonPath = Annotated[str, AfterValidator(_path)]
Words = Annotated[tuple[str, ...], BeforeValidator(_listed), AfterValidator(_words)]
Duration = Annotated[float, BeforeValidator(parse_duration)]
Host = Annotated[str, AfterValidator(_host)]


class Answer(Options):
    """Where the last answer says what: the one to our request, or the one that said that the work has ended."""

    model_config = _CONFIG

    url: JsonPath = Field("$.url", description="JSON path of the URL where the model is live now.")
    version: JsonPath | None = Field(
        None, description="JSON path of the version that is live: any other than ours fails the deployment."
    )
    error: JsonPath = Field("$.message", description="JSON path of what went wrong.")


class Poll(Options):
    """How to learn the end of work that a receiver accepted with 202."""

    model_config = _CONFIG

    status_url: JsonPath | None = Field(
        None, description="JSON path of the URL to ask, in the 202; absent: its header Operation-Location, or Location."
    )
    state: JsonPath = Field("$.status", description="JSON path of the state, in what that URL answers.")
    done: Words = Field(DONE, description="States that mean success. Case, spaces, `-` and `_` do not count.")
    failed: Words = Field(FAILED, description="States that mean failure; all that are in neither list: go on asking.")
    interval: Duration = Field(
        2.0, description="Pause before the first look; it doubles, up to 30s. `Retry-After` counts more."
    )
    hosts: tuple[Host, ...] = Field((), description="Hosts besides that of `url` that may be asked, without `headers`.")

    @model_validator(mode="after")
    def _one_meaning(self) -> Poll:
        if {"done", "failed"} <= self.model_fields_set and any(is_one_of(word, self.failed) for word in self.done):
            raise ValueError("a word is in `done` and in `failed`")
        return self

    def meaning(self, state: str) -> Meaning:
        """What a state means. A list of the user's own counts more than one of ours."""
        ours: list[tuple[Meaning, tuple[str, ...]]] = [("done", self.done), ("failed", self.failed)]
        ours.sort(key=lambda row: row[0] not in self.model_fields_set)
        for meaning, words in ours:
            if is_one_of(state, words):
                return meaning
        told_nothing = not self.model_fields_set & {"done", "failed"}
        return "ended" if told_nothing and is_one_of(state, ENDED) else "going"


class StatusSource(Options):
    """Whom to ask what runs."""

    model_config = _CONFIG

    url: Annotated[str, AfterValidator(web_url)] = Field(
        description="What to ask by GET; `headers` go along where it is on the host of the webhook's own `url`.",
        repr=False,
    )
    state: JsonPath = Field("$.status", description="JSON path of the state.")
    running: Words = Field(RUNNING, description="States that mean that it runs.")
    failed: Words = Field(FAILED, description="States that mean that it failed.")
    version: JsonPath = Field("$.version", description="JSON path of the version that runs.")
