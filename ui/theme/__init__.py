"""How Unison looks: `install_theme` once, then every page opens a `frame`, a `wall` or a `gate`."""

from ui.theme.head import install_theme
from ui.theme.layout import FrameArea, FrameViewer, frame, gate, wall
from ui.theme.layout import labels as frame_labels

__all__ = ["FrameArea", "FrameViewer", "frame", "frame_labels", "gate", "install_theme", "wall"]
