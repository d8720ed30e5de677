"""Webhooks: which addresses hear of what, what became of each message, and trying one."""

from collections.abc import Callable
from datetime import datetime
from uuid import UUID

from nicegui import ui

from domain.identity.roles import Permission
from domain.integration.webhooks import TOLD_TOPICS, DeliveryState
from services.db.work import Work, read
from services.plant.places import list_plants
from services.webhooks.webhooks import (
    DeliveryInfo,
    MadeWebhook,
    WebhookInfo,
    add_webhook,
    edit_webhook,
    list_deliveries,
    list_webhooks,
    ping_webhook,
    remove_webhook,
    replay_delivery,
    rotate_secret,
)
from ui.kit.act import act
from ui.kit.enter import Seat, screen
from ui.kit.formats import day_and_time
from ui.kit.forms import FormDialog
from ui.pages.admin_parts import add_button, heading, setup_page
from ui.pages.histories import offer_history
from ui.pages.shown_once import show_once

MOST_SHOWN = 100
STATE_ICONS = {
    DeliveryState.WAITING: "schedule",
    DeliveryState.DELIVERED: "check_circle",
    DeliveryState.FAILED: "error",
}


@screen("/admin/webhooks", permission=Permission.READ_WEBHOOKS)
async def admin_webhooks(seat: Seat) -> None:
    """Set up webhooks."""
    _ = seat.translate
    async with read(seat.scope()) as work:
        plants = await list_plants(work)
    with setup_page(seat, _("Webhooks"), "/admin/webhooks", plants=plants):
        page = _Page(seat, plants[0].time_zone if plants else "UTC")
    await page.load()


class _Page:
    """The webhooks, and the log of the one that was chosen; drawn again after each edit here."""

    def __init__(self, seat: Seat, zone: str) -> None:
        self._seat, self._zone = seat, zone
        self._may_edit = seat.viewer.scope.may(Permission.EDIT_WEBHOOKS)
        _ = seat.translate
        with ui.element("div").classes("u-row"):
            heading(_("Who hears of what happens here"))
            ui.space()
            if self._may_edit:
                add_button(_("Add a webhook"), lambda: self._ask(None), mark="add-webhook")
        ui.label(
            _("Each message is signed with the webhook's secret, and tried again for a day when it is not taken.")
        ).classes("u-muted")
        self._list = ui.element("div").classes("u-table-scroll")
        self._log = ui.element("div")
        self._beside = ui.element("div")

    async def load(self, _edited: object = None) -> None:
        """Show the webhooks of now."""
        _ = self._seat.translate
        async with read(self._seat.scope()) as work:
            hooks = await list_webhooks(work)
        self._list.clear()
        with self._list:
            if not hooks:
                words = _("There are no webhooks yet. Add one for each system that wants to be told.")
                ui.label(words).classes("u-muted")
                return
            with ui.element("table").classes("u-table"):
                with ui.element("thead"), ui.element("tr"):
                    for words in (_("Address"), _("Topics"), _("State"), ""):
                        with ui.element("th"):
                            ui.label(words)
                with ui.element("tbody"):
                    for hook in hooks:
                        self._row(hook)

    def _row(self, hook: WebhookInfo) -> None:
        _ = self._seat.translate
        with ui.element("tr").mark("webhook"):
            with ui.element("td"):
                ui.label(hook.url).classes("u-mono")
            with ui.element("td"):
                ui.label(", ".join(hook.topics)).classes("u-mono")
            with ui.element("td"):
                ui.label(self._state(hook))
            with ui.element("td").classes("u-table__actions"):
                self._button(_("Messages"), "receipt_long", lambda: self._show_log(hook), mark="show-log")
                if self._may_edit:
                    self._button(_("Edit"), "edit", lambda: self._ask(hook), mark="edit-webhook")
                    self._button(_("Try it"), "send", lambda: self._ping(hook), mark="ping")
                    self._button(_("New secret"), "key", lambda: self._rotate(hook), mark="rotate")

    def _state(self, hook: WebhookInfo) -> str:
        _ = self._seat.translate
        if hook.gave_up_at is not None:
            words = _("Switched off {time}: it did not answer for days. Mend the receiver, then switch it on.")
            return words.format(time=self._at(hook.gave_up_at))
        if not hook.is_active:
            return _("Switched off")
        if hook.failing_since is not None:
            return _("Does not answer since {time}").format(time=self._at(hook.failing_since))
        return _("Works")

    def _ask(self, hook: WebhookInfo | None) -> None:
        _ = self._seat.translate
        areas = sorted({f"{topic.partition('.')[0]}.*.*" for topic in TOLD_TOPICS})
        options = {topic: topic for topic in ("*.*.*", *areas, *TOLD_TOPICS, *(hook.topics if hook else ()))}
        with self._beside, FormDialog(self._seat, _("New webhook") if hook is None else hook.url) as form:
            url = form.text("url", _("Address"), value="" if hook is None else hook.url).classes("u-form__wide")
            url.props("autofocus placeholder=https://")
            chosen = ["*.*.*"] if hook is None else list(hook.topics)
            topics = form.choices("topics", _("Topics"), options, value=chosen).classes("u-form__wide")
            topics.props("use-input input-debounce=0")
            active = None if hook is None else form.switch("is_active", _("Switched on"), value=hook.is_active)
            offer_history(form, self._seat, "webhooks", hook)

        if hook is None or active is None:
            form.open_with(
                lambda work: add_webhook(work, url=form.text_of("url"), topics=list(topics.value)), then=self._show_new
            )
            return
        form.offer_removal(
            _("Remove"),
            lambda work: remove_webhook(work, webhook_id=hook.id, version=hook.version),
            saved=_("Removed"),
            then=self.load,
        )
        form.open_with(
            lambda work: edit_webhook(
                work, webhook_id=hook.id, version=hook.version, url=form.text_of("url"), topics=list(topics.value),
                is_active=active.value,
            ),
            then=self.load,
        )  # fmt: skip

    async def _show_new(self, made: MadeWebhook) -> None:
        _ = self._seat.translate
        show_once(
            self._seat,
            self._beside,
            title=_("The webhook's secret"),
            explanation=_("The receiver needs it to know that messages are ours. It is shown this once."),
            label=_("Secret"),
            value=made.secret,
        )
        await self.load()

    async def _rotate(self, hook: WebhookInfo) -> None:
        made = await act(self._seat, lambda work: rotate_secret(work, webhook_id=hook.id, version=hook.version))
        if made is not None:
            await self._show_new(made)

    async def _ping(self, hook: WebhookInfo) -> None:
        async def ping(work: Work) -> UUID:
            return await ping_webhook(work, webhook_id=hook.id)

        if await act(self._seat, ping, saved=self._seat.translate("Sent; look at its messages in a moment.")):
            await self._show_log(hook)

    async def _show_log(self, hook: WebhookInfo) -> None:
        _ = self._seat.translate
        async with read(self._seat.scope()) as work:
            page = await list_deliveries(work, webhook_id=hook.id, limit=MOST_SHOWN)
        self._log.clear()
        with self._log:
            with ui.element("div").classes("u-row"):
                heading(_("Messages to {address}").format(address=hook.url))
                ui.space()
                self._button(_("Look again"), "refresh", lambda: self._show_log(hook), mark="reload-log")
            if not page.items:
                ui.label(_("Nothing was sent yet.")).classes("u-muted")
                return
            with ui.element("div").classes("u-table-scroll"), ui.element("table").classes("u-table"):
                with ui.element("thead"), ui.element("tr"):
                    for words in (_("When"), _("Topic"), _("State"), _("Attempts"), _("Answer"), ""):
                        with ui.element("th"):
                            ui.label(words)
                with ui.element("tbody"):
                    for delivery in page.items:
                        self._delivery(hook, delivery)

    def _delivery(self, hook: WebhookInfo, delivery: DeliveryInfo) -> None:
        _ = self._seat.translate
        words = {
            DeliveryState.WAITING: _("Waiting"),
            DeliveryState.DELIVERED: _("Taken"),
            DeliveryState.FAILED: _("Failed"),
        }
        answer = " ".join(part for part in (str(delivery.status or ""), delivery.answer[:120]) if part)
        with ui.element("tr").mark("delivery"):
            for cell in (self._at(delivery.created_at), delivery.topic):
                with ui.element("td"):
                    ui.label(cell)
            with ui.element("td"), ui.element("span").classes("u-held") as state:
                ui.icon(STATE_ICONS[delivery.state])
                ui.label(words[delivery.state])
            state.props["data-held"] = "true" if delivery.state is DeliveryState.DELIVERED else "false"
            for cell in (str(delivery.attempts), answer):
                with ui.element("td"):
                    ui.label(cell)
            with ui.element("td").classes("u-table__actions"):
                if self._may_edit:
                    self._button(_("Send again"), "replay", lambda: self._replay(hook, delivery), mark="replay")

    async def _replay(self, hook: WebhookInfo, delivery: DeliveryInfo) -> None:
        async def replay(work: Work) -> UUID:
            return await replay_delivery(work, delivery_id=delivery.id)

        if await act(self._seat, replay, saved=self._seat.translate("Sent; look at its messages in a moment.")):
            await self._show_log(hook)

    def _button(self, label: str, icon: str, on_click: Callable[[], object], *, mark: str) -> None:
        button = ui.button(label, icon=icon, color=None, on_click=on_click)
        button.classes("u-button u-button--flat").mark(mark)

    def _at(self, at: datetime) -> str:
        return day_and_time(at, self._zone, self._seat.lang)
