"""A web that never leaves the process."""

from __future__ import annotations

from model_stage_deploy.ports import WebRequest, WebResponse
from tests.fakes.clock import FakeClock


class FakeWeb:
    """Fulfils ports.Web: gives the prepared answers (or raises them) in order, the last for ever; keeps `requests`.

    With a `clock`, every exchange takes `seconds`.
    """

    def __init__(
        self, *answers: WebResponse | BaseException, clock: FakeClock | None = None, seconds: float = 0.0
    ) -> None:
        self.answers = list(answers) or [WebResponse(200, {}, b"")]
        self.requests: list[WebRequest] = []
        self._clock = clock
        self._seconds = seconds

    def send(self, request: WebRequest) -> WebResponse:
        self.requests.append(request)
        if self._clock is not None:
            self._clock.time += min(self._seconds, request.timeout)
        answer = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
        if isinstance(answer, BaseException):
            raise answer
        return answer
