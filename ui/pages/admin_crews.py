"""Crews: who works a shift together, and what each of them is on call for."""

from uuid import UUID

from nicegui import ui

from domain.andon.calls import CallCategory
from domain.identity.roles import Permission
from services.db.work import Work, read
from services.plant.crews import CrewInfo, Member, add_crew, edit_crew, list_crews, list_people, remove_crew
from services.plant.places import PlantPlace, list_plants
from ui.components import andon_call_words
from ui.kit.enter import Seat, screen
from ui.kit.forms import FormDialog
from ui.pages.admin_parts import add_button, heading, setup_page
from ui.pages.histories import offer_history

MOST = 10_000


@screen("/admin/crews", permission=Permission.EDIT_SHIFTS)
async def admin_crews(seat: Seat) -> None:
    """Edit the crews."""
    _ = seat.translate
    async with read(seat.scope()) as work:
        plants = await list_plants(work)
    with setup_page(seat, _("Crews"), "/admin/crews", plants=plants):
        page = _Page(seat, plants)
    await page.load()


class _Page:
    """The crews by plant; drawn again after each edit of them here."""

    def __init__(self, seat: Seat, plants: tuple[PlantPlace, ...]) -> None:
        self._seat, self._plants = seat, plants
        self._people: dict[UUID, str] = {}
        heading(seat.translate("Who works together"))
        self._list = ui.element("div").classes("u-column")

    async def load(self, _edited: object = None) -> None:
        """Show the crews of now."""
        async with read(self._seat.scope()) as work:
            self._people = await list_people(work)
            crews = (await list_crews(work, limit=MOST)).items
        _ = self._seat.translate
        self._list.clear()
        with self._list:
            if not self._plants:
                ui.label(_("There is no plant yet")).classes("u-muted")
            for plant in self._plants:
                with ui.element("div").classes("u-row"):
                    ui.label(plant.name).classes("u-subtitle").props("role=heading aria-level=3")
                    ui.space()
                    add_button(_("Add a crew"), lambda plant=plant: self._ask(plant.id, None), mark="add-crew")
                with ui.element("div").classes("u-grid"):
                    for crew in crews:
                        if crew.plant_id == plant.id:
                            self._card(crew)

    def _card(self, crew: CrewInfo) -> None:
        _ = self._seat.translate
        with ui.element("div").classes("u-card u-column").mark("crew"):
            with ui.element("div").classes("u-row"):
                ui.icon("groups")
                ui.label(crew.name).classes("u-subtitle")
                ui.space()
                edit = ui.button(_("Edit"), icon="edit", color=None, on_click=lambda: self._ask(crew.plant_id, crew))
                edit.classes("u-button u-button--flat").mark("edit-crew")
            if not crew.members:
                ui.label(_("Nobody is in this crew yet.")).classes("u-muted")
            for member in crew.members:
                with ui.element("div").classes("u-crew__member"):
                    ui.label(member.name)
                    ui.label(", ".join(self._duty(duty) for duty in member.duties)).classes("u-muted")

    def _duty(self, duty: str) -> str:
        return self._duties().get(duty, duty)

    def _duties(self) -> dict[str, str]:
        _ = self._seat.translate
        words = andon_call_words.labels(_)
        return {category.value: words[category.value] for category in CallCategory}

    def _ask(self, plant_id: UUID, crew: CrewInfo | None) -> None:
        _ = self._seat.translate
        seen = {member.user_id: member for member in crew.members} if crew else {}
        own = {duty: duty for member in seen.values() for duty in member.duties}
        options = {**own, **self._duties()}
        with FormDialog(self._seat, _("New crew") if crew is None else crew.name) as form:
            form.text("name", _("Name"), value="" if crew is None else crew.name).classes("u-form__wide")
            people = form.choices("members", _("People"), self._people, value=list(seen))
            people.classes("u-form__wide")
            chosen: dict[UUID, ui.select] = {}
            rows = ui.element("div").classes("u-form__wide u-column")

            def show_duties() -> None:
                kept = {user_id: list(select.value) for user_id, select in chosen.items()}
                rows.clear()
                chosen.clear()
                with rows:
                    for user_id in people.value:
                        before = seen[user_id].duties if user_id in seen else ()
                        chosen[user_id] = form.choices(
                            "duties", _("{name} is on call for").format(name=self._people.get(user_id, "")), options,
                            value=kept.get(user_id, list(before)),
                        )  # fmt: skip

            people.on_value_change(show_duties)
            show_duties()
            offer_history(form, self._seat, "crews", crew)

        async def save(work: Work) -> object:
            members = [Member(user_id, tuple(select.value)) for user_id, select in chosen.items()]
            if crew is None:
                return await add_crew(work, plant_id=plant_id, name=form.text_of("name"), members=members)
            return await edit_crew(
                work, crew_id=crew.id, version=crew.version, name=form.text_of("name"), members=members
            )

        if crew is not None:
            form.offer_removal(
                _("Remove"),
                lambda work: remove_crew(work, crew_id=crew.id, version=crew.version),
                saved=_("Removed"),
                then=self.load,
            )
        form.open_with(save, then=self.load)
