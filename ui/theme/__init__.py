"""How Unison looks: `install_theme` once, then every page opens a `frame`, a `wall` or a `gate`."""

from ui.theme.brands import asset_url, look_of, wear
from ui.theme.head import install_theme
from ui.theme.layout import FrameArea, FrameViewer, frame, gate, gate_brand, wall
from ui.theme.layout import labels as frame_labels

__all__ = [
    "FrameArea",
    "FrameViewer",
    "asset_url",
    "frame",
    "frame_labels",
    "gate",
    "gate_brand",
    "install_theme",
    "look_of",
    "wall",
    "wear",
]
