"""Webhooks: which addresses hear of what, what became of each message, and trying one."""

from collections.abc import Callable
from datetime import UTC, datetime
from uuid import UUID

from nicegui import ui

from domain.events import Event, WebhookMoved
from domain.identity.roles import Permission
from domain.integration.webhooks import TOLD_TOPICS
from services.db.work import Work, read
from services.plant.places import list_plants
from services.webhooks.webhooks import (
    MadeWebhook,
    WebhookInfo,
    add_webhook,
    edit_webhook,
    list_webhooks,
    ping_webhook,
    remove_webhook,
    rotate_secret,
)
from ui.kit.act import act
from ui.kit.enter import Seat, screen
from ui.kit.formats import day_and_time
from ui.kit.forms import FormDialog
from ui.kit.live_page import keep_fresh
from ui.pages.admin_parts import add_button, heading, setup_page
from ui.pages.histories import offer_history
from ui.pages.shown_once import show_once
from ui.pages.webhook_log import WebhookLog

PAUSE_S = 0.2
"""Messages may be taken a hundred times a second; nobody reads so fast."""
HOUR_S, DAY_S = 3_600, 86_400
Do = Callable[[WebhookInfo], object]


@screen("/admin/webhooks", permission=Permission.READ_WEBHOOKS)
async def admin_webhooks(seat: Seat) -> None:
    """Set up webhooks."""
    _ = seat.translate
    async with read(seat.scope()) as work:
        plants = await list_plants(work)
    with setup_page(seat, _("Webhooks"), "/admin/webhooks", plants=plants):
        page = _Page(seat, seat.zone_of(plants[0].time_zone if plants else "UTC"))
    await keep_fresh(seat, load=page.load, concerns=_concerns, due_s=page.due_s, pause_s=PAUSE_S)


def _concerns(event: Event) -> bool:
    return isinstance(event, WebhookMoved)


class _Page:
    """The webhooks, and the log of the one that was chosen; each keeps its row while it changes."""

    def __init__(self, seat: Seat, zone: str) -> None:
        self._seat, self._zone = seat, zone
        self._may_edit = seat.viewer.scope.may(Permission.EDIT_WEBHOOKS)
        self._hooks: dict[UUID, WebhookInfo] = {}
        self._rows: dict[UUID, _Row] = {}
        _ = seat.translate
        with ui.element("div").classes("u-row"):
            heading(_("Who hears of what happens here"))
            ui.space()
            if self._may_edit:
                add_button(_("Add a webhook"), lambda: self._ask(None), mark="add-webhook")
        ui.label(
            _("Each message is signed with the webhook's secret, and tried again for a day when it is not taken.")
        ).classes("u-muted")
        self._nothing = ui.label(_("There are no webhooks yet. Add one for each system that wants to be told."))
        self._nothing.classes("u-muted")
        with ui.element("div").classes("u-table-scroll") as self._scroll, ui.element("table").classes("u-table"):
            with ui.element("thead"), ui.element("tr"):
                for words in (_("Address"), _("Topics"), _("State"), ""):
                    with ui.element("th"):
                        ui.label(words)
            self._body = ui.element("tbody")
        self._log = WebhookLog(seat, zone, may_edit=self._may_edit)
        self._beside = ui.element("div")

    async def load(self, _edited: object = None) -> None:
        """Show the webhooks of now."""
        async with read(self._seat.scope()) as work:
            hooks = await list_webhooks(work)
        self._nothing.visible, self._scroll.visible = not hooks, bool(hooks)
        self._hooks = {hook.id: hook for hook in hooks}
        for gone in self._rows.keys() - self._hooks.keys():
            self._rows.pop(gone).element.delete()
        for hook in hooks:
            if hook.id not in self._rows:
                with self._body:
                    self._rows[hook.id] = self._row(hook.id)
            self._rows[hook.id].show(hook)
        await self._log.load(hooks)

    def due_s(self) -> float | None:
        """Return in how many seconds the overlap of two secrets ends."""
        ends = [hook.old_secret_until for hook in self._hooks.values() if hook.old_secret_until is not None]
        return max(0.0, (min(ends) - datetime.now(UTC)).total_seconds()) + 1 if ends else None

    def _row(self, webhook_id: UUID) -> "_Row":
        _ = self._seat.translate
        row = _Row(self._seat, self._zone)
        with row.actions:
            self._button(_("Messages"), "receipt_long", webhook_id, self._log.show, mark="show-log")
            if self._may_edit:
                self._button(_("Edit"), "edit", webhook_id, self._ask, mark="edit-webhook")
                self._button(_("Try it"), "send", webhook_id, self._ping, mark="ping")
                self._button(_("New secret"), "key", webhook_id, self._ask_secret, mark="rotate")
        return row

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

    def _ask_secret(self, hook: WebhookInfo) -> None:
        _ = self._seat.translate
        overlaps = {0: _("No time: it ends at once"), HOUR_S: _("1 hour"), DAY_S: _("24 hours")}
        title, action = _("A new secret for {address}").format(address=hook.url), _("Make a new secret")
        with self._beside, FormDialog(self._seat, title, action=action) as form:
            ui.label(
                _("From the next message on we sign with a new secret. It is shown once: give it to the receiver.")
            ).classes("u-form__wide")
            if hook.can_sign:
                overlap = form.choice("overlap_s", _("The old secret goes on for"), overlaps, value=DAY_S)
                overlap.classes("u-form__wide")
                ui.label(
                    _(
                        "For that time every message carries two signatures, and the receiver may verify either. A"
                        " receiver that does not have the new secret when the old one ends refuses what we send."
                    )
                ).classes("u-muted u-form__wide")
            else:
                ui.label(
                    _("The old one can no longer be read and ends at once. What could not be signed is sent then.")
                ).classes("u-form__wide")

        def chosen() -> int:
            return int(str(form.value_of("overlap_s"))) if form.has("overlap_s") else 0

        form.open_with(
            lambda work: rotate_secret(work, webhook_id=hook.id, version=hook.version, overlap_s=chosen()),
            then=self._show_new,
        )

    async def _ping(self, hook: WebhookInfo) -> None:
        async def ping(work: Work) -> UUID:
            return await ping_webhook(work, webhook_id=hook.id)

        if await act(self._seat, ping, saved=self._seat.translate("Sent; it stands among the messages.")):
            await self._log.show(hook)

    def _button(self, label: str, icon: str, webhook_id: UUID, do: Do, *, mark: str) -> None:
        button = ui.button(label, icon=icon, color=None, on_click=lambda: do(self._hooks[webhook_id]))
        button.classes("u-button u-button--flat").mark(mark)


class _Row:
    def __init__(self, seat: Seat, zone: str) -> None:
        self._seat, self._zone = seat, zone
        with ui.element("tr").mark("webhook") as self.element:
            with ui.element("td"):
                self._url = ui.label().classes("u-mono")
            with ui.element("td"):
                self._topics = ui.label().classes("u-mono")
            with ui.element("td"):
                self._state = ui.label()
                self._overlap = ui.label().classes("u-muted")
            self.actions = ui.element("td").classes("u-table__actions")

    def show(self, hook: WebhookInfo) -> None:
        _ = self._seat.translate
        self._url.text, self._topics.text, self._state.text = hook.url, ", ".join(hook.topics), self._words(hook)
        until = hook.old_secret_until
        self._overlap.visible = until is not None
        if until is not None:
            self._overlap.text = _("The old secret goes on until {time}").format(time=self._at(until))

    def _words(self, hook: WebhookInfo) -> str:
        _ = self._seat.translate
        if not hook.can_sign:
            return _("Cannot sign: its secret was lost with the installation's key. Make a new secret.")
        if hook.gave_up_at is not None:
            words = _("Switched off {time}: it did not answer for days. Mend the receiver, then switch it on.")
            return words.format(time=self._at(hook.gave_up_at))
        if not hook.is_active:
            return _("Switched off")
        if hook.failing_since is not None:
            return _("Does not answer since {time}").format(time=self._at(hook.failing_since))
        return _("Works")

    def _at(self, at: datetime) -> str:
        return day_and_time(at, self._zone, self._seat.lang)
