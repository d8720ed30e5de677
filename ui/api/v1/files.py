"""Files: what people attach to things, up and down."""

from datetime import datetime
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Query, Request, Response
from pydantic import Field, TypeAdapter

from domain.files.purposes import FilePurpose
from domain.identity.roles import Permission
from services.db.work import Work, read
from services.files.kept_files import add_file, find_file, list_files
from ui.api.files import file_response
from ui.api.v1.callers import Caller
from ui.api.v1.documents import READING, WRITING
from ui.api.v1.exact_json import ExactJsonRoute
from ui.api.v1.fields import Answer
from ui.api.v1.lists import Cursors, Listed, Paging
from ui.api.v1.uploads import read_upload, upload_body
from ui.api.v1.writes import Done, Write

router = APIRouter(tags=["files"], route_class=ExactJsonRoute)
FILES = Cursors("files", TypeAdapter(UUID))


class FileInfo(Answer):
    """What is known about a file."""

    id: UUID
    purpose: FilePurpose
    name: str
    media_type: str
    size: int = Field(description="Bytes.")
    sha256: str = Field(description="Of the content, hexadecimal.")
    created_at: datetime
    created_by: UUID | None


class FileFilter(Paging):
    """Filters of files."""

    purpose: FilePurpose = Field(default=FilePurpose.CUSTOM_FIELD, description="What they are kept for.")


@router.get("/files/", operation_id="listFiles", summary="Files", responses=READING)
async def read_files(caller: Caller, asked: Annotated[FileFilter, Query()]) -> Listed[FileInfo]:
    """Return the files of a purpose, the newest first."""
    async with read(caller) as work:
        page = await list_files(work, purpose=asked.purpose, after=FILES.read(asked.cursor), limit=asked.limit)
    return FILES.listed(page, FileInfo, lambda file: file.id)


@router.post(
    "/files/", operation_id="addFile", summary="Upload a file", status_code=201, response_model=FileInfo,
    responses=WRITING, openapi_extra=upload_body(),
)  # fmt: skip
async def post_file(request: Request, write: Write) -> Response:
    """Keep a file, so that a custom field of type file can name its id."""
    write.scope.require(Permission.ADD_FILES)
    upload = await read_upload(request)

    async def add(work: Work) -> Done:
        file = await add_file(work, name=upload.name, media_type=upload.media_type, content=upload.content)
        return Done(FileInfo.model_validate(file), 201)

    return await write.once(add)


@router.get("/files/{file_id}", operation_id="getFile", summary="What a file is", responses=READING)
async def read_file(file_id: UUID, caller: Caller) -> FileInfo:
    """Return what is known about a file."""
    async with read(caller) as work:
        return FileInfo.model_validate(await find_file(work, file_id))


@router.get(
    "/files/{file_id}/content", operation_id="getFileContent", summary="A file's content", response_class=Response,
    responses={**READING, 200: {"description": "The file.", "content": {"*/*": {}}}},
)  # fmt: skip
async def read_content(file_id: UUID, caller: Caller, request: Request) -> Response:
    """Return the bytes of a file; they never change."""
    async with read(caller) as work:
        file = await find_file(work, file_id)
    return file_response(caller.org_id, file, request)
