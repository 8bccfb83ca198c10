"""Deployer `webhook`: tells a receiver over HTTP what to deploy, signed, and learns how it ended.

It tries once: whether a failure is worth another try is said in the failure (`retryable`), and decided by the flow.
A delivery keeps its id over tries; timestamp and signature are made anew for each, so a receiver's check of the time
holds for the last of them, too. It keeps nothing between two calls, so many threads may use one.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any, ClassVar

from model_stage_deploy.core.errors import DeploymentFailed
from model_stage_deploy.core.inert import one_line
from model_stage_deploy.core.json_paths import NotThere
from model_stage_deploy.core.plan import Plan
from model_stage_deploy.core.reasons import Reason
from model_stage_deploy.deployers.contract import Job, Options, Receipt, Status
from model_stage_deploy.deployers.reported_url import usable_url
from model_stage_deploy.deployers.retry import retry_after
from model_stage_deploy.deployers.signing import LEAST_KEY_BYTES, weak
from model_stage_deploy.deployers.webhook_look import looked
from model_stage_deploy.deployers.webhook_options import WebhookOptions
from model_stage_deploy.deployers.webhook_payload import default_payload, encoded
from model_stage_deploy.deployers.webhook_polling import Polling, read_json, require_not_failed, status_url, text_at
from model_stage_deploy.deployers.webhook_requests import Exchange, delivery, exchanged, origin, place, question, tail
from model_stage_deploy.deployers.webhook_words import described, hint_for
from model_stage_deploy.ports import Clock, Web, WebResponse

_LOOPBACK = ("localhost", "127.0.0.1", "::1")


class Webhook:
    """Sends one JSON request and takes the answer for the outcome, or follows a 202 to its end."""

    options: ClassVar[type[Options]] = WebhookOptions
    needs_files: ClassVar[bool] = False
    url_options: ClassVar[frozenset[str]] = frozenset({"url", "status"})
    verbatim_options: ClassVar[frozenset[str]] = frozenset()

    def __init__(self, web: Web, clock: Clock) -> None:
        self._web = web
        self._clock = clock

    def describe(self, plan: Plan, options: WebhookOptions) -> list[str]:
        """See contract.Deployer."""
        return described(plan, options, _body(plan, "<delivery id>", options))

    def why_not_undeploy(self, options: WebhookOptions) -> str:
        """See contract.Undeployer: a receiver must not take an undeployment for a deployment."""
        if "body" in options.model_fields_set and "undeploy_body" not in options.model_fields_set:
            return "beside a `body` of your own, `deploy.with.undeploy-body` must say what to send for it"
        return ""

    def describe_undeploy(self, plan: Plan, options: WebhookOptions) -> list[str]:
        """See contract.Undeployer."""
        return self.describe(_undeploying(plan), options)

    def undeploy(self, job: Job, options: WebhookOptions) -> Receipt:
        """See contract.Undeployer. The same request as for a deployment, whose body says `"action": "undeploy"`."""
        why_not = self.why_not_undeploy(options)
        if why_not:
            raise DeploymentFailed(Reason.DEPLOYER_FAILED, why_not)
        return self.deploy(replace(job, plan=_undeploying(job.plan)), options)

    def why_not_status(self, options: WebhookOptions) -> str:
        """See contract.StatusTeller."""
        return "" if options.status else "`deploy.with.status` must say which `url` to ask"

    def status(self, job: Job, options: WebhookOptions) -> Status:
        """See contract.StatusTeller."""
        if options.status is None:
            raise DeploymentFailed(Reason.DEPLOYER_FAILED, self.why_not_status(options))
        now = self._clock.now()
        asked = question(options, options.status.url, f"{job.attempt}-status", now, job.timeout)
        return looked(exchanged(self._web, asked), options.status, now)

    def deploy(self, job: Job, options: WebhookOptions) -> Receipt:
        """See contract.Deployer."""
        until = self._clock.monotonic() + job.timeout
        _warn(job, options)
        request = delivery(options, job.attempt, _body(job.plan, job.attempt, options), self._clock.now(), job.timeout)
        sent = exchanged(self._web, request)
        job.output(f"{options.method} {place(options.url)}: {sent}\n")
        if sent.answer is None or not options.is_success(sent.answer.status):
            job.output(f"{tail(sent)}\n")
            raise self._failed(job, options, sent, until)
        facts = {"status": sent.answer.status, "delivery": job.attempt}
        if sent.answer.status != 202 or options.poll is None:
            require_not_failed(sent, options)
            return _receipt(sent.answer, job, options, facts)
        where = status_url(sent.answer, options, options.poll)
        ended = Polling(self._web, self._clock, job, options, options.poll, where, until).end(sent)
        facts |= {"polls": ended.looks, "state": ended.state, "status_host": place(where)}
        return _receipt(ended.answer, job, options, facts, where)

    def _failed(self, job: Job, options: WebhookOptions, sent: Exchange, until: float) -> DeploymentFailed:
        if self._clock.monotonic() >= until:
            return DeploymentFailed(
                Reason.DEPLOYER_TIMEOUT,
                f"the webhook did not succeed within {job.timeout:g} s; last: {sent}",
                hint="the receiver may still be at work; it knows a repeated delivery by its id",
                tail=tail(sent),
            )
        answered = f"{place(options.url)} answered with {sent}"
        return DeploymentFailed(
            Reason.DEPLOYER_FAILED,
            answered if sent.answer is not None else f"the webhook could not be delivered: {sent}",
            hint=hint_for(sent),
            tail=tail(sent),
            retryable=sent.retryable,
            after=retry_after(sent.headers.get("retry-after", ""), self._clock.now()),
        )


def _body(plan: Plan, attempt: str, options: WebhookOptions) -> bytes:
    name = "undeploy_body" if plan.decision.action == "undeploy" else "body"
    return encoded(getattr(options, name) if name in options.model_fields_set else default_payload(plan, attempt))


def _undeploying(plan: Plan) -> Plan:
    """The plan, whose decision says `undeploy`, whoever made it."""
    return replace(plan, decision=replace(plan.decision, action="undeploy"))


def _warn(job: Job, options: WebhookOptions) -> None:
    scheme, host, _ = origin(options.url)
    if options.secret and scheme == "http" and host not in _LOOPBACK:
        job.output("warning: this goes over http, so anybody on the way can read it\n")
    if weak(options.signature, options.keys):
        job.output(f"warning: a key is shorter than the {LEAST_KEY_BYTES} bytes that Standard Webhooks ask for\n")


def _receipt(
    answer: WebResponse, job: Job, options: WebhookOptions, facts: dict[str, Any], hidden: str = ""
) -> Receipt:
    """What the last answer says is live. Raises DeploymentFailed where it should name the version and does not."""
    shown = tail(Exchange(answer), hidden)
    version, wanted = "", options.answer.version
    try:
        document = read_json(answer)
    except ValueError:
        document = None
    if wanted is not None and job.plan.decision.action == "deploy":
        version = _text(document, wanted)
        if not version:
            raise DeploymentFailed(
                Reason.DEPLOYER_FAILED,
                f"the answer of {place(options.url)} names no version at {wanted}, so what is live is not known",
                hint="`answer.version` says where the receiver names it; without that setting it is not asked for",
                tail=shown,
            )
    return Receipt(
        url=usable_url(_text(document, options.answer.url)), facts=facts, tail=shown, version=one_line(version, 100)
    )


def _text(document: Any, path: str) -> str:
    try:
        return text_at(document, path) or ""
    except NotThere:
        return ""
