"""The organizations of the installation, for the platform's own people: names and counts, and nothing of what is in
them."""

from uuid import UUID

from nicegui import ui

from domain.events import DeletionMoved, Event, OrganizationEdited
from domain.identity.roles import Permission
from domain.operations.deletions import DeletionState
from services.db.work import Work, read
from services.identity.platform import (
    AddedOrganization,
    OrganizationFacts,
    add_organization,
    edit_organization,
    invite_first_admin,
    list_organizations,
    resume_organization,
    suspend_organization,
)
from services.organizations.deletions import Deletion, list_deletions
from ui.kit.addresses import base_url_of
from ui.kit.enter import Seat, screen
from ui.kit.formats import day_of, whole
from ui.kit.forms import FormDialog
from ui.kit.framed import framed
from ui.kit.live_page import keep_fresh
from ui.kit.process import this_process
from ui.pages.admin_parts import add_button, heading
from ui.pages.deletion_forms import ask_deletion, ask_to_keep
from ui.pages.shown_once import show_once

MOST = 50
"""Organizations that are shown at first, and more of with each press."""


@screen("/platform/organizations", permission=Permission.READ_ORGANIZATIONS)
async def platform_organizations(seat: Seat) -> None:
    """Make organizations, rename, suspend and resume them."""
    _ = seat.translate
    with framed(seat, _("Organizations"), active="platform"):
        page = _Page(seat)
    await keep_fresh(seat, load=page.follow, concerns=page.concerns)


class _Page:
    """The organizations by short name, and those that are gone; drawn again whenever the platform does something."""

    def __init__(self, seat: Seat) -> None:
        self._seat = seat
        _ = seat.translate
        with ui.element("div").classes("u-row"):
            heading(_("Who uses this installation"))
            ui.space()
            if seat.viewer.scope.may(Permission.ADD_ORGANIZATIONS):
                add_button(_("Make an organization"), self._ask_new, mark="add-organization")
        ui.label(_("You see names and counts. What an organization enters, only its own people see.")).classes(
            "u-muted"
        )
        self._list = ui.element("div").classes("u-table-scroll")
        self._beside = ui.element("div")
        self._base_url = base_url_of(seat.client.request, public_url=this_process().settings.public_url)
        self._more = ui.button(_("Show more"), color=None, on_click=self._show_more).classes("u-button u-button--flat")
        self._more.mark("more")
        self._gone = ui.element("div").classes("u-column").mark("gone")
        self._shown = 0
        self._ends: dict[UUID, Deletion] = {}
        self._over: list[Deletion] = []
        self._states: dict[UUID, ui.label] = {}
        """The words of what each organization that is shown is up to."""
        self._has_moved = self._has_changed = False

    def concerns(self, event: Event) -> bool:
        """Tell whether something happened that shows here, and remember whether it was no more than progress."""
        is_progress = isinstance(event, DeletionMoved)
        self._has_moved = self._has_moved or is_progress
        self._has_changed = self._has_changed or isinstance(event, OrganizationEdited)
        return is_progress or self._has_changed

    async def follow(self) -> None:
        """Show how far deletions are; everything again where more than that may have happened."""
        is_progress = self._has_moved and not self._has_changed
        self._has_moved = self._has_changed = False
        if is_progress:
            await self._show_progress()
        else:
            await self.load()

    async def _show_progress(self) -> None:
        async with read(self._seat.scope()) as work:
            deletions = await list_deletions(work)
        if {(one.organization_id, one.state) for one in deletions} != {
            (one.organization_id, one.state) for one in (*self._ends.values(), *self._over)
        }:
            await self.load()
            return
        for one in deletions:
            if one.state is DeletionState.RUNNING and one.organization_id in self._states:
                self._states[one.organization_id].text = self._running(one)

    async def load(self, _edited: object = None) -> None:
        """Show the organizations of now, as many as were shown before."""
        found: list[OrganizationFacts] = []
        has_more = True
        async with read(self._seat.scope()) as work:
            deletions = await list_deletions(work)
            while has_more and len(found) < max(self._shown, MOST):
                page = await list_organizations(work, after=found[-1].slug if found else None, limit=MOST)
                found += page.items
                has_more = page.has_more
        self._shown = len(found)
        self._more.visible = has_more
        self._ends = {one.organization_id: one for one in deletions if one.state is not DeletionState.DONE}
        self._over = [one for one in deletions if one.state is DeletionState.DONE]
        self._draw(found)
        self._draw_gone(self._over)

    async def _show_more(self) -> None:
        self._shown += MOST
        await self.load()

    def _draw(self, organizations: list[OrganizationFacts]) -> None:
        _ = self._seat.translate
        heads = (
            _("Organization"), _("Short name"), _("Users"), _("Plants"), _("Machines"), _("Made"), _("State"), "",
        )  # fmt: skip
        numbers = {_("Users"), _("Plants"), _("Machines")}
        self._list.clear()
        self._states.clear()
        with self._list, ui.element("table").classes("u-table"):
            with ui.element("thead"), ui.element("tr"):
                for words in heads:
                    with ui.element("th").classes("u-number" if words in numbers else ""):
                        ui.label(words)
            with ui.element("tbody"):
                for organization in organizations:
                    self._row(organization)

    def _row(self, one: OrganizationFacts) -> None:
        _ = self._seat.translate
        with ui.element("tr").mark("organization"):
            with ui.element("td"):
                ui.label(one.name)
                if one.host is not None:
                    ui.label(one.host).classes("u-muted")
            with ui.element("td"), ui.link(target=f"/o/{one.slug}").classes("u-link"):
                ui.label(one.slug)
            for count in (one.users, one.plants, one.machines):
                with ui.element("td").classes("u-number"):
                    ui.label(str(count))
            with ui.element("td").classes("u-nowrap"):
                ui.label(day_of(one.created_at, "UTC", self._seat.lang))
            with ui.element("td"), ui.element("span").classes("u-held") as state:
                icon, words = self._state(one)
                ui.icon(icon)
                self._states[one.id] = ui.label(words)
            state.props["data-held"] = "true" if one.is_active and one.id not in self._ends else "false"
            with ui.element("td").classes("u-table__actions"):
                self._actions(one)

    def _state(self, one: OrganizationFacts) -> tuple[str, str]:
        """Return the icon and the words of what an organization is up to."""
        _, lang = self._seat.translate, self._seat.lang
        end = self._ends.get(one.id)
        if end is not None and end.state is DeletionState.RUNNING:
            return "delete_forever", self._running(end)
        if end is not None:
            return "event_busy", _("Will be deleted on {day}").format(day=day_of(end.due_at, "UTC", lang))
        if one.is_platform:
            return "check_circle", _("Platform")
        return ("check_circle", _("Active")) if one.is_active else ("pause_circle", _("Suspended"))

    def _running(self, end: Deletion) -> str:
        percent = 100 * end.done // end.total if end.total else 0
        return self._seat.translate("Being deleted, {percent} %").format(percent=percent)

    def _draw_gone(self, ends: list[Deletion]) -> None:
        """List what is gone: all that is left of it."""
        _, lang = self._seat.translate, self._seat.number_locale
        self._gone.clear()
        if not ends:
            return
        with self._gone:
            heading(_("Deleted"))
            with ui.element("div").classes("u-table-scroll"), ui.element("table").classes("u-table"):
                with ui.element("thead"), ui.element("tr"):
                    for words in (_("Organization"), _("Short name"), _("Deleted"), _("Rows and files")):
                        with ui.element("th"):
                            ui.label(words)
                with ui.element("tbody"):
                    for end in ends:
                        day = "–" if end.ended_at is None else day_of(end.ended_at, "UTC", self._seat.lang)
                        with ui.element("tr").mark("gone-organization"):
                            for words in (end.name, end.slug, day, whole(end.total, lang)):
                                with ui.element("td"):
                                    ui.label(words)

    def _actions(self, one: OrganizationFacts) -> None:
        _ = self._seat.translate
        may = self._seat.viewer.scope.may
        end = self._ends.get(one.id)
        if end is not None and end.state is DeletionState.RUNNING:
            return
        if may(Permission.ADD_ORGANIZATIONS):
            edit = ui.button(_("Edit"), icon="edit", color=None, on_click=lambda: self._ask_edit(one))
            edit.classes("u-button u-button--flat").mark("edit-organization")
            if not one.is_entered and not one.is_platform:
                invite = ui.button(_("Invite"), icon="mail", color=None, on_click=lambda: self._ask_invitation(one))
                invite.classes("u-button u-button--flat").mark("invite-admin")
        if may(Permission.SUSPEND_ORGANIZATIONS) and not one.is_platform:
            words, icon = (_("Suspend"), "pause") if one.is_active else (_("Resume"), "play_arrow")
            button = ui.button(words, icon=icon, color=None, on_click=lambda: self._ask_state(one))
            button.classes("u-button u-button--flat").mark("suspend" if one.is_active else "resume")
        if may(Permission.DELETE_ORGANIZATIONS) and end is not None:
            keep = ui.button(_("Keep it"), icon="restore", color=None, on_click=lambda: self._ask_to_keep(one))
            keep.classes("u-button u-button--flat").mark("keep-organization")
        elif may(Permission.DELETE_ORGANIZATIONS) and not one.is_active:
            delete = ui.button(_("Delete"), icon="delete_forever", color=None, on_click=lambda: self._ask_deletion(one))
            delete.classes("u-button u-button--flat").mark("delete-organization")

    def _ask_deletion(self, one: OrganizationFacts) -> None:
        ask_deletion(
            self._seat, organization_id=one.id, name=one.name, slug=one.slug, version=one.version, then=self.load
        )

    def _ask_to_keep(self, one: OrganizationFacts) -> None:
        ask_to_keep(self._seat, organization_id=one.id, name=one.name, then=self.load)

    def _ask_new(self) -> None:
        _ = self._seat.translate
        with FormDialog(self._seat, _("New organization")) as form:
            form.text("name", _("Name")).props("autofocus")
            form.text("slug", _("Short name"), hint=_("Stands in addresses, for example acme"))
            form.text("admin_name", _("Name of its first admin"))
            form.text("email", _("E-mail address of its first admin"))

        async def add(work: Work) -> AddedOrganization:
            return await add_organization(
                work,
                slug=form.text_of("slug").strip(),
                name=form.text_of("name"),
                admin_email=form.text_of("email"),
                admin_name=form.text_of("admin_name"),
                base_url=self._base_url,
            )

        form.open_with(add, then=self._invited)

    async def _invited(self, added: AddedOrganization) -> None:
        """Say how the first admin comes in; a link is shown this once."""
        _ = self._seat.translate
        await self.load()
        if added.invitation_link is None:
            words = _("The invitation is on its way by mail.")
            ui.notify(words, type="positive", position="top", timeout=4_000, classes="u-notify")
            return
        show_once(
            self._seat,
            self._beside,
            title=_("Hand this link to the first admin"),
            explanation=_("With it they choose a password. It works once, within seven days, and is not shown again."),
            label=_("Link"),
            value=added.invitation_link,
        )

    def _ask_invitation(self, one: OrganizationFacts) -> None:
        _ = self._seat.translate
        title = _("Invite the first admin of {name} again?").format(name=one.name)
        with FormDialog(self._seat, title, action=_("Invite")) as form:
            ui.label(_("The link of before opens nothing any more.")).classes("u-form__wide")

        async def invite(work: Work) -> AddedOrganization:
            return await invite_first_admin(work, organization_id=one.id, base_url=self._base_url)

        form.open_with(invite, saved=_("Invited"), then=self._invited)

    def _ask_edit(self, one: OrganizationFacts) -> None:
        _ = self._seat.translate
        with FormDialog(self._seat, one.name) as form:
            form.text("name", _("Name"), value=one.name)
            form.text("slug", _("Short name"), value=one.slug, hint=_("Old addresses with it stop working."))
            form.text("host", _("Host of its own"), value=one.host or "", hint=_("For example mes.acme.example"))

        async def edit(work: Work) -> bool:
            await edit_organization(
                work,
                organization_id=one.id,
                version=one.version,
                name=form.text_of("name"),
                slug=form.text_of("slug").strip(),
                host=form.text_of("host"),
            )
            return True

        form.open_with(edit, then=self.load)

    def _ask_state(self, one: OrganizationFacts) -> None:
        _ = self._seat.translate
        title = _("Suspend {name}?") if one.is_active else _("Resume {name}?")
        action = _("Suspend") if one.is_active else _("Resume")
        with FormDialog(self._seat, title.format(name=one.name), action=action) as form:
            ui.label(
                _("Its people are signed out and its programs refused within a second, its jobs wait. Nothing is lost.")
                if one.is_active
                else _("Its people can sign in again, its programs are let in, and its jobs go on.")
            ).classes("u-form__wide")
        change = suspend_organization if one.is_active else resume_organization

        async def decide(work: Work) -> bool:
            await change(work, organization_id=one.id, version=one.version)
            return True

        saved = _("Suspended") if one.is_active else _("Resumed")
        form.open_with(decide, saved=saved, then=self.load)
