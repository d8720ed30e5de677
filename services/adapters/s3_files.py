"""Files in a bucket of any S3 service, through the minio SDK in threads."""

import asyncio
import io
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import TypeVar
from urllib.parse import parse_qs, unquote, urlsplit

import structlog
import urllib3
from minio import Minio
from minio.error import InvalidResponseError, MinioException, S3Error

from services.ports import ContentMissing, FilesUnavailable, StoreRoom

log = structlog.get_logger(__name__)

T = TypeVar("T")
PIECE = 256 * 1024
MISSING = frozenset({"NoSuchKey", "ResourceNotFound"})
CONNECT_S, READ_S, TRIES = 5, 30, 2
ANY_REGION = "us-east-1"


class S3Files:
    """Keeps each content as an object of one bucket."""

    def __init__(self, url: str) -> None:
        """Keep files in the bucket of `s3://key:secret@host/bucket?region=...`; `s3+http://` goes without TLS."""
        parts = urlsplit(url)
        self._bucket = parts.path.strip("/")
        address = (parts.hostname or "") if parts.port is None else f"{parts.hostname}:{parts.port}"
        self._client = Minio(
            address,
            access_key=None if parts.username is None else unquote(parts.username),
            secret_key=None if parts.password is None else unquote(parts.password),
            secure=parts.scheme == "s3",
            region=parse_qs(parts.query).get("region", [ANY_REGION])[0],
            http_client=urllib3.PoolManager(
                timeout=urllib3.Timeout(connect=CONNECT_S, read=READ_S),
                retries=urllib3.Retry(total=TRIES, backoff_factor=0.2, status_forcelist=(500, 502, 503, 504)),
                maxsize=10,
            ),
        )

    async def put(self, key: str, content: bytes) -> None:
        """Keep content under a key.

        Raises:
            FilesUnavailable: the service does not take it.
        """
        await _in_thread(self._client.put_object, self._bucket, key, io.BytesIO(content), len(content))

    async def put_file(self, key: str, path: Path) -> None:
        """Keep a copy of a local file, a large one in several parts.

        Raises:
            FilesUnavailable: the service does not take it.
        """
        await _in_thread(self._client.fput_object, self._bucket, key, str(path))

    async def get(self, key: str) -> bytes:
        """Return the content under a key.

        Raises:
            ContentMissing: there is none.
            FilesUnavailable: the service does not answer.
        """
        return await _in_thread(self._read, key)

    async def stream(self, key: str) -> AsyncIterator[bytes]:
        """Yield the content under a key in pieces.

        Raises:
            ContentMissing: there is none.
            FilesUnavailable: the service does not answer.
        """
        answer = await _in_thread(self._client.get_object, self._bucket, key)
        try:
            while piece := await _in_thread(answer.read, PIECE):
                yield piece
        finally:
            answer.close()
            answer.release_conn()

    async def delete(self, key: str) -> None:
        """Forget what stands under a key.

        Raises:
            FilesUnavailable: the service does not let it go.
        """
        try:
            await _in_thread(self._client.remove_object, self._bucket, key)
        except ContentMissing:
            return

    async def keys(self, prefix: str) -> AsyncIterator[str]:
        """Yield the keys that begin with a prefix, in order.

        Raises:
            FilesUnavailable: the service does not answer.
        """
        for key in await _in_thread(self._keys, prefix):
            yield key

    async def room(self) -> StoreRoom:
        """Return that nothing limits a bucket."""
        return StoreRoom("s3", None)

    def _read(self, key: str) -> bytes:
        answer = self._client.get_object(self._bucket, key)
        try:
            return answer.read()
        finally:
            answer.close()
            answer.release_conn()

    def _keys(self, prefix: str) -> list[str]:
        found = self._client.list_objects(self._bucket, prefix=prefix, recursive=True)
        return sorted(item.object_name for item in found if item.object_name is not None)


async def _in_thread(do: Callable[..., T], *arguments: object) -> T:
    try:
        return await asyncio.to_thread(do, *arguments)
    except S3Error as error:
        if error.code in MISSING:
            raise ContentMissing from error
        raise _unavailable(error) from error
    except InvalidResponseError as error:  # also a refusal as text/xml, in which the SDK looks for no code
        if any(f"<Code>{code}</Code>" in str(error) for code in MISSING):
            raise ContentMissing from error
        raise _unavailable(error) from error
    except (MinioException, urllib3.exceptions.HTTPError, OSError) as error:
        raise _unavailable(error) from error


def _unavailable(error: Exception) -> FilesUnavailable:
    """Tell the log what people need not know: the service's own words, which name no secret."""
    log.warning("the file store does not answer as it should", error=str(error)[:500])
    return FilesUnavailable()
