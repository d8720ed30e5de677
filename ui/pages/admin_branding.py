"""Branding: name, words, colours and pictures of the organization, with what they will look like beside them."""

from collections.abc import Awaitable, Callable
from dataclasses import replace
from uuid import UUID

from nicegui import events, ui

from domain.branding.brands import LONGEST, AssetKind
from domain.branding.palettes import ColorRole, Mode
from domain.errors import UnisonError
from domain.events import BrandingChanged, Event
from domain.files.contents import FileTooLarge
from domain.identity.roles import Permission
from services.branding.brands import branding_id, edit_branding, get_branding, remove_brand_asset, set_brand_asset
from services.branding.picture_rules import UnknownPicture, most_bytes
from services.branding.queries import Brand
from services.db.work import Work, read
from services.plant.places import list_plants
from ui.kit.act import act
from ui.kit.enter import Seat, screen
from ui.kit.errors import show_error
from ui.kit.forms import Form
from ui.kit.live_page import keep_fresh
from ui.kit.process import this_process
from ui.kit.translate import SOURCE_LANGUAGE
from ui.pages.admin_parts import heading, setup_page
from ui.pages.admin_users import language_words
from ui.pages.branding_colors import ColorChoice
from ui.pages.branding_preview import BrandPreview
from ui.pages.branding_words import asset_words, mode_words, role_words, text_words
from ui.pages.histories import history_button
from ui.theme import asset_url

LONG_TEXTS = ("sign_in_text", "pdf_text")
TOO_LARGE = "max-file-size"
WHY_REJECTED = "(entries) => emit(entries[0].failedPropValidation)"
ACCEPTED = ".png,.jpg,.jpeg,.webp,.svg,.ico,image/*"


@screen("/admin/branding", permission=Permission.EDIT_BRANDING)
async def admin_branding(seat: Seat) -> None:
    """Let the organization look like itself."""
    _ = seat.translate
    async with read(seat.scope()) as work:
        plants = await list_plants(work)
        brand, row_id = await get_branding(work), await branding_id(work)
    with setup_page(seat, _("Branding"), "/admin/branding", plants=plants):
        page = _Page(seat, brand, row_id)
    await keep_fresh(seat, load=page.load, concerns=_concerns)


def _concerns(event: Event) -> bool:
    return isinstance(event, BrandingChanged)


class _Page:
    """What is chosen and what it looks like; follows other admins as long as nothing is typed that is not saved."""

    def __init__(self, seat: Seat, brand: Brand, row_id: UUID | None) -> None:
        self._seat, self._brand = seat, brand
        self._newer: Brand | None = None
        """What somebody else saved while something was typed here."""
        self._is_edited = False
        _ = seat.translate
        with ui.element("div").classes("u-branding"):
            with ui.element("div").classes("u-branding__choice"):
                self._form = _BrandForm(seat, on_edit=self._edited)
                self._others = ui.element("div").classes("u-note").mark("changed-by-others")
                with self._others:
                    ui.icon("sync_problem")
                    ui.label(_("Somebody else has changed the branding meanwhile."))
                    again = ui.button(_("Show what is saved"), color=None, on_click=self._show_saved)
                    again.classes("u-button").mark("show-saved")
                self._others.visible = False
                with ui.element("div").classes("u-row"):
                    self._save = ui.button(_("Save"), color=None, on_click=self._save_all)
                    self._save.classes("u-button u-button--primary").mark("save")
                    if row_id is not None:
                        history_button(seat, "branding", row_id, title=_("Branding"))
                heading(_("Pictures"))
                self._pictures = ui.element("div").classes("u-assets")
            with ui.element("div").classes("u-branding__preview"):
                heading(_("What it looks like"))
                self._preview = BrandPreview(_)
        self._show_saved()

    async def load(self) -> None:
        """Show what is saved by now, unless that would take away what was typed."""
        async with read(self._seat.scope()) as work:
            brand = await get_branding(work)
        if brand.version == self._brand.version:
            return
        if self._is_edited:
            self._newer = brand
            self._others.visible = True
            return
        self._brand = brand
        self._show_saved()

    def _edited(self) -> None:
        self._is_edited = True
        self._draw_preview()

    def _show_saved(self) -> None:
        """Show the newest brand that is known, in place of everything typed."""
        self._know(self._newer or self._brand)
        self._form.fill(self._brand)
        self._is_edited = False
        self._draw_pictures()
        self._draw_preview()

    def _know(self, brand: Brand) -> None:
        """Go on from what is saved by now."""
        self._brand = brand
        if self._newer is not None and self._newer.version <= brand.version:
            self._newer = None
        self._others.visible = self._newer is not None

    def _draw_preview(self) -> None:
        typed = {name: words.strip() for name, words in self._form.texts.items()}
        shown = replace(
            self._brand,
            own_name=typed["name"],
            wall_text=typed["wall_text"],
            sign_in_text=typed["sign_in_text"],
            mail_text=typed["mail_text"],
        )
        self._preview.show(shown, self._form.colors.palette)

    def _draw_pictures(self) -> None:
        self._pictures.clear()
        with self._pictures:
            for kind in AssetKind:
                self._picture(kind)

    def _picture(self, kind: AssetKind) -> None:
        _ = self._seat.translate
        name, hint = asset_words(_)[kind]
        asset = self._brand.assets.get(kind)
        with ui.element("div").classes("u-card u-asset").mark(f"asset-{kind}"):
            ui.label(name).classes("u-subtitle")
            ui.label(hint).classes("u-muted")
            ground = "u-preview--dark" if kind is AssetKind.LOGO_DARK else "u-preview--light"
            with ui.element("div").classes(f"u-asset__ground {ground}"):
                if asset is None:
                    ui.label(_("None yet")).classes("u-muted")
                else:
                    picture = ui.element("img")
                    picture.props["src"], picture.props["alt"] = asset_url(self._brand, asset), name
            upload = ui.upload(
                label=_("Choose a file"), auto_upload=True, max_files=1, max_file_size=_most(kind),
                on_upload=lambda event: self._take(kind, event),
            )  # fmt: skip
            upload.on("rejected", lambda event: self._refuse(kind, str(event.args)), js_handler=WHY_REJECTED)
            upload.on("failed", lambda: self._refuse(kind, TOO_LARGE), args=[])
            upload.props(f'accept="{ACCEPTED}" flat').classes("u-upload").mark(f"upload-{kind}")
            if asset is not None:
                remove = ui.button(_("Remove"), icon="delete", color=None, on_click=lambda: self._remove(kind))
                remove.classes("u-button u-button--flat").mark(f"remove-{kind}")

    def _refuse(self, kind: AssetKind, why: str) -> None:
        """Say why the browser kept a file back, or the server did not read it to its end."""
        error: UnisonError = FileTooLarge(field="file", most_mb=f"{_most(kind) / 1_000_000:g}")
        show_error(error if why == TOO_LARGE else UnknownPicture(field="file"), self._seat.translate)

    async def _take(self, kind: AssetKind, event: events.UploadEventArguments) -> None:
        if event.file.size() > _most(kind):
            self._refuse(kind, TOO_LARGE)
            return
        content = await event.file.read()
        await self._change_pictures(
            lambda work: set_brand_asset(
                work, version=self._brand.version, kind=kind, name=event.file.name, content=content
            )
        )

    async def _remove(self, kind: AssetKind) -> None:
        await self._change_pictures(lambda work: remove_brand_asset(work, version=self._brand.version, kind=kind))

    async def _change_pictures(self, do: "Callable[[Work], Awaitable[Brand]]") -> None:
        """Change a picture at once; words and colours that are not saved yet stay as they are typed."""
        brand = await act(self._seat, do, saved=self._seat.translate("Saved"))
        if brand is not None:
            self._know(brand)
        self._draw_pictures()
        self._draw_preview()

    async def _save_all(self) -> None:
        form = self._form

        async def save(work: Work) -> Brand:
            return await edit_branding(work, version=self._brand.version, texts=form.texts, colors=form.colors.typed)

        self._save.props["loading"] = True
        brand = await form.save(save)
        self._save.props["loading"] = False
        if brand is not None:
            self._know(brand)
            self._show_saved()


def _most(kind: AssetKind) -> int:
    """Return the largest picture that this installation takes, in bytes."""
    return min(most_bytes(kind), this_process().settings.max_upload_bytes)


class _BrandForm(Form):
    """Words and colours, saved together."""

    def __init__(self, seat: Seat, *, on_edit: Callable[[], None]) -> None:
        super().__init__(seat)
        self._is_filling = False
        _ = seat.translate
        roles, modes = role_words(_), mode_words(_)
        heading(_("Name and words"))
        with ui.element("div").classes("u-form__fields"):
            for name, (label, hint) in text_words(_).items():
                field = self._field(name, label)
                field.props["hint"] = hint
                field.on_value_change(lambda: None if self._is_filling else on_edit())
        heading(_("Colours"))
        ui.label(_("Where you choose none, ours stay. Those of states are the same everywhere.")).classes("u-muted")
        self.colors = ColorChoice(_, seat.lang, on_change=on_edit)
        for mode in Mode:
            for role in ColorRole:  # so that a refusal calls a colour as the screen does
                self._labels[f"{mode}.{role}"] = f"{modes[mode]}, {roles[role]}"
        self.place_for_refusals()

    def _field(self, name: str, label: str) -> ui.input | ui.textarea | ui.select:
        if name == "mail_language":
            return self.choice(name, label, dict(list(language_words(self._seat.translate).items())[1:]))
        field = self.long_text(name, label) if name in LONG_TEXTS else self.text(name, label)
        field.props["maxlength"] = LONGEST[name]
        return field

    @property
    def texts(self) -> dict[str, str]:
        """The words as they were typed."""
        return {name: self.text_of(name) for name in LONGEST}

    def fill(self, brand: Brand) -> None:
        """Show what an organization has, in place of what was typed."""
        self._is_filling = True
        own = {"name": brand.own_name, "mail_language": brand.mail_language or SOURCE_LANGUAGE}
        for name in LONGEST:
            self._fields[name].value = own[name] if name in own else getattr(brand, name)
        self._is_filling = False
        self.colors.fill(brand.colors)
        self._clear()
