"""Filters by custom fields above a table: a dialog to choose them, and a chip for each that is on."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from datetime import datetime
from zoneinfo import ZoneInfo

from nicegui import ui

from domain.custom_fields.fields import PREFIX, FieldDefinition, FieldPlace, FieldType, in_language
from domain.custom_fields.filters import RANGED, FieldFilter, filters_in
from services.custom_fields.references import ReferenceNames, find_references
from services.custom_fields.shown import text_of
from services.db.work import Work, read
from ui.kit.enter import Seat
from ui.kit.forms import FormDialog

Asked = Mapping[str, Sequence[str]]


class FilterBar:
    """The button that asks for filters; `draw_chips` says where the filters that are on stand."""

    def __init__(self, seat: Seat, *, zone: str, on_change: Callable[[Asked], Awaitable[None]]) -> None:
        self._seat, self._zone, self._on_change = seat, zone, on_change
        self._fields: tuple[FieldDefinition, ...] = ()
        self._asked: dict[str, list[str]] = {}
        self._drawn: dict[tuple[str, str], ui.button] = {}
        """The chips by field and words; those that stay are not drawn anew, or a press on one would be lost."""
        self._names = ReferenceNames()
        _ = seat.translate
        self._button = ui.button(_("Filter"), icon="filter_list", color=None, on_click=self._ask)
        self._button.classes("u-button").mark("filter")
        self._button.visible = False

    def draw_chips(self) -> None:
        """Show the filters that are on here."""
        self._chips = ui.element("div").classes("u-row u-chips").mark("filters")

    def show(
        self,
        fields: Sequence[FieldDefinition],
        filters: Sequence[FieldFilter],
        address: Asked,
        names: ReferenceNames,
    ) -> None:
        """Show which filters are on; `address` holds what asks for them, `names` says what references lead to."""
        self._names = names
        self._fields = tuple(one for one in fields if FieldPlace.FILTER in one.shown_in)
        on = {one.field.name for one in filters}
        self._asked = {
            name: list(values)
            for name, values in address.items()
            if name.startswith(PREFIX) and ".".join(name.split(".")[:2]) in on
        }
        self._button.visible = bool(self._fields)
        self._chips.visible = bool(filters)
        wanted = {(one.field.name, self._words(one)): one for one in filters}
        for gone in self._drawn.keys() - wanted.keys():
            self._drawn.pop(gone).delete()
        for place, (key, one) in enumerate(wanted.items()):
            if key not in self._drawn:
                with self._chips:
                    self._drawn[key] = self._chip(one)
                self._drawn[key].move(target_index=place)

    def _chip(self, one: FieldFilter) -> ui.button:
        _, name = self._seat.translate, one.field.name

        async def remove() -> None:
            # at once, so that the next chip pressed does not ask for this one again
            self._asked = {key: values for key, values in self._asked.items() if not _is_of(key, name)}
            await self._on_change(self._asked)

        button = ui.button(self._words(one), icon="close", color=None, on_click=remove)
        button.classes("u-button u-chip-button").mark(f"filter-on-{name}")
        button.props["aria-label"] = _("Take the filter away: {filter}").format(filter=self._words(one))
        return button

    def _words(self, one: FieldFilter) -> str:
        _, label = self._seat.translate, one.field.label(self._seat.lang)
        parts: list[str] = []
        if one.one_of:
            parts.append(" / ".join(self._shown(one.field, value) for value in one.one_of))
        if one.words:
            parts.append(f"“{one.words}”" if self._seat.lang != "de" else f"„{one.words}“")
        if one.least is not None:
            parts.append(f"≥ {self._shown(one.field, one.least)}")
        if one.most is not None:
            parts.append(f"≤ {self._shown(one.field, one.most)}")
        if one.is_empty is not None:
            parts.append(_("empty") if one.is_empty else _("not empty"))
        return f"{label}: {', '.join(parts)}"

    def _shown(self, field: FieldDefinition, value: object) -> str:
        stored = [value] if field.type is FieldType.MULTI_CHOICE else value
        return text_of(field, stored, self._seat.lang, zone=self._zone, names=self._names)

    async def _ask(self) -> None:
        _ = self._seat.translate
        known = {key: self._names.text(key) for key in self._names.codes}
        with FormDialog(self._seat, _("Filter")) as form:
            for one in self._fields:
                self._inputs(form, one, known)
            if not self._fields:
                ui.label(_("No field is meant for filters.")).classes("u-muted")

        async def do(_work: Work) -> Asked:
            asked = {name: values for one in self._fields for name, values in self._typed(form, one).items()}
            filters_in(self._fields, asked)
            return asked

        form.call_save(_("Apply"))
        form.open_with(do, saved=_("Filtered"), then=self._on_change)

    def _inputs(self, form: FormDialog, one: FieldDefinition, known: Mapping[str, str]) -> None:
        _, lang, name = self._seat.translate, self._seat.lang, one.name
        label = f"{one.label(lang)} ({one.unit})" if one.unit else one.label(lang)
        asked = self._asked.get(name, [])
        if one.type in RANGED:
            for part, words in (("min", _("{field} from")), ("max", _("{field} until"))):
                typed = next(iter(self._asked.get(f"{name}.{part}", [])), "")
                if one.type is FieldType.DATETIME:
                    at = self._local(typed)
                    form.moment(f"{name}.{part}", words.format(field=label), value=at, hint=self._zone)
                    continue
                field = form.text(f"{name}.{part}", words.format(field=label), value=typed)
                field.props("inputmode=decimal" if one.type is FieldType.NUMBER else "type=date stack-label")
        elif one.type in {FieldType.CHOICE, FieldType.MULTI_CHOICE}:
            words_by_key = {choice.key: in_language(choice.labels, lang) for choice in one.choices}
            form.choices(name, label, words_by_key, value=[key for key in asked if key in words_by_key])
        elif one.type is FieldType.BOOLEAN:
            value = asked[0] if asked and asked[0] in {"yes", "no"} else None
            form.choice(name, label, {"yes": _("Yes"), "no": _("No")}, value=value, can_clear=True)
        elif one.type is FieldType.REFERENCE:
            value = asked[0] if asked and asked[0] in known else None

            async def find(words: str) -> dict[str, str]:
                async with read(self._seat.scope()) as work:
                    return await find_references(work, entity=one.reference or "", words=words)

            offered = {} if value is None else {value: known[value]}
            form.search(name, label, offered, find=find, value=value)
        else:
            form.text(name, label, value=asked[0] if asked else "", hint=_("A part is enough"))

    def _local(self, typed: str) -> datetime | None:
        """Return an instant of the address by the clock that the table shows."""
        try:
            return datetime.fromisoformat(typed).astimezone(ZoneInfo(self._zone)) if typed else None
        except ValueError:
            return None

    def _typed(self, form: FormDialog, one: FieldDefinition) -> dict[str, list[str]]:
        names = [f"{one.name}.min", f"{one.name}.max"] if one.type in RANGED else [one.name]
        typed: dict[str, list[str]] = {}
        for name in names:
            value = form.value_of(name)
            if one.type is FieldType.DATETIME and value:
                value = form.moment_of(name).replace(tzinfo=ZoneInfo(self._zone)).isoformat()
            values = [str(each) for each in value] if isinstance(value, list) else [str(value or "").strip()]
            if any(values):
                typed[name] = [each for each in values if each]
        return typed


def _is_of(key: str, name: str) -> bool:
    return key == name or key.startswith(f"{name}.")
