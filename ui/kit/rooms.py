"""One message to every socket of a room: encoded once, written without a task per socket."""

from engineio import packet as engine_packet  # type: ignore[import-untyped]
from nicegui import core
from socketio import packet as socket_packet

from ui.sockets import MOST_WAITING, socket_of, text_frame

NAMESPACE = "/"


def tell_room(room: str, event: str, message: object) -> None:
    """Send a message to every socket of a room, in the order of the calls.

    Socket.io's own `emit` makes a task for each socket, which costs more than everything else that a crowd costs.
    Only where a page reached us by polling does the message go through socket.io's queue.
    """
    encoded = core.sio.packet_class(socket_packet.EVENT, data=[event, message], namespace=NAMESPACE).encode()
    packet = engine_packet.Packet(engine_packet.MESSAGE, encoded)
    frame = text_frame(packet.encode())
    connections, environs = core.sio.eio.sockets, core.sio.environ
    for _, engine_id in core.sio.manager.get_participants(NAMESPACE, room):
        connection, environ = connections.get(engine_id), environs.get(engine_id)
        if connection is None or connection.closed or environ is None:
            continue
        socket = socket_of(environ)
        if socket is not None:
            socket.tell(frame)
        elif connection.queue.qsize() < MOST_WAITING:
            connection.queue.put_nowait(packet)
