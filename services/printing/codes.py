"""Codes that scanners read, as vector pictures."""

import io

import segno


def qr_code(text: str) -> bytes:
    """Return a QR code as SVG, with the quiet zone that scanners need."""
    target = io.BytesIO()
    segno.make(text, error="m", micro=False).save(target, kind="svg", border=4, unit="mm", xmldecl=False, nl=False)
    return target.getvalue()
