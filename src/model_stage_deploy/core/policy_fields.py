"""How single values of a stage's policy are written: durations, people, files, days, rules. The shapes: policy.py.

Each is read here once to find mistakes, and kept as written; whoever judges by it reads it again.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated, Any

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, ValidationInfo, WithJsonSchema
from pydantic.annotated_handlers import GetJsonSchemaHandler
from pydantic.json_schema import JsonSchemaValue
from pydantic_core import CoreSchema, PydanticCustomError

from model_stage_deploy.core.durations import LONGEST, LONGEST_PERIOD, BadDuration, parse_duration
from model_stage_deploy.core.tags import is_stage_name

WHOLE = {"whole": True}
"""Context for pydantic: all layers are merged, so what is missing now is missing for good."""


def wrong(message: str, hint: str = "") -> PydanticCustomError:
    """A complaint in our own words, which mapping_words passes on as it is."""
    return PydanticCustomError("plain", "{message}", {"message": message, "hint": hint})


def is_whole(info: ValidationInfo) -> bool:
    """Whether the value was merged from all layers; one layer alone may hold a part of it."""
    return bool(info.context and info.context.get("whole"))


class Part(BaseModel):
    """Unknown keys are mistakes; nothing is converted; hyphens in YAML, underscores here."""

    model_config = ConfigDict(
        extra="forbid", strict=True, frozen=True, alias_generator=lambda name: name.rstrip("_").replace("_", "-")
    )


class Short:
    """Marks a value that may be written shorter: `key` and a list of one are what the value becomes."""

    def __init__(self, short: type, key: str = "") -> None:
        self._short = short
        self._key = key

    def read(self, value: Any) -> Any:
        """The long form of a short one; anything else as it is."""
        if not isinstance(value, self._short):
            return value
        return {self._key: value} if self._key else [value]

    def __get_pydantic_json_schema__(self, core: CoreSchema, handler: GetJsonSchemaHandler) -> JsonSchemaValue:
        short: JsonSchemaValue = {"type": "string"}
        if self._short is list:
            short = {"type": "array", "items": {"type": "string"}, "minItems": 1}
        return {"anyOf": [short, handler(core)]}


def _duration(longest: float, *, zero: bool = False) -> BeforeValidator:
    def read(value: Any) -> Any:
        if value is None or (zero and not isinstance(value, bool) and str(value).strip() in ("0", "0.0", "0s", "0m")):
            return None if value is None else 0.0
        try:
            return parse_duration(value, longest=longest)
        except BadDuration as problem:
            raise wrong(str(problem)) from None

    return BeforeValidator(read)


def _stage(value: Any) -> Any:
    if isinstance(value, str) and not is_stage_name(value):
        raise wrong("is not a name that GTO allows for a stage", "letters, digits, `_`, `-` and `/`")
    return value


def _readable(read: Callable[[str], object]) -> AfterValidator:
    """A text that `read` can read; its ValueError says why not."""

    def check(value: str) -> str:
        try:
            read(value)
        except PydanticCustomError:
            raise
        except ValueError as problem:
            raise wrong(str(problem)) from None
        return value

    return AfterValidator(check)


def _zone(text: str) -> None:
    from model_stage_deploy.core.windows import read_zone

    read_zone(text)


def _days(text: str) -> None:
    from model_stage_deploy.core.windows import read_days

    read_days(text)


def _hours(text: str) -> None:
    from model_stage_deploy.core.windows import read_hours

    read_hours(text)


def _moment(text: str) -> None:
    from model_stage_deploy.core.windows import read_moment

    read_moment(text)


def _rule(text: str) -> None:
    from model_stage_deploy.core.expressions import parse_rule

    parse_rule(text)


def _threshold(text: str) -> None:
    from model_stage_deploy.core.expressions import parse_threshold

    parse_threshold(text)


def _json_path(text: str) -> None:
    from model_stage_deploy.core.json_paths import parse_path

    parse_path(text)


def _person(text: str) -> None:
    from model_stage_deploy.core.who import Kind, read_who

    if read_who(text).kind is Kind.MAIL:
        raise wrong(
            "is an e-mail address; who is asked here is known by their login",
            "write a login (alice), a team (@org/leads) or permission:maintain",
        )


def _approver(text: str) -> None:
    from model_stage_deploy.core.who import read_who

    read_who(text)


def _address(text: str) -> None:
    from model_stage_deploy.core.who import Kind, read_who

    if "@" not in text or read_who(text).kind is not Kind.MAIL:
        raise wrong("is no e-mail address", "a tagger is known by the address in the tag: alice@example.com")


def _file(text: str) -> None:
    parts = text.split("/")
    if "\\" in text or not text.isprintable() or any(part in ("", ".", "..") for part in parts):
        raise wrong("is no file of this repository", "write its path from the top of the repository: metrics/eval.json")


_DURATION: dict[str, Any] = {
    "anyOf": [
        {"type": "number", "minimum": 0, "maximum": LONGEST},
        {"type": "string", "pattern": r"^\s*(?=.*\d)(\d+d)?\s*(\d+h)?\s*(\d+m)?\s*(\d+(\.\d+)?s?)?\s*$"},
    ]
}
_PERIOD: dict[str, Any] = {
    "anyOf": [{"type": "number", "minimum": 0, "maximum": LONGEST_PERIOD}, _DURATION["anyOf"][1]]
}
_TEXT = Field(min_length=1, max_length=1000)
Duration = Annotated[float, _duration(LONGEST), WithJsonSchema(_DURATION)]
"""Seconds, at most a day."""
Wait = Annotated[float, _duration(LONGEST, zero=True), WithJsonSchema(_DURATION)]
"""Seconds, at most a day, or 0."""
Period = Annotated[float, _duration(LONGEST_PERIOD), WithJsonSchema(_PERIOD)]
"""Seconds, at most a year."""
StageName = Annotated[str, BeforeValidator(_stage)]
Who = Annotated[str, _TEXT, _readable(_person)]
"""A login (`alice`), a team (`@org/leads`), or a permission on the repository (`permission:maintain`)."""
Approver = Annotated[str, _TEXT, _readable(_approver)]
"""As Who, or an e-mail address: a local log knows approvers by what Git calls them."""
Address = Annotated[str, _TEXT, _readable(_address)]
"""An e-mail address."""
File = Annotated[str, _TEXT, _readable(_file)]
"""A path from the top of the repository."""
MetricRule = Annotated[str, Field(min_length=1), _readable(_rule)]
Threshold = Annotated[str, Field(min_length=1), _readable(_threshold)]
JsonPath = Annotated[str, _readable(_json_path)]
Zone = Annotated[str, _TEXT, _readable(_zone)]
Days = Annotated[str, _TEXT, _readable(_days)]
Hours = Annotated[str, _TEXT, _readable(_hours)]
Moment = Annotated[str, _TEXT, _readable(_moment)]
