"""Deployer `webhook`: tells a receiver over HTTP what to deploy, signed, and as often as it takes.

A delivery keeps its id over retries; timestamp and signature are made anew for each try, so a receiver's check of
the time also holds for the last of them.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import ClassVar
from urllib.parse import urlsplit

from model_stage_deploy import __version__
from model_stage_deploy.core.errors import DeploymentFailed
from model_stage_deploy.core.inert import lines, one_line
from model_stage_deploy.core.plan import Plan
from model_stage_deploy.core.reasons import Reason
from model_stage_deploy.deployers.contract import Job, Options, Receipt
from model_stage_deploy.deployers.reported_url import usable_url
from model_stage_deploy.deployers.retry import RETRY_STATUSES, pause
from model_stage_deploy.deployers.signing import sign
from model_stage_deploy.deployers.webhook_options import WebhookOptions
from model_stage_deploy.deployers.webhook_payload import default_payload, encoded
from model_stage_deploy.ports import Clock, Web, WebProblem, WebRequest, WebResponse

TAIL_BYTES = 1990  # and so within one line of core.inert
_ALL = 1_000_000  # a cut might leave half a secret, which would not be known for one
_LOOPBACK = ("localhost", "127.0.0.1", "::1")
_QUIET = re.compile(r"auth|token|secret|key|cookie|password", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class _Try:
    """How one request went: an answer, or the problem that there was none."""

    answer: WebResponse | None = None
    problem: WebProblem | None = None

    @property
    def retryable(self) -> bool:
        if self.answer is not None:
            return self.answer.status in RETRY_STATUSES
        return self.problem is not None and self.problem.retryable

    @property
    def headers(self) -> Mapping[str, str]:
        return self.answer.headers if self.answer is not None else {}

    def __str__(self) -> str:
        return f"status {self.answer.status}" if self.answer is not None else one_line(str(self.problem), 300)


class Webhook:
    """Sends one JSON request and takes the answer's status for the outcome.

    The answer may say `{"url": "https://…"}`, where the model is live.
    """

    options: ClassVar[type[Options]] = WebhookOptions
    needs_files: ClassVar[bool] = False
    url_options: ClassVar[frozenset[str]] = frozenset({"url"})
    verbatim_options: ClassVar[frozenset[str]] = frozenset()

    def __init__(self, web: Web, clock: Clock) -> None:
        self._web = web
        self._clock = clock

    def describe(self, plan: Plan, options: WebhookOptions) -> list[str]:
        """See contract.Deployer."""
        return self._described(plan, options)

    def why_not_undeploy(self, options: WebhookOptions) -> str:
        """See contract.Undeployer: a receiver must not take an undeployment for a deployment."""
        if "body" in options.model_fields_set and "undeploy_body" not in options.model_fields_set:
            return "beside a `body` of your own, `deploy.with.undeploy-body` must say what to send for it"
        return ""

    def describe_undeploy(self, plan: Plan, options: WebhookOptions) -> list[str]:
        """See contract.Undeployer."""
        return self._described(_undeploying(plan), options)

    def undeploy(self, job: Job, options: WebhookOptions) -> Receipt:
        """See contract.Undeployer. The same request as for a deployment, whose body says `"action": "undeploy"`."""
        why_not = self.why_not_undeploy(options)
        if why_not:
            raise DeploymentFailed(Reason.DEPLOYER_FAILED, why_not)
        return self.deploy(replace(job, plan=_undeploying(job.plan)), options)

    def _described(self, plan: Plan, options: WebhookOptions) -> list[str]:
        shown = {name: "***" if _QUIET.search(name) else value for name, value in options.headers.items()}
        signed = "signed with HMAC-SHA256 (X-MSD-Signature)" if options.secret else "not signed (no `secret`)"
        return [
            f"{options.method} {one_line(options.url, _ALL)}",
            *(f"  {name}: {one_line(value, _ALL)}" for name, value in shown.items()),
            f"  {one_line(_body(plan, '<delivery id>', options).decode(), _ALL)}",
            f"{signed}; up to {options.retries} retries on connection errors, 429 and 5xx",
            f"{options.request_timeout:g} s for one request, {plan.timeout:g} s for all",
        ]

    def deploy(self, job: Job, options: WebhookOptions) -> Receipt:
        """See contract.Deployer."""
        body = _body(job.plan, job.attempt, options)
        until = self._clock.monotonic() + job.timeout
        if options.secret and urlsplit(options.url).scheme == "http" and _host(options) not in _LOOPBACK:
            job.output("warning: this goes over http, so anybody on the way can read it\n")
        for number in range(1, options.retries + 2):
            tried = self._try(job, options, body, until)
            told = f"{options.method} {_place(options.url)}: {tried} (try {number} of {options.retries + 1})"
            if tried.answer is not None and options.is_success(tried.answer.status):
                job.output(f"{told}\n")
                return _receipt(tried.answer, job, number)
            if self._clock.monotonic() >= until:
                job.output(f"{told}\n")
                raise _late(job, tried)
            if not tried.retryable or number > options.retries:
                job.output(f"{told}\n{_tail(tried)}\n")
                raise _failed(options, tried, number)
            wait = pause(number, tried.headers, self._clock.now(), job.attempt)
            if self._clock.monotonic() + wait >= until:
                job.output(f"{told}; the next try would be in {wait:.1f} s, later than `timeout`\n")
                raise _late(job, tried)
            job.output(f"{told}; again in {wait:.1f} s\n")
            self._clock.sleep(wait)
        raise AssertionError("the last try returns or raises")

    def _try(self, job: Job, options: WebhookOptions, body: bytes, until: float) -> _Try:
        timestamp = int(self._clock.now())
        headers = {
            "Content-Type": "application/json",
            "User-Agent": f"model-stage-deploy/{__version__}",
            "X-MSD-Delivery": job.attempt,
            "Idempotency-Key": job.attempt,
            "X-MSD-Timestamp": str(timestamp),
        }
        if options.secret is not None:
            headers["X-MSD-Signature"] = sign(options.secret.get_secret_value(), timestamp, body)
        named = {name.lower() for name in options.headers}
        headers = {name: value for name, value in headers.items() if name.lower() not in named}
        left = max(0.01, until - self._clock.monotonic())
        request = WebRequest(
            options.method, options.url, {**headers, **options.headers}, body, min(options.request_timeout, left)
        )
        try:
            return _Try(answer=self._web.send(request))
        except WebProblem as problem:
            return _Try(problem=problem)


def _body(plan: Plan, attempt: str, options: WebhookOptions) -> bytes:
    name = "undeploy_body" if plan.decision.action == "undeploy" else "body"
    return encoded(getattr(options, name) if name in options.model_fields_set else default_payload(plan, attempt))


def _undeploying(plan: Plan) -> Plan:
    """The plan, whose decision says `undeploy`, whoever made it."""
    return replace(plan, decision=replace(plan.decision, action="undeploy"))


def _host(options: WebhookOptions) -> str:
    return urlsplit(options.url).hostname or ""


def _place(url: str) -> str:
    """Scheme and host: paths and queries of webhooks are often secrets."""
    parts = urlsplit(url)
    return one_line(f"{parts.scheme}://{parts.netloc}", 200)


def _receipt(answer: WebResponse, job: Job, tries: int) -> Receipt:
    facts = {"status": answer.status, "tries": tries, "delivery": job.attempt}
    try:
        told = None if answer.truncated else json.loads(answer.body)
    except (ValueError, RecursionError):
        told = None
    url = usable_url(told.get("url")) if isinstance(told, dict) else None
    return Receipt(url=url, facts=facts, tail=_tail(_Try(answer=answer)))


def _failed(options: WebhookOptions, tried: _Try, tries: int) -> DeploymentFailed:
    often = "" if tries == 1 else f" after {tries} tries"
    if tried.answer is None:
        message = f"the webhook could not be delivered{often}: {tried}"
    else:
        message = f"{_place(options.url)} answered with {tried}{often}"
    return DeploymentFailed(Reason.DEPLOYER_FAILED, message, hint=_hint(tried), tail=_tail(tried))


def _hint(tried: _Try) -> str:
    if tried.answer is not None and tried.answer.status in (401, 403):
        return "does the receiver know the `secret` or the header that this deployment sends?"
    if tried.answer is not None and 300 <= tried.answer.status < 400:
        return "name the final address in `url`"
    if tried.problem is not None and tried.problem.kind == "redirect":
        return "name the final address in `url`: a redirect to another place is never followed"
    if tried.problem is not None and tried.problem.kind == "tls":
        return "for a private authority set REQUESTS_CA_BUNDLE to its certificate; checks cannot be turned off"
    return ""


def _late(job: Job, tried: _Try) -> DeploymentFailed:
    return DeploymentFailed(
        Reason.DEPLOYER_TIMEOUT,
        f"the webhook did not succeed within {job.timeout:g} s; last: {tried}",
        hint="the receiver may still be at work; it can tell repeated deliveries by `X-MSD-Delivery`",
        tail=_tail(tried),
    )


def _tail(tried: _Try) -> str:
    """Status and the beginning of the body, inert: each line of it follows a bar, so none can be a command."""
    if tried.answer is None:
        return str(tried)
    told = tried.answer.body[:TAIL_BYTES].decode("utf-8", errors="replace")
    if len(tried.answer.body) > TAIL_BYTES or tried.answer.truncated:
        # Up to the end of a word: half a secret, as an echo may hold it, would not be known for one.
        told = re.sub(r"[^\s\"',;&<>]{0,512}\Z", "", told) + "…"
    return "\n".join([str(tried), *(f"| {line}" for line in lines(told.rstrip("\n")) if told.strip())])
