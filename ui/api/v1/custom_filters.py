"""Lists filtered and sorted by custom fields: `custom.key=..`, its `.min`, `.max` and `.empty`, `sort=-custom.key`."""

from typing import Annotated, ClassVar

from fastapi import Depends, Request
from pydantic import ConfigDict, Field, StringConstraints, model_validator
from pydantic_core import PydanticCustomError

from domain.custom_fields.fields import PREFIX, FieldPlace
from domain.custom_fields.filters import FieldFilter, FieldSort, filters_in, sort_in
from domain.errors import Invalid, marked
from services.custom_fields.fields import load_fields
from services.db.paging import Page
from services.db.work import Work
from ui.api.v1.fields import spoken
from ui.api.v1.lists import InvalidCursor, Listed, Paging, Row, Shown


class UnknownSort(Invalid):
    """An order that a list does not know."""

    code: ClassVar[str] = "unknown_sort"
    sentence: ClassVar[str] = marked("This list cannot be sorted by “{sort}”; write custom. and the key of a field.")


class CustomPaging(Paging):
    """What lists of things with custom fields take."""

    model_config = ConfigDict(extra="allow", frozen=True)
    sort: Annotated[str, StringConstraints(max_length=60)] = Field(
        default="", description="`custom.key` or `-custom.key`; those that hold nothing come last."
    )

    @model_validator(mode="after")
    def _knows_all(self) -> "CustomPaging":
        for name in self.model_extra or {}:
            if not name.startswith(PREFIX):
                raise PydanticCustomError("extra_forbidden", "“{name}” is not known here", {"name": name[:60]})
        return self


class CustomQuestion:
    """What a request asks of custom fields."""

    def __init__(self, request: Request) -> None:
        self._params = {name: request.query_params.getlist(name) for name in request.query_params}

    async def read(self, work: Work, entity: str, sort: str) -> tuple[tuple[FieldFilter, ...], FieldSort | None]:
        """Return the filters and the field to sort by, of those that programs may see.

        Raises:
            UnknownField, CannotSortBy, Invalid: what is asked means nothing.
        """
        asks = sort or any(name.startswith(PREFIX) for name in self._params)
        fields = await load_fields(work, entity, place=FieldPlace.API) if asks else ()
        order = sort_in(fields, sort)
        if sort and order is None:
            raise UnknownSort(field="sort", sort=sort)
        return filters_in(fields, self._params), order


AskedOfFields = Annotated[CustomQuestion, Depends(CustomQuestion)]


def offset_in(cursor: str | None, name: str) -> int:
    """Return the place in a sorted list that a cursor continues at.

    Raises:
        InvalidCursor: it does not belong to such a list.
    """
    if cursor is None:
        return 0
    before, _, place = cursor.rpartition("-")
    if before != name or not place.isdecimal() or len(place) > 9:
        raise InvalidCursor(field="cursor")
    return int(place)


def listed_at(page: Page[Row], shown: type[Shown], name: str, offset: int) -> Listed[Shown]:
    """Return a page of a sorted list as the API shows it."""
    return Listed[shown](  # type: ignore[valid-type]
        items=[spoken(shown, row, None) for row in page.items],
        next_cursor=f"{name}-{offset + len(page.items)}" if page.has_more else None,
    )
