"""Files in requests: one part of `multipart/form-data`, beside fields that say what it is for."""

from typing import Any, ClassVar

from fastapi import Request
from starlette.datastructures import UploadFile
from starlette.exceptions import HTTPException
from starlette.formparsers import MultiPartException

from domain.errors import Invalid, marked

MOST_FIELDS = 10


class NoFile(Invalid):
    """A request that should bring a file and brings none."""

    code: ClassVar[str] = "no_file"
    sentence: ClassVar[str] = marked("Send one file as the part “file” of multipart/form-data.")


class Upload:
    """What a request brought: one file, and fields."""

    def __init__(self, name: str, media_type: str, content: bytes, fields: dict[str, str]) -> None:
        self.name, self.media_type, self.content, self.fields = name, media_type, content, fields

    def whole_number(self, field: str) -> int:
        """Return a field that holds a whole number.

        Raises:
            Invalid: it is missing, or none.
        """
        value = self.fields.get(field, "")
        if not value.isascii() or not value.isdecimal() or len(value) > 9:
            raise Invalid(field=field)
        return int(value)


async def read_upload(request: Request) -> Upload:
    """Return the file of a request; its size is limited before it gets here.

    Raises:
        NoFile: the body is no multipart/form-data with exactly one file in the part `file`.
    """
    try:
        form = await request.form(max_files=1, max_fields=MOST_FIELDS)
    except (HTTPException, MultiPartException) as error:
        if isinstance(error, HTTPException) and error.status_code != 400:
            raise
        raise NoFile(field="file") from error
    file = form.get("file")
    if not isinstance(file, UploadFile):
        raise NoFile(field="file")
    fields = {name: value for name, value in form.items() if isinstance(value, str)}
    return Upload(file.filename or "file", file.content_type or "", await file.read(), fields)


def upload_body(**fields: str) -> dict[str, Any]:
    """Return what the OpenAPI document says about a body with a file and these fields, each with its meaning."""
    properties: dict[str, Any] = {"file": {"type": "string", "format": "binary"}}
    properties |= {name: {"type": "string", "description": meaning} for name, meaning in fields.items()}
    schema = {"type": "object", "properties": properties, "required": ["file", *fields]}
    return {"requestBody": {"required": True, "content": {"multipart/form-data": {"schema": schema}}}}
