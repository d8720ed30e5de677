"""Which file store the settings choose."""

from services.adapters.local_files import LocalFiles
from services.config import Settings
from services.ports import FileStore

FOLDER = "files"


def file_store_of(settings: Settings) -> FileStore:
    """Return the file store of the settings: a bucket where they name one, else a folder of the data directory."""
    if settings.files_url is None:
        return LocalFiles(settings.data_dir / FOLDER)
    # imported here because its SDK costs every start time that most do without
    from services.adapters.s3_files import S3Files

    return S3Files(settings.files_url.get_secret_value())
