"""What watches the process from outside: alive, ready, metrics."""

from collections.abc import Awaitable, Callable, Mapping
from ipaddress import ip_address

from fastapi import APIRouter, Request, Response
from prometheus_client.exposition import CONTENT_TYPE_LATEST, generate_latest
from starlette.responses import JSONResponse

from domain.errors import Forbidden, Unavailable
from domain.identity.roles import Permission
from services.db.health import job_queue
from services.identity.sessions import Viewer
from ui.api import metrics

Ready = Callable[[], Awaitable[Mapping[str, bool]]]
"""Tells what the process needs, and whether each of it is there."""
FORWARDED = ("forwarded", "x-forwarded-for", "x-real-ip")


def health_router(ready: Ready) -> APIRouter:
    """Return the routes that load balancers and Prometheus ask."""
    router = APIRouter(include_in_schema=False)

    @router.get("/healthz")
    async def alive() -> Response:
        """Answer as long as the process runs, whatever it can reach."""
        return JSONResponse({"status": "alive"})

    @router.get("/readyz")
    async def is_ready() -> Response:
        """Answer 200 when everything needed is there, else 503 and what is missing."""
        found = await ready()
        is_complete = all(found.values())
        content = {"status": "ready" if is_complete else "not ready", "checks": dict(found)}
        headers = {} if is_complete else {"Retry-After": "1"}
        return JSONResponse(content, status_code=200 if is_complete else 503, headers=headers)

    @router.get("/metrics")
    async def read_metrics(request: Request) -> Response:
        """Answer Prometheus on this machine, or a signed-in admin from anywhere.

        The numbers name no tenant, but they tell how busy an installation is. A request that a proxy passed on does
        not count as coming from this machine.
        """
        if not _is_local(request):
            viewer: Viewer | None = request.scope["state"]["viewer"]
            if viewer is None or not viewer.scope.may(Permission.EDIT_USERS):
                raise Forbidden(permission=Permission.EDIT_USERS.value)
        try:
            jobs = await job_queue()
        except Unavailable:
            metrics.DATABASE_ANSWERS.set(0)
        else:
            metrics.DATABASE_ANSWERS.set(1)
            metrics.JOBS_WAITING.set(jobs.waiting)
            metrics.JOBS_ARCHIVED.set(jobs.archived)
            metrics.OLDEST_JOB_SECONDS.set(jobs.oldest_s)
        return Response(generate_latest(metrics.REGISTRY), media_type=CONTENT_TYPE_LATEST)

    return router


def _is_local(request: Request) -> bool:
    if request.client is None or any(name in request.headers for name in FORWARDED):
        return False
    try:
        return ip_address(request.client.host).is_loopback
    except ValueError:
        return False
