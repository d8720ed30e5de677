"""What one thing holds in its custom fields, to be read."""

from uuid import UUID

from nicegui import background_tasks, ui

from domain.custom_fields.fields import FieldPlace, FieldType
from domain.errors import UnisonError
from domain.events import CustomFieldsChanged, Event
from services.custom_fields.shown import ShownValue, shown_values
from services.db.work import read
from ui.kit.enter import Seat
from ui.kit.errors import show_error
from ui.kit.process import this_process

FILE_ADDRESS = "/api/v1/files/{id}/content"


class CustomFacts:
    """The values of a thing, which come a moment after the page and follow what happens to their fields."""

    def __init__(self, seat: Seat, entity: str, row_id: UUID, *, zone: str) -> None:
        self._seat, self._entity, self._row_id, self._zone = seat, entity, row_id, zone
        self._shown: tuple[ShownValue, ...] | None = None
        self._root = ui.element("div").classes("u-custom-facts").mark("custom-facts")
        self._root.visible = False
        self._unsubscribe = this_process().hub.subscribe(seat.viewer.scope.org_id, self._hear)
        seat.client.on_delete(self._unsubscribe)
        self._follow()

    def _hear(self, event: Event | None) -> None:
        if self._root.is_deleted:
            self._unsubscribe()
        elif event is None or (isinstance(event, CustomFieldsChanged) and event.entity == self._entity):
            self._follow()

    def _follow(self) -> None:
        background_tasks.create(self._load(), name="load custom values", context=self._root)

    async def _load(self) -> None:
        try:
            async with read(self._seat.scope()) as work:
                found = await shown_values(
                    work, self._entity, [self._row_id], where=FieldPlace.LIST, language=self._seat.lang, zone=self._zone
                )
        except UnisonError as error:
            show_error(error, self._seat.translate)
            return
        values = found.get(self._row_id, ())
        if self._root.is_deleted or values == self._shown:
            return
        self._shown = values
        self._root.visible = bool(values)
        self._root.clear()
        with self._root:
            for one in values:
                with ui.element("div").classes("u-order-page__fact"):
                    ui.label(one.label).classes("u-muted")
                    if one.type is FieldType.FILE:
                        ui.link(one.text, FILE_ADDRESS.format(id=one.stored), new_tab=True).classes("u-link")
                    else:
                        ui.label(one.text)
