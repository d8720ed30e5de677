"""Lists in pages: how many, from where on, and what points to the next page."""

import base64
import binascii
from collections.abc import Callable
from typing import Annotated, ClassVar, Generic, TypeVar

import orjson
from pydantic import BaseModel, ConfigDict, Field, StringConstraints, TypeAdapter, ValidationError

from domain.errors import Invalid, marked
from services.db.paging import Page
from services.translations import Translate
from ui.api.v1.fields import Answer, spoken

Row = TypeVar("Row")
Shown = TypeVar("Shown", bound=Answer)
Place = TypeVar("Place")

CodeText = Annotated[str, StringConstraints(min_length=1, max_length=200, pattern=r"^[^\x00-\x1f\x7f]+$")]


class InvalidCursor(Invalid):
    """A cursor that no page of this list gave out."""

    code: ClassVar[str] = "invalid_cursor"
    sentence: ClassVar[str] = marked("This cursor does not belong to this list. Begin again without one.")


class Paging(BaseModel):
    """What every list takes."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    limit: int = Field(default=100, ge=1, le=500, description="Most items on a page.")
    cursor: str | None = Field(
        default=None, max_length=1000, description="`next_cursor` of the page before; the first page without it."
    )


class Listed(BaseModel, Generic[Shown]):
    """One page of a list."""

    items: list[Shown]
    next_cursor: str | None = Field(description="Leads to the next page; null on the last one.")


class Cursors(Generic[Place]):
    """The cursors of one list: opaque outside, the sorting key of a page's last row inside.

    They are not secret and open nothing: whatever they say, a query sees only what its scope may see.
    """

    def __init__(self, list_name: str, place: TypeAdapter[Place]) -> None:
        self._list_name = list_name
        self._place = place

    def write(self, place: Place) -> str:
        """Return the cursor that continues behind a place."""
        content = orjson.dumps([self._list_name, self._place.dump_python(place, mode="json")])
        return base64.urlsafe_b64encode(content).decode().rstrip("=")

    def read(self, cursor: str | None) -> Place | None:
        """Return the place that a cursor continues behind; None for the first page.

        Raises:
            InvalidCursor: it was not made here for this list.
        """
        if cursor is None:
            return None
        try:
            content = orjson.loads(base64.b64decode(cursor + "=" * (-len(cursor) % 4), altchars=b"-_", validate=True))
            list_name, place = content
            if list_name != self._list_name:
                raise InvalidCursor(field="cursor")
            return self._place.validate_python(place)
        except (binascii.Error, ValueError, TypeError, ValidationError) as error:
            raise InvalidCursor(field="cursor") from error

    def listed(
        self, page: Page[Row], shown: type[Shown], place_of: Callable[[Row], Place], words: Translate | None = None
    ) -> Listed[Shown]:
        """Return a page as the API shows it; `words` is the reader's language where the items have sentences."""
        last = page.items[-1] if page.has_more else None
        return Listed[shown](  # type: ignore[valid-type]
            items=[spoken(shown, row, words) for row in page.items],
            next_cursor=None if last is None else self.write(place_of(last)),
        )
