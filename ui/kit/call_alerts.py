"""On every framed page: the calls of which a ladder has told its reader."""

from uuid import UUID

from nicegui import background_tasks
from nicegui.events import GenericEventArguments

from domain.errors import Unavailable
from domain.events import AndonCallChanged, AndonCallEscalated
from domain.identity.roles import Permission
from services.andon.calls import acknowledge_call
from services.andon.open_calls import load_my_alerts
from services.db.work import read
from ui.components.call_alerts import CallAlerts
from ui.kit.act import act
from ui.kit.enter import Seat
from ui.kit.live_page import keep_fresh


def show_my_alerts(seat: Seat) -> None:
    """Draw the banner here and keep it true while the page lives; the page itself does not wait for it."""
    scope = seat.viewer.scope
    if not scope.may(Permission.READ_ANDON):
        return
    banner = CallAlerts(seat.translate, lang=seat.lang, may_answer=scope.may(Permission.ANSWER_ANDON))

    async def acknowledge(event: GenericEventArguments) -> None:
        call_id = UUID(str(event.args))
        await act(seat, lambda work: acknowledge_call(work, call_id=call_id), saved=seat.translate("You are coming"))

    async def load() -> None:
        try:
            async with read(seat.scope()) as work:
                banner.show(await load_my_alerts(work))
        except Unavailable:
            return  # the page says already that nothing on it can be trusted; the hub has it loaded again

    banner.on_acknowledge(acknowledge)
    following = keep_fresh(
        seat, load=load, concerns=lambda event: isinstance(event, (AndonCallChanged, AndonCallEscalated))
    )
    background_tasks.create(following, name="follow the reader's calls", context=seat.client)
