"""A field that holds one file: its name, a button to choose another, a button to take it away."""

from collections.abc import Awaitable, Callable, Mapping

from nicegui import events, ui

LARGEST_FILE = 20_000_000
"""Bytes; the server asks again."""


class FileInput(ui.input):
    """Shows the name of a file and keeps its id. `words` are `choose` and `clear` in the reader's language."""

    def __init__(self, label: str, *, file_id: str | None, file_name: str, words: Mapping[str, str]) -> None:
        super().__init__(label, value=file_name)
        self.file_id = file_id
        self._take: Callable[[events.UploadEventArguments], Awaitable[None]] | None = None
        self.props("readonly stack-label")
        with self:
            upload = ui.upload(auto_upload=True, max_files=1, max_file_size=LARGEST_FILE, on_upload=self._uploaded)
            upload.classes("u-file-input__upload")
        with self.add_slot("append"):
            choose = ui.button(icon="attach_file", color=None).classes("u-icon-button").props("flat")
            choose.on("click", js_handler=f"() => runMethod({upload.id}, 'pickFiles', [])")
            choose.props["aria-label"] = words["choose"]
            clear = ui.button(icon="close", color=None, on_click=lambda: self.hold(None, ""))
            clear.classes("u-icon-button").props("flat")
            clear.props["aria-label"] = words["clear"]
        self._upload = upload

    def on_upload(self, take: Callable[[events.UploadEventArguments], Awaitable[None]]) -> None:
        """Let a chosen file be taken, which ends in `hold`."""
        self._take = take

    def hold(self, file_id: str | None, file_name: str) -> None:
        """Hold a file, or none."""
        self.file_id = file_id
        self.value = file_name

    async def _uploaded(self, event: events.UploadEventArguments) -> None:
        self._upload.reset()
        if self._take is not None:
            await self._take(event)
