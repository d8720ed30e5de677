"""Giving a stop its reason by touch, all of it or up to a point."""

from datetime import datetime, timedelta
from itertools import groupby
from typing import NamedTuple
from uuid import UUID

from nicegui import ui
from nicegui.events import ValueChangeEventArguments

from domain.plant.periods import seconds
from domain.plant.reasons import LossCategory
from domain.plant.timelines import SeenStop
from services.plant.stops import StopChoice, classify
from ui.components import time_cause_words
from ui.kit.act import act
from ui.kit.enter import Seat
from ui.kit.formats import time_of_day
from ui.kit.kpi_formats import duration
from ui.theme.tokens import TIME_CAUSES

SMALLEST_SPLIT = timedelta(minutes=2)
"""Shorter stops have one reason."""
ONE_TAP = 3
"""So many reasons stand beside a stop, to be given with one tap."""


class ShownStop(NamedTuple):
    """A stop as it stands on the screen."""

    machine_id: UUID
    machine: str
    seen: SeenStop
    ends: timedelta
    """How long it lasted, or lasted so far."""


class StopDialog:
    """Asks why a machine stood still."""

    def __init__(self, seat: Seat, choices: tuple[StopChoice, ...], *, zone: str) -> None:
        self._seat, self.choices, self._zone = seat, choices, zone
        self._words = time_cause_words.labels(seat.translate)

    @property
    def one_tap(self) -> tuple[StopChoice, ...]:
        """The reasons of unplanned stops that come first."""
        return tuple(each for each in self.choices if each.category is not LossCategory.PLANNED)[:ONE_TAP]

    async def give(self, stop: ShownStop, reason_id: UUID | None, *, until: timedelta | None = None) -> None:
        """Give a stop its reason, or its first part only; the rest then asks again."""
        starts_at = stop.seen.starts_at
        parts: list[tuple[datetime, UUID | None]] = [(starts_at, reason_id)]
        if until is not None:
            parts.append((starts_at + until, stop.seen.reason_id))
        await act(
            self._seat,
            lambda work: classify(work, machine_id=stop.machine_id, seen=stop.seen, parts=parts),
            saved=self._seat.translate("Saved"),
        )

    async def ask(self, stop: ShownStop) -> None:
        """Let the person choose a reason, and perhaps the point up to which it holds."""
        _, lang = self._seat.translate, self._seat.lang
        starts_at = stop.seen.starts_at
        length_min = int(stop.ends / timedelta(minutes=1))
        split: dict[str, timedelta | None] = {"until": None}
        with ui.dialog() as dialog, ui.card().classes("u-dialog u-dialog--wide"):
            ui.label(_("Why did {machine} stand still?").format(machine=stop.machine)).classes("u-title")
            ends = time_of_day(starts_at + stop.ends, self._zone, lang)
            begins = time_of_day(starts_at, self._zone, lang)
            ui.label(f"{begins} – {ends} · {duration_of(stop, lang)}").classes("u-subtitle")
            if stop.ends >= SMALLEST_SPLIT:
                with ui.element("div").classes("u-split"):
                    holds = ui.label(_("The reason holds for all of it.")).mark("split-words")

                    def move(event: "ValueChangeEventArguments[float | None]") -> None:
                        minutes = int(event.value or 0)
                        is_split = 0 < minutes < length_min
                        split["until"] = timedelta(minutes=minutes) if is_split else None
                        until = time_of_day(starts_at + timedelta(minutes=minutes), self._zone, lang)
                        whole = _("The reason holds for all of it.")
                        part = _("The reason holds until {time}; the rest stays as it is.").format(time=until)
                        holds.set_text(part if is_split else whole)

                    slider = ui.slider(min=1, max=length_min, step=1, value=length_min, on_change=move)
                    slider.props("label-always thumb-size=36px track-size=12px").mark("split")
                    slider.props["aria-label"] = _("Minutes for which the reason holds")
            with ui.element("div").classes("u-reasons"):
                ordered = sorted(self.choices, key=lambda each: list(LossCategory).index(each.category))
                for category, members in groupby(ordered, key=lambda each: each.category):
                    with ui.element("div").classes("u-column"):
                        with ui.element("div").classes("u-cause"):
                            ui.icon(TIME_CAUSES[category.value].icon)
                            ui.label(self._words[category.value]).classes("u-subtitle")
                        with ui.element("div").classes("u-reasons__group"):
                            for reason in members:
                                pick = ui.button(
                                    reason.label, color=None, on_click=lambda reason=reason: dialog.submit(reason.id)
                                )
                                pick.classes("u-button u-button--large").mark("shift-reason")
            with ui.element("div").classes("u-dialog__actions"):
                ui.button(_("Cancel"), color=None, on_click=dialog.close).classes("u-button u-button--flat")
        chosen: UUID | None = await dialog
        dialog.delete()
        if chosen is not None:
            await self.give(stop, chosen, until=split["until"])


def duration_of(stop: ShownStop, lang: str) -> str:
    """Write how long a stop lasted."""
    return duration(seconds(stop.ends), lang)
