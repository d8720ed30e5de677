"""How what the set-up is about is called: losses, ways to count, ways to tell people, types and places of fields."""

from domain.andon.ladders import Channel
from domain.custom_fields.fields import FieldPlace, FieldType
from domain.plant.counters import CountingSource
from domain.plant.reasons import LossCategory
from ui.kit.translate import Translate


def loss_words(_: Translate) -> dict[str, str]:
    """Translate the loss categories."""
    return {
        LossCategory.PLANNED.value: _("Planned"),
        LossCategory.BREAKDOWN.value: _("Breakdown"),
        LossCategory.CHANGEOVER.value: _("Changeover"),
        LossCategory.MINOR.value: _("Minor stop"),
        LossCategory.MATERIAL.value: _("Material"),
        LossCategory.ORGANIZATION.value: _("Organization"),
        LossCategory.QUALITY.value: _("Quality"),
    }


def counting_words(_: Translate) -> dict[str, str]:
    """Translate who counts."""
    return {
        CountingSource.OPERATOR.value: _("People enter pieces"),
        CountingSource.COUNTER.value: _("People read a counter"),
        CountingSource.MACHINE.value: _("The machine reports"),
    }


def channel_words(_: Translate) -> dict[Channel, str]:
    """Translate the ways in which people are told."""
    return {Channel.SCREEN: _("On screens"), Channel.SOUND: _("With a sound"), Channel.MAIL: _("By mail")}


def type_words(_: Translate) -> dict[FieldType, str]:
    """Translate what fields hold."""
    return {
        FieldType.TEXT: _("Text"),
        FieldType.NUMBER: _("Numeric value"),
        FieldType.BOOLEAN: _("Yes or no"),
        FieldType.DATE: _("Date"),
        FieldType.DATETIME: _("Date and time"),
        FieldType.CHOICE: _("Choice"),
        FieldType.MULTI_CHOICE: _("Several choices"),
        FieldType.REFERENCE: _("Reference"),
        FieldType.FILE: _("File"),
    }


def type_icons() -> dict[FieldType, str]:
    """Return the icon of each type."""
    return {
        FieldType.TEXT: "short_text",
        FieldType.NUMBER: "pin",
        FieldType.BOOLEAN: "toggle_on",
        FieldType.DATE: "event",
        FieldType.DATETIME: "schedule",
        FieldType.CHOICE: "radio_button_checked",
        FieldType.MULTI_CHOICE: "checklist",
        FieldType.REFERENCE: "link",
        FieldType.FILE: "attach_file",
    }


def place_words(_: Translate) -> dict[FieldPlace, str]:
    """Translate where fields are shown."""
    return {
        FieldPlace.FORM: _("Forms"),
        FieldPlace.LIST: _("Tables"),
        FieldPlace.FILTER: _("Filters"),
        FieldPlace.SEARCH: _("Search"),
        FieldPlace.EXPORT: _("Import and export"),
        FieldPlace.API: _("API"),
        FieldPlace.LABEL: _("Labels"),
        FieldPlace.REPORT: _("Reports"),
    }
