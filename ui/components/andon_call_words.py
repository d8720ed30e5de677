"""The words of Andon calls that every board shares."""

from collections.abc import Callable


def labels(_: Callable[[str], str]) -> dict[str, str]:
    """Translate the categories, severities and states of Andon calls."""
    return {
        "quality": _("Quality"),
        "material": _("Material"),
        "machine": _("Machine"),
        "safety": _("Safety"),
        "help": _("Help"),
        "minor": _("Minor"),
        "major": _("Major"),
        "critical": _("Critical"),
        "raised": _("Waiting"),
        "acknowledged": _("Someone is coming"),
    }
