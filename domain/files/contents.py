"""Rules about files: how large, how named, of which kind."""

import re
from typing import ClassVar

from domain.checks import checked_text
from domain.errors import Invalid, marked

LONGEST_NAME = 200
UNKNOWN_TYPE = "application/octet-stream"
MEDIA_TYPE = re.compile(r"[a-z0-9][a-z0-9.+-]{0,60}/[a-z0-9][a-z0-9.+-]{0,60}")


class FileTooLarge(Invalid):
    """More bytes than may be kept."""

    code: ClassVar[str] = "file_too_large"
    sentence: ClassVar[str] = marked("This file is larger than {most_mb} MB. Choose a smaller one.")


class FileEmpty(Invalid):
    """A file without content."""

    code: ClassVar[str] = "file_empty"
    sentence: ClassVar[str] = marked("This file is empty. Choose another one.")


def checked_size(size: int, *, most: int, field: str) -> int:
    """Return a size in bytes that may be kept.

    Raises:
        FileEmpty: nothing is in it.
        FileTooLarge: it has more than `most` bytes.
    """
    if size == 0:
        raise FileEmpty(field=field)
    if size > most:
        raise FileTooLarge(field=field, most_mb=f"{most / 1_000_000:g}")
    return size


def checked_file_name(name: str) -> str:
    """Return the last part of a file's name, without folders.

    Raises:
        InvalidText: nobody can read it, or it is empty or too long.
    """
    last = name.replace("\\", "/").rpartition("/")[2].replace("\n", " ").replace("\t", " ")
    return checked_text(last, field="name", longest=LONGEST_NAME)


def plain_media_type(media_type: str) -> str:
    """Return a media type without its parameters; what is none becomes bytes of unknown kind."""
    kind = media_type.partition(";")[0].strip().lower()
    return kind if MEDIA_TYPE.fullmatch(kind) else UNKNOWN_TYPE
