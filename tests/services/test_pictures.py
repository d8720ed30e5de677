"""What people upload as pictures: taken when it is one, written anew, refused with a sentence otherwise."""

import io
import struct
import zipfile
import zlib

import pytest
from PIL import Image, PngImagePlugin

from domain.branding.brands import AssetKind, AssetRefused
from domain.errors import UnisonError
from domain.files.contents import FileEmpty, FileTooLarge
from services.branding.picture_rules import (
    Picture,
    PictureTooLarge,
    PictureTooSmall,
    SvgRefused,
    SvgUnreadable,
    UnknownPicture,
)
from services.branding.pictures import picture_for_mails, taken_picture
from services.branding.svg_pictures import cleaned_svg

SVG = '<svg xmlns="http://www.w3.org/2000/svg" xmlns:xlink="http://www.w3.org/1999/xlink" viewBox="0 0 40 20">{}</svg>'
LOGO = SVG.format('<rect width="40" height="20" fill="#0a6"/>').encode()


def drawn(kind: str = "PNG", *, size: tuple[int, int] = (64, 32), mode: str = "RGB", **options: object) -> bytes:
    """Return a picture as a program of pictures would save it."""
    target = io.BytesIO()
    Image.new(mode, size, "red").save(target, kind, **options)
    return target.getvalue()


def chunk(name: bytes, content: bytes) -> bytes:
    """Return a chunk of a PNG."""
    return struct.pack(">I", len(content)) + name + content + struct.pack(">I", zlib.crc32(name + content))


def png(width: int, height: int, *chunks: bytes) -> bytes:
    """Return a PNG that says it has so many pixels."""
    head = chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0))
    return b"\x89PNG\r\n\x1a\n" + head + b"".join(chunks) + chunk(b"IEND", b"")


class TestRasterPictures:
    @pytest.mark.parametrize("kind", ["PNG", "JPEG", "WEBP", "ICO"])
    def test_are_known_by_their_content(self, kind: str) -> None:
        picture = taken_picture(AssetKind.LOGO, drawn(kind))

        assert picture.media_type == "image/png"
        assert Image.open(io.BytesIO(picture.content)).format == "PNG"

    @pytest.mark.parametrize("kind", ["GIF", "TIFF", "BMP", "PPM"])
    def test_of_other_kinds_are_refused(self, kind: str) -> None:
        with pytest.raises(UnknownPicture):
            taken_picture(AssetKind.LOGO, drawn(kind))

    def test_keep_transparency(self) -> None:
        picture = taken_picture(AssetKind.LOGO, drawn(mode="RGBA"))

        assert Image.open(io.BytesIO(picture.content)).mode == "RGBA"

    def test_that_fill_a_page_become_photos(self) -> None:
        assert taken_picture(AssetKind.SIGN_IN, drawn(size=(3000, 2000))).media_type == "image/jpeg"

    def test_get_as_small_as_they_are_shown(self) -> None:
        picture = taken_picture(AssetKind.FAVICON, drawn(size=(2000, 1000)))

        assert Image.open(io.BytesIO(picture.content)).size == (256, 128)

    def test_lose_what_is_not_seen(self) -> None:
        exif = Image.Exif()
        exif[0x010E] = "where it was taken"
        text = PngImagePlugin.PngInfo()
        text.add_text("Author", "somebody")

        for content in (drawn("JPEG", exif=exif), drawn("PNG", pnginfo=text)):
            picture = taken_picture(AssetKind.LOGO, content)

            assert b"somebody" not in picture.content
            assert b"where it was taken" not in picture.content

    def test_lose_a_second_file_behind_the_first(self) -> None:
        archive = io.BytesIO()
        with zipfile.ZipFile(archive, "w") as packed:
            packed.writestr("index.html", "<script>alert(1)</script>")
        polyglot = drawn() + archive.getvalue() + b"<script>alert(2)</script>"

        picture = taken_picture(AssetKind.LOGO, polyglot)

        assert b"<script>" not in picture.content
        assert not zipfile.is_zipfile(io.BytesIO(picture.content))


class TestBombs:
    def test_of_declared_pixels_are_refused_before_they_are_unpacked(self) -> None:
        bomb = png(60_000, 60_000, chunk(b"IDAT", zlib.compress(bytes(10_000_000), 9)))

        with pytest.raises(PictureTooLarge, match="24 million pixels"):
            taken_picture(AssetKind.LOGO, bomb)

    def test_in_an_icon_are_refused(self) -> None:
        bomb = png(60_000, 60_000, chunk(b"IDAT", zlib.compress(bytes(1_000_000), 9)))
        icon = struct.pack("<HHH", 0, 1, 1) + struct.pack("<BBBBHHII", 16, 16, 0, 0, 1, 32, len(bomb), 22) + bomb

        with pytest.raises(AssetRefused):
            taken_picture(AssetKind.FAVICON, icon)

    def test_in_texts_and_colour_profiles_are_refused_or_left_out(self) -> None:
        packed = zlib.compress(bytes(200_000_000), 9)
        assert len(packed) < 300_000

        for name, content in ((b"zTXt", b"x\0\0" + packed), (b"iCCP", b"x\0\0" + packed)):
            bomb = png(16, 16, chunk(name, content), chunk(b"IDAT", zlib.compress(bytes(16 * 49))))
            try:
                picture = taken_picture(AssetKind.LOGO, bomb)
            except AssetRefused:
                continue
            assert len(picture.content) < 10_000

    def test_by_size_are_refused(self) -> None:
        with pytest.raises(FileTooLarge, match="2 MB"):
            taken_picture(AssetKind.LOGO, bytes(50_000_000))

    @pytest.mark.parametrize(
        "content",
        [b"PK\x03\x04", b"%PDF-1.7", b"MZ", b"\x89PNG\r\n\x1a\n", b"GIF89a", b"RIFF\0\0\0\0WEBP", b"\0\0\1\0"],
    )
    def test_and_things_that_are_no_picture_are_refused(self, content: bytes) -> None:
        with pytest.raises(UnknownPicture):
            taken_picture(AssetKind.LOGO, content + bytes(64))

    def test_cut_off_in_the_middle_are_refused(self) -> None:
        whole = drawn("PNG", size=(300, 300))
        for end in range(1, len(whole) - 20, 7):
            with pytest.raises(AssetRefused):
                taken_picture(AssetKind.LOGO, whole[:end])

    def test_of_nothing_are_refused(self) -> None:
        with pytest.raises(FileEmpty):
            taken_picture(AssetKind.LOGO, b"")
        with pytest.raises(PictureTooSmall):
            taken_picture(AssetKind.LOGO, drawn(size=(1, 300)))


class TestVectorPictures:
    def test_of_harmless_parts_are_taken(self) -> None:
        gradient = '<defs><linearGradient id="a"><stop offset="0" stop-color="#fff"/></linearGradient></defs>'
        style = "<style>.b{fill:url(#a);stroke:url('#a')}</style>"
        body = gradient + style + '<path class="b" d="M0 0h9v9z"/><use xlink:href="#a"/>'

        cleaned = cleaned_svg(SVG.format(body).encode())

        assert b"linearGradient" in cleaned
        assert b"url(#a)" in cleaned
        assert b'xlink:href="#a"' in cleaned

    @pytest.mark.parametrize(
        "body",
        [
            "<script>alert(1)</script>",
            "<SCRIPT>alert(1)</SCRIPT><script/>",
            '<svg:script xmlns:svg="http://www.w3.org/2000/svg">alert(1)</svg:script>',
            '<rect width="1" height="1" onclick="alert(1)"/>',
            '<g onload="alert(1)"/>',
            '<g ONLOAD="alert(1)"/>',
            "<foreignObject><body xmlns='http://www.w3.org/1999/xhtml'/></foreignObject>",
            '<image href="https://evil.example/x.png"/>',
            '<image xlink:href="data:image/png;base64,AAAA"/>',
            '<a href="javascript:alert(1)"><rect/></a>',
            '<use href="https://evil.example/x.svg#a"/>',
            '<use xlink:href="//evil.example/x.svg#a"/>',
            '<use href="data:image/svg+xml,x#a"/>',
            '<rect style="fill:url(https://evil.example/x)"/>',
            "<rect fill=\"url('//evil.example/x')\"/>",
            '<rect style="background:u\\72l(https://evil.example)"/>',
            "<style>@import url(https://evil.example/x.css);</style>",
            "<style>*{fill:url(https://evil.example)}</style>",
            '<rect><animate attributeName="href" to="javascript:alert(1)"/></rect>',
            '<rect><set attributeName="onclick" to="alert(1)"/></rect>',
            '<iframe xmlns="http://www.w3.org/1999/xhtml" src="https://evil.example"/>',
            '<filter id="a"><feImage href="https://evil.example"/></filter>',
            "<metadata><script xmlns='http://www.w3.org/2000/svg'>alert(1)</script></metadata><script/>",
        ],
    )
    def test_that_run_or_fetch_something_are_refused(self, body: str) -> None:
        with pytest.raises(SvgRefused, match="Save it as a plain SVG or as PNG"):
            taken_picture(AssetKind.LOGO, SVG.format(body).encode())

    @pytest.mark.parametrize(
        "content",
        [
            b"<html><body/></html>",
            b"<svg/>",
            b'<svg xmlns="http://www.w3.org/2000/svg"/>',
            b'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 1 1">',
            b'<!DOCTYPE svg [<!ENTITY a SYSTEM "file:///etc/passwd">]>' + LOGO.replace(b"<rect", b"&a;<rect"),
            b'<!DOCTYPE svg [<!ENTITY a "aaaa"><!ENTITY b "&a;&a;&a;">]>' + LOGO,
            SVG.format("<g>" * 200 + "</g>" * 200).encode(),
            SVG.format("<g/>" * 6_000).encode(),
            SVG.format('<g id="a"><use href="#b"/></g><g id="b"><use href="#a"/></g>').encode(),
            SVG.format(
                '<g id="n0"><path d=""/></g>'
                + "".join(f'<g id="n{n}">' + f'<use href="#n{n - 1}"/>' * 10 + "</g>" for n in range(1, 12))
            ).encode(),
            b"<\xff\xfe",
            b"\xff\xfe<\x00",
        ],
        ids=range(12),
    )
    def test_that_are_none_or_endless_are_refused(self, content: bytes) -> None:
        with pytest.raises(SvgUnreadable):
            taken_picture(AssetKind.LOGO, content)

    def test_lose_what_only_an_editor_needs(self) -> None:
        body = (
            '<!-- made by somebody --><metadata>x</metadata><sodipodi:namedview xmlns:sodipodi="http://s.example"/>'
            '<g data-name="layer" inkscape:label="x" xmlns:inkscape="http://i.example"><rect width="4" height="4"/></g>'
        )

        cleaned = cleaned_svg(SVG.format(body).encode())

        for left in (b"somebody", b"metadata", b"sodipodi", b"inkscape", b"data-name"):
            assert left not in cleaned
        assert b"<rect" in cleaned

    def test_with_a_stylesheet_beside_them_are_refused(self) -> None:
        with pytest.raises(SvgRefused):
            taken_picture(AssetKind.LOGO, b'<?xml-stylesheet href="https://evil.example/x.css"?>' + LOGO)

    def test_stay_clean_when_they_are_cleaned_again(self) -> None:
        once = cleaned_svg(LOGO)

        assert cleaned_svg(once) == once


class TestPicturesForMails:
    @pytest.mark.parametrize("content", [LOGO, drawn(size=(2000, 900)), drawn("WEBP", mode="RGBA")])
    def test_are_small_png_files(self, content: bytes) -> None:
        picture = picture_for_mails(taken_picture(AssetKind.LOGO, content))

        image = Image.open(io.BytesIO(picture.content))
        assert image.format == "PNG"
        assert image.height <= 96
        assert image.width <= 480

    def test_are_refused_where_nothing_can_be_drawn(self) -> None:
        with pytest.raises(UnisonError):
            picture_for_mails(Picture(b"<html/>", "image/svg+xml"))
