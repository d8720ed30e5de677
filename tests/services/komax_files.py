"""Writes small days of a Komax machine's files, and reads them."""

from pathlib import Path
from zoneinfo import ZoneInfo

from domain.production.machine_reports import MachineReport, RunEnded, StateEntered
from services.adapters.komax import read_reports
from services.adapters.komax_log import read_day

BERLIN = ZoneInfo("Europe/Berlin")
ORDER = "ZSK/00099/11/2024/695180"


def block(section: str, at: str, *, job: str | None = f"{ORDER}, 1", article: str = "W-1", **values: object) -> str:
    """Write one block as the machine does; `at` is a time of 03/02/2025 or a whole stamp."""
    stamp = at if "/" in at else f"03/02/2025,{at}"
    named = {} if job is None else {"Job": job, "ArticleKey": article}
    fields = {"DateTimeStamp": stamp} | named | values
    return "\r\n".join([f"[{section}]", *(f"{key}={value}" for key, value in fields.items()), "", ""])


def user(section: str, at: str, name: str = "KXOP") -> str:
    return block(section, at, job=None, UserName=name, MachineName="A565-0026")


def alarm(at: str, text: str) -> str:
    return "\t".join(["03/02/2025", at, "Alpha5xx", "FCD", "6", f'"{text}"', ORDER, "1", f'"{text}"']) + "\r\n"


def write_day(directory: Path, **files: str | bytes) -> Path:
    """Write a day's directory of Job, Producti, User (.sdc) and Error (.ldc)."""
    directory.mkdir(exist_ok=True)
    for name, content in files.items():
        path = directory / (f"{name}.ldc" if name == "Error" else f"{name}.sdc")
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return directory


def read(directory: Path, zone: ZoneInfo = BERLIN) -> list[MachineReport]:
    return read_reports(read_day(directory, zone))


def states(reports: list[MachineReport]) -> list[tuple[str, str]]:
    """Tell the timeline in Berlin's wall-clock times."""
    return [
        (f"{report.at.astimezone(BERLIN):%H:%M:%S}", report.state.value)
        for report in reports
        if isinstance(report, StateEntered)
    ]


def ends(reports: list[MachineReport]) -> list[RunEnded]:
    return [report for report in reports if isinstance(report, RunEnded)]
