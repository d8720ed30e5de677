"""What every page carries in its head: the tokens, the stylesheets and the reader's appearance."""

from hashlib import sha256
from pathlib import Path

from nicegui import app, ui

from ui.theme.tokens import stylesheet

STYLES = Path(__file__).parents[2] / "assets" / "styles"

# Runs before the first paint, so that a dark screen never flashes white. The appearance switch writes the same key.
_APPEARANCE = (
    'document.documentElement.dataset.theme=localStorage.getItem("unison.appearance")'
    '??(matchMedia("(prefers-color-scheme: dark)").matches?"dark":"light")'
)


def install_theme() -> None:
    """Serve the stylesheets and give every page the look of Unison; call once, before the first page is served."""
    app.add_static_files("/assets/styles", STYLES)
    links = "".join(
        f'<link rel="stylesheet" href="/assets/styles/{sheet.name}?v={sha256(sheet.read_bytes()).hexdigest()[:12]}">'
        for sheet in sorted(STYLES.glob("*.css"))
    )
    ui.add_head_html(f"<script>{_APPEARANCE}</script><style>{stylesheet()}</style>{links}", shared=True)
