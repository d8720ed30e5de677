"""Setting up Andon: who is told when nobody answers, and which machines call by themselves."""

from collections.abc import Mapping
from decimal import Decimal

from nicegui import ui

from domain.andon.calls import CallCategory
from domain.errors import NotFound
from domain.identity.roles import Permission
from services.andon.ladders import LadderInfo, list_duties, list_ladders
from services.andon.rules import RuleInfo, list_rules
from services.db.work import read
from services.identity.role_queries import role_names
from services.plant.places import PlantPlace, list_plants
from services.plant.queries import list_lanes, list_machines
from ui.components import andon_call_words
from ui.components.machine_state_badge import labels as state_labels
from ui.kit.enter import Seat, screen
from ui.kit.formats import number
from ui.pages.admin_parts import setup_page
from ui.pages.ladder_forms import CHANNEL_ICONS, ask_ladder, minutes_of, recipient_roles, recipient_words
from ui.pages.nothing_yet import nothing_yet
from ui.pages.plant_choice import plant_choice
from ui.pages.rule_forms import RulePlaces, ask_rule
from ui.pages.setup_words import channel_words
from ui.theme.tokens import CALL_CATEGORY_ICONS

MOST_PLACES = 500


@screen("/admin/andon", permission=Permission.EDIT_LADDERS)
async def admin_andon(seat: Seat, plant: str | None = None) -> None:
    """Edit the ladders and rules of a plant, the first one unless its code is given."""
    _ = seat.translate
    title, path = _("Escalation"), "/admin/andon"
    async with read(seat.scope()) as work:
        plants = await list_plants(work)
        chosen = next((one for one in plants if plant in {None, one.code}), None)
        if chosen is None and plant is not None:
            raise NotFound(what="plant")
        if chosen is not None:
            duties = await list_duties(work)
            roles = await role_names(work)
            lanes = await list_lanes(work, plant_id=chosen.id, limit=MOST_PLACES)
            machines = await list_machines(work, plant_id=chosen.id, limit=MOST_PLACES)
    if chosen is None:
        with setup_page(seat, title, path, plants=plants):
            nothing_yet(seat, _("There is no plant yet"), icon="stairs")
        return
    places = RulePlaces(
        chosen.id,
        {lane.id: lane.name for lane in lanes.items},
        {machine.id: f"{machine.code} {machine.name}" for machine in machines.items},
    )
    with setup_page(seat, title, path, plants=(chosen,)):
        plant_choice(plants, chosen, path=path, by_query=True)
        page = _Page(seat, chosen, duties, roles, places)
    await page.load()


class _Page:
    """The ladders and rules of one plant; drawn again after each edit of them here."""

    def __init__(
        self, seat: Seat, plant: PlantPlace, duties: tuple[str, ...], roles: Mapping[str, str], places: RulePlaces
    ) -> None:
        self._seat, self._plant, self._duties, self._places = seat, plant, duties, places
        self._roles = recipient_roles(seat.translate, roles)
        self._words = andon_call_words.labels(seat.translate)
        _ = seat.translate
        ui.label(_("Who is told when nobody answers")).classes("u-title").props("role=heading aria-level=2")
        self._ladders = ui.element("div").classes("u-ladders")
        with ui.element("div").classes("u-row"):
            ui.label(_("Machines that call by themselves")).classes("u-title").props("role=heading aria-level=2")
            ui.space()
            add = ui.button(_("Add a rule"), icon="add", color=None, on_click=lambda: self._ask_rule(None))
            add.classes("u-button").mark("add-rule")
        self._rules = ui.element("div").classes("u-table-scroll")

    async def load(self, _edited: object = None) -> None:
        """Show the ladders and rules of now."""
        async with read(self._seat.scope()) as work:
            ladders = {one.category: one for one in (await list_ladders(work, plant_id=self._plant.id)).items}
            rules = (await list_rules(work, plant_id=self._plant.id, limit=MOST_PLACES)).items
        self._ladders.clear()
        with self._ladders:
            for category in CallCategory:
                self._ladder(category, ladders.get(category.value))
        self._rules.clear()
        with self._rules:
            self._rule_table(rules)

    def _ladder(self, category: CallCategory, ladder: LadderInfo | None) -> None:
        _ = self._seat.translate
        with ui.element("section").classes("u-card u-ladder").mark(f"ladder-{category}"):
            with ui.element("div").classes("u-ladder__head"):
                ui.icon(CALL_CATEGORY_ICONS[category.value])
                ui.label(self._words[category.value]).classes("u-subtitle").props("role=heading aria-level=3")
                edit = ui.button(
                    _("Edit") if ladder else _("Set up"),
                    icon="edit" if ladder else "add",
                    color=None,
                    on_click=lambda: ask_ladder(
                        self._seat,
                        self._plant.id,
                        category,
                        ladder,
                        duties=self._duties,
                        roles=self._roles,
                        then=self.load,
                    ),
                )
                edit.classes("u-button").mark(f"edit-{category}")
            if ladder is None:
                ui.label(_("Nobody is told.")).classes("u-muted")
                return
            targets = [
                words.format(minutes=self._minutes(target_s))
                for words, target_s in (
                    (_("Answer within {minutes} min"), ladder.response_target_s),
                    (_("Resolve within {minutes} min"), ladder.resolution_target_s),
                )
                if target_s is not None
            ]
            if ladder.holds_operation_from is not None:
                least = self._words[ladder.holds_operation_from]
                targets.append(_("Pauses the operation from “{severity}” on").format(severity=least))
            if targets:
                ui.label(" · ".join(targets)).classes("u-muted")
            self._steps(ladder)

    def _steps(self, ladder: LadderInfo) -> None:
        _ = self._seat.translate
        words = channel_words(_)
        with ui.element("div").classes("u-ladder__steps"):
            for step in ladder.steps:
                with ui.element("div").classes("u-ladder__step"):
                    after = self._minutes(int(step.after.total_seconds()))
                    ui.label(_("{minutes} min").format(minutes=after)).classes("u-ladder__after")
                    ui.label(recipient_words(_, step.recipient, step.whom, self._roles))
                    with ui.element("span").classes("u-ladder__channels"):
                        for channel in sorted(step.channels):
                            icon = ui.icon(CHANNEL_ICONS[channel])
                            icon.props["aria-label"] = icon.props["title"] = words[channel]
                            icon.props["role"], icon.props["aria-hidden"] = "img", "false"

    def _rule_table(self, rules: tuple[RuleInfo, ...]) -> None:
        _ = self._seat.translate
        states = state_labels(_)
        if not rules:
            ui.label(_("No machine calls by itself yet.")).classes("u-muted u-card")
            return
        with ui.element("table").classes("u-table"):
            with ui.element("thead"), ui.element("tr"):
                for head in (_("Where"), _("State"), _("Longer than"), _("Calls for"), _("Severity"), _("Active"), ""):
                    with ui.element("th"):
                        ui.label(head)
            with ui.element("tbody"):
                for rule in rules:
                    after = _("{minutes} min").format(minutes=self._minutes(rule.after_s))
                    cells = (
                        rule.place, states[rule.state], after, self._words[rule.category], self._words[rule.severity],
                        _("Yes") if rule.is_active else _("No"),
                    )  # fmt: skip
                    with ui.element("tr"):
                        for cell in cells:
                            with ui.element("td"):
                                ui.label(cell)
                        with ui.element("td"):
                            edit = ui.button(_("Edit"), color=None, on_click=lambda rule=rule: self._ask_rule(rule))
                            edit.classes("u-button u-button--flat").mark("edit-rule")

    def _ask_rule(self, rule: RuleInfo | None) -> None:
        ask_rule(self._seat, self._places, rule, then=self.load)

    def _minutes(self, seconds: int) -> str:
        return number(round(minutes_of(seconds), 2) + Decimal(0), self._seat.number_locale)
