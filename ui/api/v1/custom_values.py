"""Values of custom fields in requests and answers: by key, as JSON, of the fields that are shown in the API."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, TypeVar

from pydantic import Field, JsonValue, StringConstraints

from domain.custom_fields.fields import LONGEST_KEY, PREFIX, FieldPlace, UnknownField
from services.custom_fields.fields import load_fields
from services.db.work import Work
from ui.api.v1.fields import Answer
from ui.api.v1.lists import Listed

GivenCustom = Annotated[
    dict[Annotated[str, StringConstraints(max_length=LONGEST_KEY)], object],
    Field(
        max_length=1000,
        description="Values of custom fields by key; null takes one away, what is missing stays."
        " `openapi.json?org_schema=true` types them.",
    ),
]
"""What a write says of custom fields."""


class CustomAnswer(Answer):
    """An answer about something that has custom fields."""

    custom: dict[str, JsonValue] = Field(
        description="Values of custom fields by key, null for nothing. `openapi.json?org_schema=true` types them."
    )


C = TypeVar("C", bound=CustomAnswer)


@dataclass(frozen=True)
class ApiFields:
    """The custom fields of one kind of things that programs may see and write."""

    keys: tuple[str, ...]

    def shown(self, answer: C) -> C:
        """Return an answer with the values of these fields, and of no others."""
        return answer.model_copy(update={"custom": {key: answer.custom.get(key) for key in self.keys}})

    def listed(self, page: Listed[C]) -> Listed[C]:
        """Return a page with the values of these fields, and of no others."""
        return page.model_copy(update={"items": [self.shown(item) for item in page.items]})

    def given(self, values: Mapping[str, object]) -> Mapping[str, object]:
        """Return what a program says of these fields.

        Raises:
            UnknownField: it speaks of another one.
        """
        for key in values:
            if key not in self.keys:
                raise UnknownField(key=key, field=PREFIX + key)
        return values


async def api_fields(work: Work, entity: str) -> ApiFields:
    """Return the fields of an entity that programs may see and write."""
    return ApiFields(tuple(one.key for one in await load_fields(work, entity, place=FieldPlace.API)))


async def with_custom(work: Work, entity: str, answer: C) -> C:
    """Return an answer with the values that programs may see."""
    return (await api_fields(work, entity)).shown(answer)


async def list_with_custom(work: Work, entity: str, page: Listed[C]) -> Listed[C]:
    """Return a page of answers with the values that programs may see."""
    return (await api_fields(work, entity)).listed(page)


async def given_custom(work: Work, entity: str, values: Mapping[str, object] | None) -> Mapping[str, object] | None:
    """Return the values that a program gives, None where it says nothing.

    Raises:
        UnknownField: it speaks of a field that it may not see.
    """
    return None if values is None else (await api_fields(work, entity)).given(values)
