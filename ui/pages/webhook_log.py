"""What became of each message to a webhook, as it happens."""

from collections.abc import Awaitable, Callable
from functools import partial
from uuid import UUID

from nicegui import ui

from domain.integration.webhooks import REASON_SENTENCES, DeliveryState
from services.db.work import Work, read
from services.webhooks.webhooks import DeliveryInfo, WebhookInfo, list_deliveries, replay_delivery
from ui.kit.act import act
from ui.kit.enter import Seat
from ui.kit.formats import day_and_time
from ui.kit.translate import Translate
from ui.pages.admin_parts import heading

MOST_SHOWN = 100
LONGEST_ANSWER = 120
STATE_ICONS = {
    DeliveryState.WAITING: "schedule",
    DeliveryState.DELIVERED: "check_circle",
    DeliveryState.FAILED: "error",
}


class WebhookLog:
    """The newest messages to the webhook that was chosen; a message keeps its row, whatever becomes of it."""

    def __init__(self, seat: Seat, zone: str, *, may_edit: bool) -> None:
        self._seat, self._zone, self._may_edit = seat, zone, may_edit
        self._of: UUID | None = None
        self._rows: dict[UUID, _Row] = {}
        _ = seat.translate
        with ui.element("section").classes("u-column").mark("webhook-log") as self._section:
            self._title = heading("")
            self._nothing = ui.label(_("Nothing was sent yet.")).classes("u-muted")
            with ui.element("div").classes("u-table-scroll") as self._scroll, ui.element("table").classes("u-table"):
                with ui.element("thead"), ui.element("tr"):
                    for words in (_("When"), _("Topic"), _("State"), _("Attempts"), _("Answer"), ""):
                        with ui.element("th"):
                            ui.label(words)
                self._body = ui.element("tbody")
        self._section.visible = False

    async def show(self, hook: WebhookInfo) -> None:
        """Show the messages to this webhook from now on."""
        if self._of != hook.id:
            self._clear()
        self._of = hook.id
        await self.load((hook,))

    async def load(self, hooks: tuple[WebhookInfo, ...]) -> None:
        """Show what became of the messages meanwhile; `hooks` are those that there are now."""
        hook = next((one for one in hooks if one.id == self._of), None)
        if hook is None:
            self._clear()
            return
        async with read(self._seat.scope()) as work:
            found = (await list_deliveries(work, webhook_id=hook.id, limit=MOST_SHOWN)).items
        if hook.id != self._of:
            return  # somebody has chosen another one meanwhile
        self._title.text = self._seat.translate("Messages to {address}").format(address=hook.url)
        self._nothing.visible, self._scroll.visible, self._section.visible = not found, bool(found), True
        self._draw(found)

    def _draw(self, found: tuple[DeliveryInfo, ...]) -> None:
        for gone in self._rows.keys() - {delivery.id for delivery in found}:
            self._rows.pop(gone).element.delete()
        for place, delivery in enumerate(found):
            row = self._rows.get(delivery.id)
            if row is None:
                with self._body:
                    row = self._rows[delivery.id] = _Row(self._seat, self._zone)
                    if self._may_edit:
                        row.offer_replay(partial(self._replay, delivery.id))
                if place < len(self._rows) - 1:
                    row.element.move(target_index=place)
            row.show(delivery)

    def _clear(self) -> None:
        self._of, self._section.visible = None, False
        self._rows.clear()
        self._body.clear()

    async def _replay(self, delivery_id: UUID) -> None:
        async def replay(work: Work) -> UUID:
            return await replay_delivery(work, delivery_id=delivery_id)

        await act(self._seat, replay, saved=self._seat.translate("Sent; it stands among the messages."))


class _Row:
    def __init__(self, seat: Seat, zone: str) -> None:
        self._seat, self._zone = seat, zone
        self._shown: DeliveryInfo | None = None
        with ui.element("tr").mark("delivery") as self.element:
            self._at, self._topic = _cell(), _cell()
            with ui.element("td"), ui.element("span").classes("u-held") as self._held:
                self._icon, self._state = ui.icon(""), ui.label()
            self._attempts, self._answer = _cell(), _cell()
            self._actions = ui.element("td").classes("u-table__actions")

    def offer_replay(self, do: Callable[[], Awaitable[None]]) -> None:
        with self._actions:
            again = ui.button(self._seat.translate("Send again"), icon="replay", color=None, on_click=do)
            again.classes("u-button u-button--flat").mark("replay")

    def show(self, delivery: DeliveryInfo) -> None:
        if delivery == self._shown:
            return
        self._shown = delivery
        self._at.text = day_and_time(delivery.created_at, self._zone, self._seat.lang)
        self._topic.text = delivery.topic
        self._icon.name = STATE_ICONS[delivery.state]
        self._state.text = _state_words(delivery, self._seat, self._zone)
        self._held.props["data-held"] = "true" if delivery.state is DeliveryState.DELIVERED else "false"
        self._attempts.text = str(delivery.attempts)
        self._answer.text = answer_words(delivery, self._seat.translate)


def answer_words(delivery: DeliveryInfo, translate: Translate) -> str:
    """Return what the receiver said last, or in the reader's language why it said nothing."""
    said = delivery.answer[:LONGEST_ANSWER]
    if delivery.reason is not None:
        said = translate(REASON_SENTENCES[delivery.reason]).format_map(delivery.reason_values)
    return " ".join(part for part in (str(delivery.status or ""), said) if part)


def _state_words(delivery: DeliveryInfo, seat: Seat, zone: str) -> str:
    _ = seat.translate
    if delivery.state is DeliveryState.WAITING and delivery.attempts and delivery.next_at is not None:
        next_at = day_and_time(delivery.next_at, zone, seat.lang)
        return _("Waiting; tried again {time}").format(time=next_at)
    words = {
        DeliveryState.WAITING: _("Waiting"),
        DeliveryState.DELIVERED: _("Taken"),
        DeliveryState.FAILED: _("Failed"),
    }
    return words[delivery.state]


def _cell() -> ui.label:
    with ui.element("td"):
        return ui.label()
