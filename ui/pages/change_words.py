"""Changes in the reader's words: what a field is called, and what it held."""

import re
from collections.abc import Mapping
from datetime import date, datetime
from decimal import Decimal
from uuid import UUID
from zoneinfo import ZoneInfo

from babel.dates import format_date, format_datetime

from domain.errors import marked
from domain.identity.permission_words import SENTENCES
from services.audit.changes import NOTES, Change, Changes, FieldChange
from services.audit.recorded import LEADS_TO, NAMES, words_of
from services.custom_fields.entities import ENTITIES
from services.custom_fields.shown import text_of
from ui.components import andon_call_words, machine_state_badge
from ui.kit.enter import Seat
from ui.kit.formats import number
from ui.kit.translate import Translate
from ui.pages.field_names import FIELD_NAMES
from ui.pages.order_words import deadline_words, operation_words, state_words
from ui.pages.role_words import role_words
from ui.pages.routing_words import report_words, transfer_words
from ui.pages.routing_words import state_words as routing_state_words
from ui.pages.setup_words import channel_words, counting_words, loss_words, place_words, type_words

INSTANT = re.compile(r"\d{4}-\d{2}-\d{2}T\d{2}:\d{2}.*")
DAY = re.compile(r"\d{4}-\d{2}-\d{2}")
NOTHING = "–"
LONGEST = 400
CHANGE_ICONS = {"insert": "add_circle", "update": "edit", "delete": "delete", "refused": "block", "read": "visibility"}


READS = {
    "audit.entries": marked("The audit"),
    "audit.export": marked("The audit, as a file"),
    "identity.rights": marked("What somebody may do"),
    "identity.holders": marked("Who holds a right"),
    "identity.api_keys": marked("API keys"),
    "identity.sessions": marked("Sessions of somebody else"),
    "identity.users.export": marked("Users, as a file"),
    "identity.users": marked("The list of users"),
    "system.export": marked("An export of the whole organization"),
}
"""What notes of reading call what was read."""
REFUSALS = {
    "sign_in": marked("Sign-in with a wrong password"),
    "provider_sign_in": marked("Sign-in through a provider"),
    "second_factor": marked("Sign-in with a wrong code"),
    "not_recognized": marked("Unknown badge or PIN at a kiosk"),
}
"""What notes of refusals call what no permission names."""


class ChangeWords:
    """Writes changes for one reader; `zone` is whose clock their times are shown in."""

    def __init__(self, seat: Seat, changes: Changes, *, zone: str) -> None:
        self._lang, self._translate, self._zone = seat.lang, seat.translate, zone
        self._numbers = seat.number_locale
        self._names, self._custom = changes.names, changes.custom
        self._values = value_words(seat.translate)

    def what(self, change: Change) -> str:
        """Say in a few words what happened to what."""
        _ = self._translate
        if change.action in NOTES:
            return self._note(change)
        sentences = {"insert": _("{thing} added"), "update": _("{thing} changed"), "delete": _("{thing} removed")}
        thing = f"{_(words_of(change.table))} {self._named(change)}".strip()
        return sentences[change.action].format(thing=thing)

    def who(self, change: Change) -> str:
        """Say who did it, and with which key where a program did."""
        _ = self._translate
        kinds = {"user": _("Somebody"), "machine": _("Machine"), "system": _("System")}
        actor = change.actor or kinds[change.actor_kind]
        return f"{actor} ({change.api_key})" if change.api_key else actor

    def when(self, at: datetime) -> str:
        """Write an instant with its seconds: an audit is read next to a log."""
        return str(format_datetime(at, format="medium", tzinfo=ZoneInfo(self._zone), locale=self._lang))

    def field(self, one: FieldChange) -> str:
        """Say what a field is called."""
        if one.field is not None:
            return one.field.label(self._lang)
        return self._translate(FIELD_NAMES[one.name]) if one.name in FIELD_NAMES else one.name.removeprefix("custom.")

    def value(self, table: str, one: FieldChange, held: object) -> str:
        """Write what a field held."""
        if held is None or held in ("", [], {}):
            return NOTHING
        if one.field is not None:
            shown: str = text_of(
                one.field, held, self._lang, zone=self._zone, names=self._custom, numbers=self._numbers
            )
            return shown
        text = self._text(table, one.name, held)
        return text if len(text) <= LONGEST else f"{text[:LONGEST]} …"

    def details(self, change: Change) -> list[tuple[str, str]]:
        """Say what else a note tells: where it happened, and how often within its minute."""
        _ = self._translate
        labels = {"where": _("Where"), "times": _("How often"), "code": _("Refused as"), "format": _("Format")}
        return [(label, str(change.details[name])) for name, label in labels.items() if name in change.details]

    def _note(self, change: Change) -> str:
        _ = self._translate
        about = f" · {change.name}" if change.name else ""
        if change.action == "read":
            return _("Read: {what}").format(what=_(READS.get(change.table, change.table))) + about
        known = {**REFUSALS, **{permission.value: words for permission, words in SENTENCES.items()}}
        return _("Refused: {what}").format(what=_(known.get(change.table, change.table))) + about

    def _named(self, change: Change) -> str:
        if change.title is not None:
            held = change.title.after if change.title.after is not None else change.title.before
            return self.value(change.table, change.title, held)
        column = NAMES.get(change.table, "")
        words = self._values.get((change.table, column)) or self._values.get(("", column)) or {}
        return words.get(change.name, change.name)

    def _text(self, table: str, name: str, held: object) -> str:
        _ = self._translate
        words = self._values.get((table, name)) or self._values.get(("", name)) or {}
        match held:
            case bool():
                return _("Yes") if held else _("No")
            case int() | float():
                written = number(Decimal(str(held)), self._numbers)
                return f"{written} s" if name.endswith("_s") else written
            case list():
                return ", ".join(self._text(table, name, one) for one in held) or NOTHING
            case dict():
                parts = (f"{key}: {self._text(table, '', value)}" for key, value in held.items() if value is not None)
                return ", ".join(parts) or NOTHING
            case None:
                return NOTHING
        text = str(held)
        if name in LEADS_TO:
            return self._names.get(text, words.get(text, NOTHING if _is_id(text) else text))
        if INSTANT.fullmatch(text):
            return self.when(datetime.fromisoformat(text))
        if DAY.fullmatch(text):
            return str(format_date(date.fromisoformat(text), format="medium", locale=self._lang))
        return words.get(text, text)


def value_words(_: Translate) -> dict[tuple[str, str], Mapping[str, str]]:
    """Return the words of fields that hold one of a few values, by table and column; an empty table stands for any."""
    calls = andon_call_words.labels(_)
    operations = {state.value: words for state, (words, _icon) in operation_words(_).items()}
    orders = {state.value: words for state, words in state_words(_).items()}
    types = {key.value: words for key, words in type_words(_).items()}
    entities = {key: _(kind.words) for key, kind in ENTITIES.items()}
    return {
        ("work_orders", "state"): orders,
        ("work_orders", "held_from"): orders,
        ("work_orders", "deadline_kind"): deadline_words(_),
        ("operations", "state"): operations,
        ("routings", "state"): {state.value: words for state, words in routing_state_words(_).items()},
        ("", "transfer"): {one.value: words for one, words in transfer_words(_).items()},
        ("", "required_reports"): {one.value: words for one, words in report_words(_).items()},
        ("reasons", "kind"): {"stop": _("Stop"), "scrap": _("Scrap"), "rework": _("Rework")},
        ("reasons", "loss_category"): loss_words(_),
        ("machines", "counting_source"): counting_words(_),
        ("andon_calls", "state"): {**calls, "resolved": _("Resolved"), "closed": _("Closed")},
        ("", "category"): calls,
        ("", "severity"): calls,
        ("", "holds_operation_from"): calls,
        ("", "duties"): calls,
        ("", "channels"): {channel.value: words for channel, words in channel_words(_).items()},
        ("custom_fields", "type"): types,
        ("custom_fields", "entity"): entities,
        ("custom_fields", "reference"): entities,
        ("custom_fields", "shown_in"): {place.value: words for place, words in place_words(_).items()},
        ("custom_conversions", "from_type"): types,
        ("custom_conversions", "to_type"): types,
        ("machine_state_changes", "state"): machine_state_badge.labels(_),
        ("andon_rules", "state"): machine_state_badge.labels(_),
        ("production_runs", "state"): {
            "running": _("Running"),
            "completed": _("Completed"),
            "aborted": _("Aborted"),
        },
        ("", "actor_kind"): {"user": _("Person"), "machine": _("Machine"), "system": _("System")},
        ("role_grants", "pattern"): {permission.value: _(words) for permission, words in SENTENCES.items()},
        ("", "role"): role_words(_),
        ("", "whom"): role_words(_),
        ("", "new_user_role"): role_words(_),
        ("user_badges", "kind"): {"badge": _("Badge"), "pin": _("PIN")},
        ("production_log", "kind"): {"good": _("Good"), "scrap": _("Scrap"), "rework": _("Rework")},
    }


def _is_id(text: str) -> bool:
    try:
        UUID(text)
    except ValueError:
        return False
    return True
