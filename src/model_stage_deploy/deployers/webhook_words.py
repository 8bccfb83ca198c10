"""How a webhook's request is described before it is sent, and what to do about its failures."""

from __future__ import annotations

import re

from model_stage_deploy.core.durations import format_duration
from model_stage_deploy.core.inert import one_line
from model_stage_deploy.core.plan import Plan
from model_stage_deploy.deployers.webhook_options import WebhookOptions
from model_stage_deploy.deployers.webhook_requests import Exchange

_ALL = 1_000_000  # a cut might leave half a secret, which would not be known for one
_QUIET = re.compile(r"auth|token|secret|key|cookie|password", re.IGNORECASE)
_STYLES = {"standard": "webhook-signature, Standard Webhooks", "github": "X-Hub-Signature-256"}


def described(plan: Plan, options: WebhookOptions, body: bytes) -> list[str]:
    """Lines that say exactly what would be sent."""
    shown = {name: "***" if _QUIET.search(name) else value for name, value in options.headers.items()}
    return [
        f"{options.method} {one_line(options.url, _ALL)}",
        *(f"  {name}: {one_line(value, _ALL)}" for name, value in shown.items()),
        f"  {one_line(body.decode(), _ALL)}",
        f"signed with HMAC-SHA256 ({_STYLES[options.signature]})" if options.secret else "not signed (no `secret`)",
        _end(options),
        f"{options.request_timeout:g} s for one request, {plan.timeout:g} s for all",
    ]


def _end(options: WebhookOptions) -> str:
    poll = options.poll
    if poll is None:
        return "status 202 is taken for the end (`poll: none`)"
    where = one_line(poll.status_url, _ALL) if poll.status_url else "Operation-Location or Location"
    words = one_line(", ".join(poll.done), _ALL)
    return (
        f"after status 202: GET what {where} names, first after {format_duration(poll.interval)}, "
        f"until {one_line(poll.state, _ALL)} is {words}"
    )


def hint_for(sent: Exchange) -> str:
    """What to do about a request that failed."""
    if sent.answer is not None and sent.answer.status in (401, 403):
        return "does the receiver know the `secret` or the header that this deployment sends?"
    if sent.answer is not None and 300 <= sent.answer.status < 400:
        return "name the final address in `url`"
    if sent.problem is not None and sent.problem.kind == "redirect":
        return "name the final address in `url`: a redirect to another place is never followed"
    if sent.problem is not None and sent.problem.kind == "tls":
        return "for a private authority set REQUESTS_CA_BUNDLE to its certificate; checks cannot be turned off"
    return ""
