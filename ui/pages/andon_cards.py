"""A call that waits, and what can be done about it: on the list of calls and at terminals."""

from collections.abc import Sequence
from datetime import timedelta
from uuid import UUID

from nicegui import ui

from domain.identity.roles import Permission
from services.andon.calls import acknowledge_call, resolve_call
from services.andon.open_calls import WaitingCall
from services.andon.shelves import shelve_call, unshelve_call
from services.db.work import Work
from ui.components import andon_call_words, call_clock
from ui.components.call_clock import CallClock
from ui.kit.act import act
from ui.kit.enter import Seat
from ui.kit.formats import time_of_day
from ui.kit.forms import FormDialog
from ui.theme.tokens import CALL_CATEGORY_ICONS, SEVERITIES

SHELF_MINUTES = (15, 30, 60, 120, 240, 480)


class CallCards:
    """The cards of several calls, each made once and moved where it belongs."""

    def __init__(self, seat: Seat, *, with_place: bool = True) -> None:
        """Draw no card yet; `with_place` lets each name its machine, where that is not plain."""
        self._seat, self._with_place = seat, with_place
        self._cards: dict[UUID, CallCard] = {}
        self.element = ui.element("div").classes("u-waitings")

    def show(self, calls: Sequence[WaitingCall]) -> None:
        """Show these calls in their order."""
        wanted = {call.id for call in calls}
        for call_id in [one for one in self._cards if one not in wanted]:
            self._cards.pop(call_id).element.delete()
        for place, call in enumerate(calls):
            card = self._cards.get(call.id)
            if card is None:
                with self.element:
                    card = self._cards[call.id] = CallCard(self._seat, call, with_place=self._with_place)
            else:
                card.show(call)
            if self.element.default_slot.children[place] is not card.element:
                card.element.move(self.element, target_index=place)


class CallCard:
    """One call: what, where, since when, who is coming; and the buttons of whoever may answer."""

    def __init__(self, seat: Seat, call: WaitingCall, *, with_place: bool = True) -> None:
        """Draw a call; `show` keeps it true. `with_place` names its machine, where that is not plain."""
        self._seat, self._call, self._with_place = seat, call, with_place
        self._words = andon_call_words.labels(seat.translate)
        _, scope = seat.translate, seat.viewer.scope
        with ui.element("article").classes("u-card u-waiting").mark("call") as self.element:
            with ui.element("div").classes("u-waiting__head"):
                with ui.element("span").classes("u-waiting__severity") as self._chip:
                    self._severity_icon = ui.icon("info")
                    self._severity = ui.label()
                self._state = ui.label().classes("u-waiting__state")
                self._clock = CallClock(labels=call_clock.labels(_), lang=seat.lang)
            with ui.element("div").classes("u-waiting__what"):
                ui.icon(CALL_CATEGORY_ICONS[call.category]).classes("u-waiting__icon")
                with ui.element("div").classes("u-waiting__title"):
                    self._title = ui.label().classes("u-subtitle")
                    self._place = ui.label().classes("u-muted")
            self._note = ui.label().classes("u-waiting__note")
            self._facts = ui.label().classes("u-waiting__facts u-muted")
            with ui.element("div").classes("u-waiting__actions") as self._actions:
                self._acknowledge = self._button(_("I am coming"), "directions_run", self._say_coming, "acknowledge")
                self._acknowledge.classes("u-button--primary")
                self._resolve = self._button(_("Resolve"), "done", self._ask_what_it_was, "resolve")
                self._shelve = self._button(_("Shelve"), "snooze", self._ask_how_long, "shelve")
                self._unshelve = self._button(_("Take from the shelf"), "alarm", self._take_back, "unshelve")
        self._may_answer = scope.may_in(call.plant_id, Permission.ANSWER_ANDON)
        self._may_shelve = scope.may_in(call.plant_id, Permission.SHELVE_ANDON)
        self._actions.visible = self._may_answer or self._may_shelve
        self.show(call)

    def show(self, call: WaitingCall) -> None:
        """Show the call as it is now."""
        self._call = call
        is_raised, is_shelved = call.state == "raised", call.shelved_until is not None
        self.element.props["data-severity"] = self._chip.props["data-severity"] = call.severity
        self.element.props["data-call-state"] = "shelved" if is_shelved else call.state
        self._severity_icon.set_name(SEVERITIES[call.severity].icon)
        self._severity.set_text(self._words[call.severity])
        self._state.set_text(self._state_words(call))
        category = self._words[call.category]
        self._title.set_text(f"{call.machine_code} · {category}" if self._with_place else category)
        self._place.set_text(f"{call.machine_name} · {call.lane}")
        self._place.visible = self._with_place
        target_s = call.response_target_s if is_raised else call.resolution_target_s
        self._clock.set_times(call.raised_at, until=None, target_s=target_s)
        self._note.set_text(call.note)
        self._note.visible = bool(call.note)
        facts = self._facts_of(call)
        self._facts.set_text(" · ".join(facts))
        self._facts.visible = bool(facts)
        self._acknowledge.visible = is_raised and self._may_answer
        self._resolve.visible = self._may_answer
        self._shelve.visible = self._may_shelve and not is_shelved
        self._unshelve.visible = self._may_shelve and is_shelved

    def _state_words(self, call: WaitingCall) -> str:
        _ = self._seat.translate
        if call.shelved_until is not None:
            until = time_of_day(call.shelved_until, self._seat.zone_of(call.time_zone), self._seat.lang)
            return _("Shelved until {time}").format(time=until)
        if call.acknowledged_by is not None:
            return _("{name} is coming").format(name=call.acknowledged_by)
        return self._words[call.state]

    def _facts_of(self, call: WaitingCall) -> list[str]:
        _ = self._seat.translate
        facts = [_("Raised by {name}").format(name=call.raised_by)] if call.raised_by else []
        if call.by_rule:
            facts.append(_("The machine calls by itself"))
        if call.rule_ended_at is not None:
            at = time_of_day(call.rule_ended_at, self._seat.zone_of(call.time_zone), self._seat.lang)
            facts.append(_("Its state ended at {time}").format(time=at))
        if call.joined:
            facts.append(_("Raised {count} times more").format(count=call.joined))
        if call.held_operation is not None:
            facts.append(_("Holds {operation} of {order}").format(operation=call.held_operation, order=call.held_order))
        if call.shelved_until is not None:
            facts.append(f"{call.shelved_by or ''}: {call.shelve_reason}".lstrip(": "))
        if call.step is not None and call.acknowledged_at is None:
            names = ", ".join(call.told) or _("nobody")
            facts.append(_("Step {number} told {names}").format(number=call.step + 1, names=names))
            if call.is_late:
                facts.append(_("told late, the system was not running"))
            if call.fell_back:
                facts.append(_("nobody on call for “{duty}”").format(duty=call.duty))
        return facts

    def _button(self, label: str, icon: str, do: object, mark: str) -> ui.button:
        button = ui.button(label, icon=icon, color=None, on_click=do)  # type: ignore[arg-type]
        return button.classes("u-button").mark(mark)

    async def _say_coming(self) -> None:
        call_id = self._call.id
        await act(self._seat, lambda work: acknowledge_call(work, call_id=call_id))

    async def _take_back(self) -> None:
        call_id = self._call.id
        await act(self._seat, lambda work: unshelve_call(work, call_id=call_id))

    def _ask_what_it_was(self) -> None:
        _, call_id = self._seat.translate, self._call.id
        with FormDialog(self._seat, _("What was it?")) as form:
            form.long_text("resolution", _("What the trouble was, and what helped")).classes("u-form__wide")
        form.open_with(
            lambda work: resolve_call(work, call_id=call_id, resolution=form.text_of("resolution")),
            saved=_("Resolved"),
        )

    def _ask_how_long(self) -> None:
        _, call_id = self._seat.translate, self._call.id
        lengths = {minutes: self._length(minutes) for minutes in SHELF_MINUTES}
        with FormDialog(self._seat, _("Out of sight for a while")) as form:
            minutes = form.choice("until", _("For how long"), lengths, value=30)
            form.text("reason", _("Why it can only wait")).classes("u-form__wide")

        async def shelve(work: Work) -> UUID:
            until = work.now + timedelta(minutes=int(minutes.value))
            return (await shelve_call(work, call_id=call_id, until=until, reason=form.text_of("reason"))).id

        form.open_with(shelve, saved=_("Shelved"))

    def _length(self, minutes: int) -> str:
        _ = self._seat.translate
        if minutes < 60:
            return _("{minutes} minutes").format(minutes=minutes)
        return _("1 hour") if minutes == 60 else _("{hours} hours").format(hours=minutes // 60)
