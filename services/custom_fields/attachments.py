"""Files that people attach to things, as values of custom fields."""

from domain.files.contents import checked_size
from domain.files.purposes import FilePurpose
from services.custom_fields.entities import entity_of
from services.db.work import Work
from services.files.kept_files import StoredFile, keep_file

LARGEST_FILE = 20_000_000
"""Bytes."""


async def attach_file(work: Work, *, entity: str, name: str, media_type: str, content: bytes) -> StoredFile:
    """Keep a file that the value of a custom field will name.

    Raises:
        Forbidden: the actor may not change things of this kind.
        InvalidChoice: there is no such entity.
        FileEmpty, FileTooLarge, InvalidText: its size or name.
        FilesUnavailable: the file store does not take it.
    """
    await work.permit(entity_of(entity).edit)
    checked_size(len(content), most=LARGEST_FILE, field="file")
    return await keep_file(work, purpose=FilePurpose.CUSTOM_FIELD, name=name, media_type=media_type, content=content)
