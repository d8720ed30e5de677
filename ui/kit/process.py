"""What one server process holds for all its pages. Made by the composition root."""

from dataclasses import dataclass

from services.auth.attempts import KioskAttempts, SignInAttempts
from services.auth.tokens import TokenIssuer
from services.config import Settings
from services.events.hub import Hub
from services.identity.badges import BadgeKey
from services.identity.key_holders import KeyHolders
from services.identity.provider_sign_ins import ProviderDoor
from services.identity.sessions import Sessions
from ui.kit.brands import Brands
from ui.kit.live_boards import LiveBoards
from ui.kit.live_screens import LiveScreens


@dataclass(frozen=True)
class Process:
    """The living parts of this server process."""

    settings: Settings
    hub: Hub
    sessions: Sessions
    key_holders: KeyHolders
    issuer: TokenIssuer
    attempts: SignInAttempts
    badge_key: BadgeKey
    provider_door: ProviderDoor
    kiosk_attempts: KioskAttempts
    boards: LiveBoards
    screens: LiveScreens
    brands: Brands


class _Current:
    process: Process | None = None


def use_process(process: Process) -> None:
    """Make `process` the one that pages belong to."""
    _Current.process = process


def this_process() -> Process:
    """Return the process that pages belong to.

    Raises:
        RuntimeError: the composition root made none.
    """
    if _Current.process is None:
        raise RuntimeError("no process is in use; the composition root must call use_process() first")
    return _Current.process
