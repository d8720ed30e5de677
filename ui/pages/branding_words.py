"""What the branding page calls things."""

from domain.branding.brands import AssetKind
from domain.branding.palettes import ColorRole, Mode
from ui.kit.translate import Translate


def role_words(_: Translate) -> dict[ColorRole, str]:
    """Translate what a colour is for."""
    return {
        ColorRole.ACCENT: _("Accent: links and what is chosen"),
        ColorRole.PRIMARY: _("Main buttons"),
        ColorRole.ON_PRIMARY: _("Words on main buttons"),
        ColorRole.HEADER: _("Header: rail and bar above walls"),
        ColorRole.ON_HEADER: _("Words on the header"),
    }


def mode_words(_: Translate) -> dict[Mode, str]:
    """Translate how a screen is lit."""
    return {Mode.LIGHT: _("Light"), Mode.DARK: _("Dark")}


def asset_words(_: Translate) -> dict[AssetKind, tuple[str, str]]:
    """Translate what a picture is, and where it is shown."""
    return {
        AssetKind.LOGO: (_("Logo"), _("On the rail, walls, the sign-in page, mails and printed documents")),
        AssetKind.LOGO_DARK: (_("Logo for dark grounds"), _("In place of the logo where the ground is dark")),
        AssetKind.FAVICON: (_("Favicon"), _("On the tab of the browser, square")),
        AssetKind.SIGN_IN: (_("Sign-in picture"), _("Beside the sign-in, at least 1,200 pixels wide")),
    }


def text_words(_: Translate) -> dict[str, tuple[str, str]]:
    """Translate what a text is, and where it is shown."""
    return {
        "name": (_("Name"), _("On screens, in mails and on paper")),
        "wall_text": (_("Words above walls"), ""),
        "sign_in_text": (_("Words on the sign-in page"), ""),
        "mail_text": (_("Foot of mails"), ""),
        "mail_language": (_("Language of mails"), _("For people who have chosen no language")),
        "pdf_text": (_("Header of printed documents"), _("Such as the address, in several lines")),
    }
