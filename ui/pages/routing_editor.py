"""The editor of a routing: a row per operation, added, removed and dragged; what is wrong is said at its row."""

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from itertools import count
from typing import ClassVar
from uuid import UUID

from nicegui import events, ui

from domain.checks import checked_quantity, checked_text
from domain.errors import Invalid, UnisonError, marked
from domain.production.operations import Transfer
from domain.production.routings import LONGEST_INSTRUCTIONS, RequiredReport, RoutingStep
from services.production.material_queries import WorkCentre
from ui.kit.enter import Seat
from ui.kit.forms import Form
from ui.kit.translate import Translate
from ui.pages.routing_words import MINUTE_S, is_shown_in_minutes, report_words, transfer_words

STEP = 10
"""How far apart the sequences of new operations are."""
BEFORE, NOTHING, CERTAIN = "before", "nothing", "certain"
"""What an operation can wait for: the one before it, nothing, or certain ones."""
SECONDS, MINUTES = "s", "min"
UNITS_S = {SECONDS: 1, MINUTES: MINUTE_S}
PARTS = {"work_centre": "place", "predecessors": "certain"}
"""The field of a row for each part of an operation that a use case blames."""


class WorkCentreMissing(Invalid):
    """An operation for which no work centre was chosen."""

    code: ClassVar[str] = "work_centre_missing"
    sentence: ClassVar[str] = marked("Choose the lane or machine where this is done.")


@dataclass(eq=False)
class _Row:
    """The parts of a row that are read or changed later."""

    key: int
    """Names its fields; stays when the row moves."""
    sequence: int
    box: ui.element
    label: ui.label
    name: ui.input
    waits_for: ui.select
    certain: ui.select
    setup_unit: ui.select
    run_unit: ui.select


class RoutingEditor(Form):
    """The operations of a draft; read them with `steps` inside the use case that `save` runs."""

    def __init__(self, seat: Seat, centres: Sequence[WorkCentre], steps: Sequence[RoutingStep]) -> None:
        super().__init__(seat)
        _ = seat.translate
        self._keys = count(1)
        self._centres = {centre.id: centre for centre in centres}
        self._rows: list[_Row] = []
        self._box = ui.column(wrap=False).classes("u-column u-routing__rows")
        self._box.make_sortable(handle=".u-routing__handle", on_end=self._dropped)
        for step in steps:
            self._add(step)
        self._link(steps)
        if not steps:
            self._add_next()
        add = ui.button(_("Add an operation"), icon="add", color=None, on_click=self._add_next)
        add.classes("u-button").mark("add-operation")
        self.place_for_refusals()

    def steps(self) -> tuple[RoutingStep, ...]:
        """Return the operations as they were typed, from top to bottom.

        Raises:
            NotANumber, InvalidText, InvalidQuantity, WorkCentreMissing: a value of a row cannot be kept.
        """
        return tuple(self._step(row) for row in self._rows)

    def refuse(self, error: UnisonError, translate: Translate) -> None:
        """Show a refusal at the field of the row that the error is about."""
        part, sequence = PARTS.get(str(error.fields.get("field"))), error.fields.get("sequence")
        row = next((row for row in self._rows if row.sequence == sequence), None)
        if part is not None and row is not None:
            error.fields["field"] = f"{part}-{row.key}"
        super().refuse(error, translate)

    def _add_next(self) -> None:
        last = self._rows[-1].sequence if self._rows else 0
        self._add(RoutingStep(last + STEP, ""))
        self._renamed()

    def _add(self, step: RoutingStep) -> None:
        key = next(self._keys)
        with self._box:
            self._rows.append(self._drawn(key, step))

    def _drawn(self, key: int, step: RoutingStep) -> _Row:
        _ = self._seat.translate
        with ui.element("div").classes("u-routing__row").mark("operation-row") as box:
            with ui.element("div").classes("u-routing__tools"):
                handle = ui.icon("drag_indicator").classes("u-routing__handle")
                handle.props["aria-hidden"] = "true"
                sequence = ui.label(str(step.sequence)).classes("u-routing__sequence")
                ui.space()
                for icon, words, mark, do in (
                    ("arrow_upward", _("Move up"), "move-up", lambda: self._move(key, -1)),
                    ("arrow_downward", _("Move down"), "move-down", lambda: self._move(key, 1)),
                    ("delete", _("Remove the operation"), "remove-operation", lambda: self._remove(key)),
                ):
                    button = ui.button(icon=icon, color=None, on_click=do).classes("u-button u-button--flat")
                    button.mark(f"{mark}-{key}").props["aria-label"] = words
            with ui.element("div").classes("u-routing__fields"):
                name = self.text(f"name-{key}", _("Operation"), value=step.name)
                name.on_value_change(self._renamed)
                place = step.machine_id or step.lane_id
                self._place(key, place)
                setup_unit = self._time(f"setup-{key}", _("Setup time"), step.setup_time_s or None)
                run_unit = self._time(f"run-{key}", _("Run time per piece"), step.run_time_s)
                transfers = {one.value: words for one, words in transfer_words(_).items()}
                self.choice(f"transfer-{key}", _("Hands pieces on"), transfers, value=step.transfer.value)
                reports = {one.value: words for one, words in report_words(_).items()}
                required = [one.value for one in RequiredReport if one in step.required_reports]
                self.choices(f"reports-{key}", _("Must report"), reports, value=required)
                waits = {
                    BEFORE: _("The operation before"),
                    NOTHING: _("Nothing: it can start at once"),
                    CERTAIN: _("Certain operations"),
                }
                waits_for = self.choice(f"waits-{key}", _("Waits for"), waits, value=BEFORE)
                certain: ui.select = self.choices(f"certain-{key}", _("Waits for these"), {})
                certain.bind_visibility_from(waits_for, "value", value=CERTAIN)
            with ui.expansion(_("Instructions"), icon="menu_book") as folded:
                self.long_text(f"instructions-{key}", _("Instructions"), value=step.instructions)
            folded.classes("u-routing__instructions")
        return _Row(key, step.sequence, box, sequence, name, waits_for, certain, setup_unit, run_unit)

    def _place(self, key: int, place: UUID | None) -> None:
        _ = self._seat.translate
        words = {
            centre.id: (_("Lane {code} · {name}") if centre.is_lane else "{code} · {name}").format(
                code=centre.code, name=centre.name
            )
            for centre in self._centres.values()
        }
        known = place if place in words else None
        self.choice(f"place-{key}", _("Work centre"), words, value=known, can_search=True)

    def _time(self, name: str, label: str, value_s: Decimal | None) -> ui.select:
        unit = MINUTES if value_s is not None and is_shown_in_minutes(value_s) else SECONDS
        if value_s is None and name.startswith("setup"):
            unit = MINUTES
        with ui.element("div").classes("u-routing__time"):
            self.number(name, label, value=None if value_s is None else value_s / UNITS_S[unit])
            units = ui.select([SECONDS, MINUTES], value=unit).props("outlined").classes("u-field")
            units.mark(f"unit-{name}").props["aria-label"] = self._seat.translate("Unit of the time")
        return units

    def _link(self, steps: Sequence[RoutingStep]) -> None:
        """Let the rows wait for each other as the steps do."""
        self._renamed()
        keys = {row.sequence: row.key for row in self._rows}
        for place, (row, step) in enumerate(zip(self._rows, steps, strict=True)):
            before = tuple(one.sequence for one in self._rows[max(place - 1, 0) : place])
            wanted = before if step.predecessors is None else step.predecessors
            if wanted == before:
                row.waits_for.value = BEFORE
            elif not wanted:
                row.waits_for.value = NOTHING
            else:
                row.waits_for.value = CERTAIN
                row.certain.value = [keys[sequence] for sequence in wanted]

    def _renamed(self) -> None:
        """Let every row name the others as they are called now."""
        names = {row.key: f"{row.sequence} {row.name.value or ''}".strip() for row in self._rows}
        for row in self._rows:
            others = {key: name for key, name in names.items() if key != row.key}
            row.certain.set_options(others, value=[key for key in row.certain.value or [] if key in others])

    def _move(self, key: int, by: int) -> None:
        place = next(place for place, row in enumerate(self._rows) if row.key == key)
        if 0 <= place + by < len(self._rows):
            self._rows[place].box.move(target_index=place + by)
            self._numbered()

    def _dropped(self, _event: events.SortableEventArguments) -> None:
        self._numbered()

    def _remove(self, key: int) -> None:
        row = next(row for row in self._rows if row.key == key)
        self._rows.remove(row)
        for name in [name for name in self._fields if name.endswith(f"-{key}")]:
            del self._fields[name]
        row.box.delete()
        self._renamed()

    def _numbered(self) -> None:
        """Read the rows from top to bottom; the sequences stay where they are, and other operations get them."""
        sequences = sorted(row.sequence for row in self._rows)
        rows = {row.box: row for row in self._rows}
        self._rows = [rows[box] for box in self._box.default_slot.children if box in rows]
        for row, sequence in zip(self._rows, sequences, strict=True):
            row.sequence = sequence
            row.label.text = str(sequence)
        self._renamed()

    def _step(self, row: _Row) -> RoutingStep:
        key = row.key
        centre = self._centres.get(self._fields[f"place-{key}"].value)
        if centre is None:
            raise WorkCentreMissing(field=f"place-{key}")
        setup_s = self._seconds(f"setup-{key}", row.setup_unit)
        instructions = f"instructions-{key}"
        return RoutingStep(
            sequence=row.sequence,
            name=checked_text(self.text_of(f"name-{key}"), field=f"name-{key}"),
            lane_id=centre.id if centre.is_lane else None,
            machine_id=None if centre.is_lane else centre.id,
            setup_time_s=setup_s or Decimal(0),
            run_time_s=self._seconds(f"run-{key}", row.run_unit),
            predecessors=self._predecessors(row),
            transfer=Transfer(self.text_of(f"transfer-{key}")),
            instructions=checked_text(
                self.text_of(instructions), field=instructions, longest=LONGEST_INSTRUCTIONS, may_be_empty=True
            ),
            required_reports=frozenset(map(RequiredReport, self._fields[f"reports-{key}"].value or ())),
        )

    def _seconds(self, name: str, unit: ui.select) -> Decimal | None:
        typed = self.number_of(name)
        return None if typed is None else checked_quantity(typed * UNITS_S[str(unit.value)], field=name)

    def _predecessors(self, row: _Row) -> tuple[int, ...] | None:
        match row.waits_for.value:
            case "before":
                return None
            case "nothing":
                return ()
        sequences = {one.key: one.sequence for one in self._rows}
        return tuple(sequences[key] for key in row.certain.value or ())
