"""The address that the server listens on, taken before anything else is started."""

import errno
import os
import socket
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager

from services.config import Settings, WrongSetting


@contextmanager
def reserved_address(settings: Settings) -> Iterator[list[socket.socket]]:
    """Take the address that the settings name, without listening yet, before anything else is started.

    Raises:
        WrongSetting: it is not an address of this computer, or somebody else has it.
    """
    named = f"The address {settings.host}:{settings.port}"
    with ExitStack() as taken:
        try:
            found = socket.getaddrinfo(settings.host, settings.port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
            sockets = [taken.enter_context(_bound(family, address)) for family, _, _, _, address in found]
        except OSError as error:
            if error.errno == errno.EADDRINUSE:
                raise WrongSetting(
                    f"{named} is in use by another program, perhaps by this one started before; choose another with "
                    "UNISON_PORT."
                ) from error
            raise WrongSetting(
                f"{named} cannot be listened on: {error.strerror}; see UNISON_HOST and UNISON_PORT."
            ) from error
        yield sockets


def _bound(family: int, address: tuple[object, ...]) -> socket.socket:
    reserved = socket.socket(family, socket.SOCK_STREAM)
    try:
        if os.name == "posix":  # a port that was just given back; on Windows it would mean stealing it
            reserved.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if family == socket.AF_INET6:
            reserved.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        reserved.bind(address)
    except OSError:
        reserved.close()
        raise
    return reserved
