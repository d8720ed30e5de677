"""What an organization will look like: the frame, a wall, the sign-in and a mail, in light and in dark."""

from nicegui import ui

from domain.branding.palettes import Mode, Palette
from services.branding.mails import mail_html
from services.branding.queries import Brand
from ui.components.machine_state_badge import labels as state_labels
from ui.kit.translate import Translate
from ui.pages.branding_words import mode_words
from ui.theme import look_of
from ui.theme.brands import declarations
from ui.theme.tokens import MACHINE_STATES, declarations_of

STATES = ("running", "unplanned_stop", "setup")


class BrandPreview:
    """Small scenes that follow what is chosen beside them, before anything is saved."""

    def __init__(self, _: Translate) -> None:
        """Draw the scenes here; `show` fills them."""
        self._translate = _
        ui.add_head_html(
            f"<style>.u-preview--light{{{declarations_of('light')}}}.u-preview--dark{{{declarations_of('dark')}}}</style>"
        )
        self._scenes: dict[Mode, ui.element] = {}
        words = mode_words(_)
        with ui.element("div").classes("u-previews").props("aria-live=off"):
            for mode in Mode:
                with ui.element("section").classes("u-previews__mode"):
                    ui.label(words[mode]).classes("u-subtitle")
                    self._scenes[mode] = (
                        ui.element("div").classes(f"u-preview u-preview--{mode}").mark(f"preview-{mode}")
                    )
        ui.label(_("A mail")).classes("u-subtitle")
        self._mail = ui.element("iframe").classes("u-preview__mail").props("tabindex=-1").mark("preview-mail")
        self._mail.props["title"], self._mail.props["sandbox"] = _("A mail"), ""

    def show(self, brand: Brand, colors: Palette) -> None:
        """Show a brand with other colours than it has by now."""
        for mode, scene in self._scenes.items():
            scene.style(replace=declarations(colors, mode))
            scene.clear()
            with scene:
                _frame(brand, mode, self._translate)
                _wall(brand, mode, self._translate)
                _sign_in(brand, mode, self._translate)
        self._mail.props["srcdoc"] = _mail(brand, colors, self._translate)


def _logo(brand: Brand, mode: Mode, *, on_header: bool) -> bool:
    """Draw the logo that stands on a ground in a mode; tells whether there is one."""
    look = look_of(brand)
    url = look["header_logo" if on_header else "page_logo"][mode.value]
    if url:
        picture = ui.element("img").classes("u-preview__logo")
        picture.props["src"], picture.props["alt"] = url, brand.name
    return bool(url)


def _frame(brand: Brand, mode: Mode, _: Translate) -> None:
    with ui.element("div").classes("u-preview__frame"):
        with ui.element("div").classes("u-preview__rail"):
            with ui.element("div").classes("u-preview__brand"):
                if not _logo(brand, mode, on_header=True):
                    ui.icon("hub")
                    ui.label(brand.name)
            for icon, words, is_chosen in (
                ("factory", _("Plant"), False),
                ("assignment", _("Orders"), True),
                ("settings", _("Set-up"), False),
            ):
                area = ui.element("div").classes("u-preview__area")
                area.classes(add="u-preview__area--chosen" if is_chosen else "")
                with area:
                    ui.icon(icon)
                    ui.label(words)
        with ui.element("div").classes("u-preview__page"):
            ui.label(_("Orders")).classes("u-subtitle")
            ui.label("WO-2026-000123").classes("u-preview__link")
            ui.label(_("Start")).classes("u-preview__button")


def _wall(brand: Brand, mode: Mode, _: Translate) -> None:
    states = state_labels(_)
    with ui.element("div").classes("u-preview__wall"):
        look = look_of(brand)
        with ui.element("div").classes("u-preview__bar"):
            if not _logo(brand, mode, on_header=True):
                ui.label(brand.name).style("font-weight: 600")
            ui.label(look["wall_text"])
        with ui.element("div").classes("u-preview__tiles"):
            for number, state in enumerate(STATES, 1):
                tile = ui.element("div").classes("u-preview__tile")
                tile.props["data-state"] = state
                with tile:
                    with ui.element("div").classes("u-preview__tile-head"):
                        ui.icon(MACHINE_STATES[state].icon)
                        ui.label(f"M-{number}")
                    ui.label(states[state])


def _sign_in(brand: Brand, mode: Mode, _: Translate) -> None:
    look = look_of(brand)
    with ui.element("div").classes("u-preview__gate"):
        if look["sign_in_picture"]:
            picture = ui.element("img").classes("u-preview__picture")
            picture.props["src"], picture.props["alt"] = look["sign_in_picture"], ""
        with ui.element("div").classes("u-preview__card"):
            if not _logo(brand, mode, on_header=False):
                with ui.element("div").classes("u-preview__brand"):
                    ui.icon("hub")
                    ui.label(brand.name)
            if brand.sign_in_text:
                ui.label(brand.sign_in_text).classes("u-muted u-gate__text")
            ui.label(_("E-mail address")).classes("u-preview__field")
            ui.label(_("Sign in")).classes("u-preview__button")


def _mail(brand: Brand, colors: Palette, _: Translate) -> str:
    shown = Brand(
        org_id=brand.org_id,
        slug=brand.slug,
        organization=brand.organization,
        own_name=brand.own_name,
        colors=colors,
        mail_text=brand.mail_text,
    )
    sentence = _("Raised at {time}; nobody has answered for {minutes} minutes.").format(time="06:12", minutes=4)
    logo = brand.mail_logo
    return mail_html(
        shown,
        _("A mail"),
        [sentence],
        None,
        logo_url="" if logo is None else f"/brand/{brand.slug}/{logo.sha256}",
        language="",
    )
