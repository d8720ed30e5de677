"""Files in a folder of this machine: the file store of an installation that has no other."""

import asyncio
import os
import re
import shutil
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import BinaryIO, TypeVar

import structlog

from services.db.keys import new_id
from services.ports import ContentMissing, FilesUnavailable, StoreRoom

log = structlog.get_logger(__name__)

T = TypeVar("T")
KEY = re.compile(r"[a-z0-9-]{1,100}(/[a-z0-9-]{1,100}){0,4}")
PIECE = 256 * 1024
UNFINISHED = ".part"


class LocalFiles:
    """Keeps each content as a file, named as its key."""

    def __init__(self, folder: Path) -> None:
        """Keep files below `folder`, which is made when the first one comes."""
        self._folder = folder

    async def put(self, key: str, content: bytes) -> None:
        """Keep content under a key; a power cut leaves the old or the new, never a part.

        Raises:
            FilesUnavailable: the disk does not take it.
        """
        await _in_thread(self._write, key, lambda target: target.write(content))

    async def put_file(self, key: str, path: Path) -> None:
        """Keep a copy of a local file, as `put` does.

        Raises:
            FilesUnavailable: the disk does not take it.
        """
        await _in_thread(self._copy, key, path)

    async def get(self, key: str) -> bytes:
        """Return the content under a key.

        Raises:
            ContentMissing: there is none.
            FilesUnavailable: the disk cannot be read.
        """
        return await _in_thread(self._path(key).read_bytes)

    async def stream(self, key: str) -> AsyncIterator[bytes]:
        """Yield the content under a key in pieces.

        Raises:
            ContentMissing: there is none.
            FilesUnavailable: the disk cannot be read.
        """
        source = await _in_thread(_opened, self._path(key))
        try:
            while piece := await _in_thread(source.read, PIECE):
                yield piece
        finally:
            source.close()

    async def delete(self, key: str) -> None:
        """Forget what stands under a key.

        Raises:
            FilesUnavailable: the disk does not let it go.
        """
        await _in_thread(self._delete, key)

    async def keys(self, prefix: str) -> AsyncIterator[str]:
        """Yield the keys that begin with a prefix, in order.

        Raises:
            FilesUnavailable: the disk cannot be read.
        """
        for key in await _in_thread(self._keys, prefix):
            yield key

    async def room(self) -> StoreRoom:
        """Return how much still goes onto the folder's disk.

        Raises:
            FilesUnavailable: the disk cannot be asked.
        """
        return StoreRoom("folder", await _in_thread(self._free_bytes))

    def _free_bytes(self) -> int:
        there = next(folder for folder in (self._folder, *self._folder.absolute().parents) if folder.exists())
        return shutil.disk_usage(there).free

    def _path(self, key: str) -> Path:
        if not KEY.fullmatch(key):
            raise ValueError(f"{key!r} is no key of a file")
        return self._folder / key

    def _write(self, key: str, fill: Callable[[BinaryIO], object]) -> None:
        path = self._path(key)
        path.parent.mkdir(parents=True, exist_ok=True)
        part = path.with_name(f"{new_id().hex}{UNFINISHED}")
        try:
            with part.open("xb") as target:
                fill(target)
                target.flush()
                os.fsync(target.fileno())
            part.replace(path)
        finally:
            part.unlink(missing_ok=True)
        _sync_folder(path.parent)

    def _copy(self, key: str, source_path: Path) -> None:
        with source_path.open("rb") as source:
            self._write(key, lambda target: shutil.copyfileobj(source, target, PIECE))

    def _delete(self, key: str) -> None:
        path = self._path(key)
        path.unlink(missing_ok=True)
        if path.parent.exists():
            _sync_folder(path.parent)

    def _keys(self, prefix: str) -> list[str]:
        top = self._folder / prefix.rpartition("/")[0]
        paths = (path for path in top.rglob("*") if path.is_file() and path.suffix != UNFINISHED)
        found = (path.relative_to(self._folder).as_posix() for path in paths)
        return sorted(key for key in found if key.startswith(prefix))


def _opened(path: Path) -> BinaryIO:
    return path.open("rb")


def _sync_folder(folder: Path) -> None:
    """Have the disk keep a folder's names, which it does not with the files' contents."""
    if os.name == "nt":  # pragma: no cover - folders cannot be opened there
        return
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


async def _in_thread(do: Callable[..., T], *arguments: object) -> T:
    try:
        return await asyncio.to_thread(do, *arguments)
    except (FileNotFoundError, IsADirectoryError) as error:
        raise ContentMissing from error
    except OSError as error:
        log.warning("the folder of files cannot be used", error=str(error))
        raise FilesUnavailable from error
