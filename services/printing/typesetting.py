"""Setting documents with typst: a source of ours, data as JSON, pictures as files.

Nothing that people wrote becomes part of a source: it goes in as data, and typst shows it as text. Takes a few
milliseconds to a second and lets other threads run meanwhile: for a thread.
"""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Any, Literal, cast

import orjson

if TYPE_CHECKING:
    import typst

Format = Literal["pdf", "png"]


class NotSet(Exception):
    """A document that typst cannot set; the message is typst's."""


def typeset(
    source: str,
    *,
    data: Mapping[str, object] | None = None,
    files: Mapping[str, bytes] | None = None,
    form: Format = "pdf",
    ppi: float | None = None,
) -> bytes:
    """Return a document; its source reads `json(bytes(sys.inputs.data))` and the files by their names.

    Raises:
        NotSet: the source has a mistake, or a picture cannot be drawn.
    """
    import typst  # here, because it costs every process 7 MB that most never print with

    parts = {"main.typ": source.encode(), **(files or {})}
    try:
        document: bytes = typst.compile(
            cast("Any", parts),  # its hints know paths and bytes only
            format=form,
            ppi=ppi,
            font_paths=_fonts(),
            sys_inputs={"data": orjson.dumps(data or {}).decode()},
        )
    except typst.TypstError as error:
        raise NotSet(str(error)) from error
    return document


@dataclass(frozen=True)
class Printout:
    """A document that is ready to be set: everything that it needs has been read."""

    name: str
    """Of the file."""
    source: str
    data: Mapping[str, object]
    files: Mapping[str, bytes]

    async def pdf(self) -> bytes:
        """Return it as PDF, set in a thread; no transaction need be open meanwhile.

        Raises:
            NotSet: the source has a mistake, or a picture cannot be drawn.
        """
        return await asyncio.to_thread(typeset, self.source, data=self.data, files=self.files)


@cache
def _fonts() -> "typst.Fonts":
    """Return the fonts of this machine, looked for once."""
    import typst

    return typst.Fonts()
