"""Choosing colours: each with its contrast, and with the nearest one that can be read where it cannot."""

from collections.abc import Callable
from decimal import Decimal

from nicegui import ui

from domain.branding.contrasts import READABLE, InvalidColor, checked_color, contrast
from domain.branding.palettes import (
    GROUNDS,
    OURS,
    WORDS_ON,
    ColorRole,
    Mode,
    Palette,
    Unreadable,
    completed,
    unreadable,
)
from ui.kit.formats import number
from ui.kit.translate import Translate
from ui.pages.branding_words import mode_words, role_words

GROUND_OF = {words: ground for ground, words in WORDS_ON.items()}


class ColorChoice:
    """The colours of both modes. What is typed stays, whether it can be read or not; only saving refuses it."""

    def __init__(self, _: Translate, lang: str, *, on_change: Callable[[], None]) -> None:
        """Draw the choice here; `on_change` is called after every change."""
        self._translate, self._lang, self._on_change = _, lang, on_change
        self._fields: dict[tuple[Mode, ColorRole], ui.color_input] = {}
        self._verdicts: dict[tuple[Mode, ColorRole], ui.element] = {}
        self._is_filling = False
        roles, modes = role_words(_), mode_words(_)
        with ui.element("div").classes("u-colors"):
            for mode in Mode:
                with ui.element("section").classes("u-colors__mode"):
                    ui.label(modes[mode]).classes("u-subtitle").props("role=heading aria-level=3")
                    for role in ColorRole:
                        words = ui.label(roles[role]).classes("u-colors__label")
                        words.props["aria-hidden"] = "true"  # the field is called the same
                        field = ui.color_input(preview=True, on_change=self._changed)
                        field.classes("u-field").props("outlined clearable").mark(f"field-{mode}-{role}")
                        field.props["placeholder"], field.props["aria-label"] = OURS[mode][role], roles[role]
                        self._fields[mode, role] = field
                        self._verdicts[mode, role] = (
                            ui.element("div").classes("u-contrast").mark(f"contrast-{mode}-{role}")
                        )

    @property
    def typed(self) -> dict[str, dict[str, str]]:
        """The colours as they were typed, by mode and role."""
        typed: dict[str, dict[str, str]] = {mode.value: {} for mode in Mode}
        for (mode, role), field in self._fields.items():
            typed[mode.value][role.value] = str(field.value or "")
        return typed

    @property
    def palette(self) -> Palette:
        """The colours that are colours, for looking at."""
        chosen: dict[Mode, dict[ColorRole, str]] = {mode: {} for mode in Mode}
        for (mode, role), field in self._fields.items():
            try:
                chosen[mode][role] = checked_color(str(field.value or ""), field=role)
            except InvalidColor:
                continue
        return chosen

    @property
    def is_readable(self) -> bool:
        """Whether everything can be read."""
        return not unreadable(completed(self.palette))

    def fill(self, colors: Palette) -> None:
        """Show an organization's colours in place of what was typed."""
        self._is_filling = True
        for (mode, role), field in self._fields.items():
            field.value = colors.get(mode, {}).get(role, "")
        self._is_filling = False
        self._judge()

    def _changed(self) -> None:
        if not self._is_filling:
            self._judge()
            self._on_change()

    def _judge(self) -> None:
        """Say of every colour how well it can be read."""
        _ = self._translate
        palette = completed(self.palette)
        wrong = {(one.mode, one.role): one for one in unreadable(palette)}
        for (mode, role), verdict in self._verdicts.items():
            verdict.clear()
            typed = str(self._fields[mode, role].value or "")
            with verdict:
                if typed and role not in self.palette[mode]:
                    self._say("error", _("This is no colour such as #1c5fc4."))
                elif (mode, role) in wrong:
                    self._propose(wrong[mode, role])
                else:
                    ratio = min(contrast(palette[mode][role], other) for other in _against(palette, mode, role))
                    words = _("Contrast {ratio}, can be read")
                    self._say("check_circle", words.format(ratio=f"{number_of(ratio, self._lang)} : 1"))

    def _say(self, icon: str, words: str) -> None:
        ui.icon(icon)
        ui.label(words)

    def _propose(self, wrong: Unreadable) -> None:
        _ = self._translate
        words = _("Contrast {ratio} is too weak, {least} is needed").format(
            ratio=f"{number_of(wrong.ratio, self._lang)} : 1", least=f"{number_of(READABLE, self._lang)} : 1"
        )
        self._say("warning", words)
        field = self._fields[wrong.mode, wrong.role]
        take = ui.button(
            _("Take {color}").format(color=wrong.proposal),
            color=None,
            on_click=lambda: field.set_value(wrong.proposal),
        )
        take.classes("u-button u-contrast__take").mark(f"take-{wrong.mode}-{wrong.role}")
        with take:
            ui.element("span").classes("u-contrast__swatch").style(f"background:{wrong.proposal}")


def number_of(ratio: float, lang: str) -> str:
    """Write a contrast with two digits, rounded down: what does not pass must not look as if it did."""
    return number(Decimal(int(ratio * 100)) / 100, lang)


def _against(palette: Palette, mode: Mode, role: ColorRole) -> tuple[str, ...]:
    if role is ColorRole.ACCENT:
        return GROUNDS[mode]
    return (palette[mode][GROUND_OF.get(role) or WORDS_ON[role]],)
