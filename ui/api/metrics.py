"""What Prometheus reads: counted here, set by whoever knows. No label names a tenant, a person or a machine."""

from collections.abc import Callable

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, PlatformCollector, ProcessCollector

REGISTRY = CollectorRegistry()
ProcessCollector(registry=REGISTRY)
PlatformCollector(registry=REGISTRY)

REQUESTS = Counter(
    "unison_http_requests_total",
    "Requests answered, by the template of the route.",
    ["method", "route", "status"],
    registry=REGISTRY,
)
REQUEST_SECONDS = Histogram(
    "unison_http_request_seconds",
    "Time from the request to the end of its answer, in seconds.",
    ["method", "route"],
    buckets=(0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10),
    registry=REGISTRY,
)
BOOKED_REPORTS = Counter(
    "unison_booked_reports_total",
    "Production reports that this process booked; repeated client keys do not count.",
    ["door"],
    registry=REGISTRY,
)
LIVE_SCREENS = Gauge("unison_live_screens", "Screens connected to this process.", registry=REGISTRY)
LIVE_EVENTS = Gauge("unison_live_events", "1 while events reach this process, else 0.", registry=REGISTRY)
DATABASE_ANSWERS = Gauge("unison_database_answers", "1 while Postgres answers, else 0.", registry=REGISTRY)
JOBS_WAITING = Gauge("unison_jobs_waiting", "Jobs in the queue, also those being done.", registry=REGISTRY)
JOBS_ARCHIVED = Gauge("unison_jobs_archived", "Jobs that failed for good.", registry=REGISTRY)
OLDEST_JOB_SECONDS = Gauge(
    "unison_oldest_job_seconds", "Age of the oldest job in the queue, in seconds.", registry=REGISTRY
)


def watch_live_screens(count: Callable[[], float]) -> None:
    """Have the number of connected screens asked from `count` whenever it is read."""
    LIVE_SCREENS.set_function(count)


def watch_live_events(is_live: Callable[[], bool]) -> None:
    """Have it asked from `is_live` whether events arrive, whenever it is read."""
    LIVE_EVENTS.set_function(lambda: float(is_live()))
