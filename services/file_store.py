"""Where this installation keeps files; chosen by the composition root."""

from services.ports import FileStore


class _Current:
    store: FileStore | None = None


def use_file_store(store: FileStore | None) -> None:
    """Keep files in `store` from now on."""
    _Current.store = store


def current_file_store() -> FileStore:
    """Return what keeps files.

    Raises:
        RuntimeError: the composition root chose none.
    """
    if _Current.store is None:
        raise RuntimeError("no file store is in use; the composition root must call use_file_store() first")
    return _Current.store
