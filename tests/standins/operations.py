"""A real receiver that accepts work and has a page for each piece of it, as an asynchronous deployment service has."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from model_stage_deploy.receiving import NotGenuine, verify
from tests.standins.receiver import Answer, Behaviour, Received, Receiver

Page = Mapping[str, Any] | Behaviour
"""What a look at the work gives: the JSON of an answer, or any behaviour."""


class Operations(Receiver):
    """`POST` starts work, once for each delivery, and answers 202; `GET /operations/ID` gives one page after the other.

    `pages` are those of a piece of work, the last one for ever; `{"status": "in_progress"}` is what a dictionary
    becomes. `accepted` makes the answer to the delivery from the path of its page. What is not signed with `secret`
    (where there is one) is answered with 401, a look included.
    """

    def __init__(
        self,
        pages: Sequence[Page],
        *,
        secret: str = "",
        accepted: Callable[[str], Answer] = lambda page: Answer(202, b"", {"Location": page}),
    ) -> None:
        super().__init__()
        self._pages = pages
        self._secret = secret
        self._accepted = accepted
        self.started: dict[str, dict[str, Any]] = {}
        """Delivery id -> the body that started the work."""
        self.looks: dict[str, int] = {}

    def take(self, request: Received) -> Behaviour:
        """Remember the request; what to do with it. Called under no lock."""
        with self._lock:
            self.requests.append(request)
            try:
                name = verify(self._secret, request.headers, request.body) if self._secret else ""
            except NotGenuine as problem:
                return Answer(401, str(problem).encode())
            if request.method != "GET":
                return self._start(name or request.headers["webhook-id"], request)
            return self._look(request.target.partition("?")[0].rpartition("/")[2])

    def _start(self, delivery: str, request: Received) -> Behaviour:
        self.started.setdefault(delivery, request.json)
        return self._accepted(f"/operations/{delivery}")

    def _look(self, delivery: str) -> Behaviour:
        if delivery not in self.started:
            return Answer(404)
        number = self.looks[delivery] = self.looks.get(delivery, 0) + 1
        page = self._pages[min(number, len(self._pages)) - 1]
        if not isinstance(page, Mapping):
            return page
        told = {"model": self.started[delivery], **page}
        return Answer(200, json.dumps(told).encode(), {"Content-Type": "application/json"})
