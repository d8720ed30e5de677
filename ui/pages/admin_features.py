"""Features: what the organization does without."""

from nicegui import ui

from domain.events import Event, OrganizationChanged
from domain.identity.roles import Permission
from domain.operations.features import WORDS
from services.db.work import Work, read
from services.operations.features import FeatureState, list_features, switch_feature
from services.plant.places import list_plants
from ui.kit.act import act
from ui.kit.enter import Seat, screen
from ui.kit.live_page import keep_fresh
from ui.pages.admin_parts import heading, setup_page


@screen("/admin/features", permission=Permission.EDIT_FEATURES)
async def admin_features(seat: Seat) -> None:
    """Switch features on and off."""
    _ = seat.translate
    async with read(seat.scope()) as work:
        plants = await list_plants(work)
    with setup_page(seat, _("Features"), "/admin/features", plants=plants):
        heading(_("What your organization uses"))
        words = _(
            "What is switched off leaves every screen at once. Nothing is deleted; switch it on again at any time."
        )
        ui.label(words).classes("u-muted")
        page = _Page(seat)
    await keep_fresh(seat, load=page.load, concerns=_concerns)


def _concerns(event: Event) -> bool:
    return isinstance(event, OrganizationChanged)


class _Page:
    """One switch per feature, made once and kept true."""

    def __init__(self, seat: Seat) -> None:
        self._seat = seat
        self._switches: dict[str, ui.switch] = {}
        self._states: dict[str, FeatureState] = {}
        _ = seat.translate
        with ui.element("div").classes("u-checklist"):
            for feature, (name, about) in WORDS.items():
                with ui.element("div").classes("u-check"):
                    with ui.element("div").classes("u-check__text"):
                        ui.label(_(name))
                        ui.label(_(about)).classes("u-muted")
                    switch = ui.switch(value=True).classes("u-switch").mark(f"feature-{feature.value}")
                    switch.props["aria-label"] = _(name)
                    switch.on("click", lambda feature=feature: self._switch(feature.value))
                    self._switches[feature.value] = switch

    async def load(self) -> None:
        """Show what is on now."""
        async with read(self._seat.scope()) as work:
            states = await list_features(work)
        self._states = {state.feature.value: state for state in states}
        for state in states:
            self._switches[state.feature.value].value = state.is_on

    async def _switch(self, feature: str) -> None:
        state, is_on = self._states[feature], bool(self._switches[feature].value)

        async def do(work: Work) -> FeatureState:
            return await switch_feature(work, feature=feature, is_on=is_on, version=state.version)

        await act(self._seat, do, saved=self._seat.translate("Saved"))
        await self.load()
