"""What people see at an address where nothing is."""

from nicegui import Client, app, ui
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response

from services.identity.sessions import Viewer
from ui.kit.errors import missing_page
from ui.kit.translate import preferred_language, speak, translator
from ui.theme import gate


@app.exception_handler(404)
async def missing(request: Request, error: Exception) -> Response:
    """Fill a page in the reader's language; anything but a browser's page gets the bare status."""
    if "text/html" not in request.headers.get("accept", ""):
        detail = error.detail if isinstance(error, HTTPException) else "Not Found"
        return PlainTextResponse(detail, status_code=404)
    viewer: Viewer | None = request.scope.get("state", {}).get("viewer")
    accepted = preferred_language(request.headers.get("accept-language", ""))
    language = accepted if viewer is None else viewer.language or accepted
    with Client(ui.page(""), request=request) as client:
        speak(client, language)
        with gate("Unison MES"):
            missing_page(translator(language))
    return client.build_response(request, 404)
