"""What `verify:` of the mapping may ask: an HTTP answer, a command, a number of Prometheus. The shapes alone."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import Field, model_validator

from model_stage_deploy.core.policy_fields import Duration, JsonPath, Part, Threshold, wrong


class _Sampled(Part):
    """What is asked several times: `samples` of which `needed` must be good."""

    @model_validator(mode="after")
    def _enough(self) -> _Sampled:
        samples, needed = getattr(self, "samples", 1), getattr(self, "needed", None)
        if needed is not None and needed > samples:
            raise wrong(f"{needed} good ones of {samples} can never be", "raise `samples`, or lower `needed`")
        return self


class HttpCheck(_Sampled):
    """Ask an address whether the right version serves."""

    url: str = Field(
        min_length=1,
        description="A template, whose values are percent-encoded.",
        examples=["https://models.example.com/{{ model.slug }}/health"],
    )
    method: Literal["GET", "HEAD", "POST"] = Field("GET", description="Default: GET.", examples=["POST"])
    headers: dict[str, str] | None = Field(
        None,
        description="Headers to send; values are templates.",
        examples=[{"Authorization": "Bearer {{ secrets.HEALTH_TOKEN }}"}],
    )
    body: str | None = Field(None, description="A body to send; a template.", examples=['{"inputs": [1, 2]}'])
    status: list[int] | None = Field(
        None, min_length=1, description="Good statuses. Default: 200.", examples=[[200, 204]]
    )
    header: dict[str, str] | None = Field(
        None,
        description="Headers of the answer, and what each must be; templates.",
        examples=[{"X-Model-Version": "{{ version }}"}],
    )
    json_: dict[JsonPath, Any] | None = Field(
        None,
        description="What the answer's JSON must hold, by path; texts are templates.",
        examples=[{"$.version": "{{ version }}"}],
    )
    contains: str | None = Field(
        None, description="Text that the answer must contain; a template.", examples=["{{ version }}"]
    )
    samples: int = Field(
        1, ge=1, le=1000, description="How many requests in a row make a sample. Default: 1.", examples=[10]
    )
    needed: int | None = Field(
        None, ge=1, le=1000, description="How many of them must be good. Default: all.", examples=[1]
    )
    interval: Duration = Field(2.0, description="Pause between requests. Default: 2s.", examples=["5s"])
    deadline: Duration = Field(60.0, description="How long to go on until it is good. Default: 60s.", examples=["5m"])
    request_timeout: Duration = Field(
        10.0, description="How long one request may take. Default: 10s.", examples=["30s"]
    )


class MetricCheck(_Sampled):
    """Ask Prometheus for one number."""

    prometheus: str = Field(
        min_length=1, description="Address of the server; a template.", examples=["http://prometheus:9090"]
    )
    query: str = Field(
        min_length=1,
        description="PromQL that gives one number; a template.",
        examples=['sum(rate(errors_total{model="{{ model.name }}"}[5m]))'],
    )
    threshold: Threshold = Field(
        description="What the number must be. Quoted, as `>` means something else to YAML.", examples=["< 0.01"]
    )
    headers: dict[str, str] | None = Field(
        None,
        description="Headers to send; values are templates.",
        examples=[{"Authorization": "Bearer {{ secrets.PROMETHEUS_TOKEN }}"}],
    )
    nan: Literal["pass", "fail", "inconclusive"] = Field(
        "inconclusive", description="What NaN, or no data at all, means. Default: inconclusive.", examples=["fail"]
    )
    samples: int = Field(1, ge=1, le=1000, description="How many readings. Default: 1.", examples=[5])
    needed: int | None = Field(
        None, ge=1, le=1000, description="How many of them must be good. Default: all.", examples=[1]
    )
    interval: Duration = Field(10.0, description="Pause between readings. Default: 10s.", examples=["30s"])
    delay: Duration | None = Field(
        None, description="How long to wait before the first. Default: not at all.", examples=["2m"]
    )
    deadline: Duration = Field(300.0, description="How long it all may take. Default: 5m.", examples=["10m"])
    request_timeout: Duration = Field(
        10.0, description="How long one request may take. Default: 10s.", examples=["30s"]
    )


class Check(Part):
    """One way to find out whether what was deployed serves. Exactly one of `http`, `run` and `metric`."""

    name: str | None = Field(None, description="What to call it. Default: its kind.", examples=["health"])
    http: HttpCheck | None = Field(
        None,
        description="Ask an address whether the right version serves.",
        examples=[{"url": "https://models.example.com/health", "json": {"$.version": "{{ version }}"}}],
    )
    run: str | None = Field(
        None,
        min_length=1,
        description="A Bash script: 0 says good, 75 says that it cannot tell, anything else says bad. MSD_* are set; "
        "it is no template.",
        examples=["./smoke-test.sh"],
    )
    metric: MetricCheck | None = Field(
        None,
        description="Ask Prometheus for one number.",
        examples=[{"prometheus": "http://prometheus:9090", "query": "error_rate", "threshold": "< 0.01"}],
    )
    timeout: Duration | None = Field(
        None, description="For `run`: how long it may take. Default: 5m.", examples=["10m"]
    )

    @model_validator(mode="after")
    def _one_kind(self) -> Check:
        if sum(part is not None for part in (self.http, self.run, self.metric)) != 1:
            raise wrong("needs exactly one of `http`, `run` and `metric`")
        if self.timeout is not None and self.run is None:
            raise wrong("`timeout` is for `run`", f"write `deadline` below `{self.kind}`")
        return self

    @property
    def kind(self) -> str:
        """`http`, `run` or `metric`."""
        return "http" if self.http is not None else "metric" if self.metric is not None else "run"
