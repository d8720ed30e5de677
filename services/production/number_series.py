"""Numbers that people see: per organization, series and year, without gaps."""

from sqlalchemy import text

from services.db.work import Work

NEXT = text("""
INSERT INTO number_series (org_id, series, year, last_number) VALUES (:org_id, :series, :year, 1)
ON CONFLICT ON CONSTRAINT number_series_pk DO UPDATE SET last_number = number_series.last_number + 1
RETURNING last_number
""")


async def next_number(work: Work, *, series: str, year: int) -> str:
    """Return the next number of a series, such as WO-2026-000123.

    Whoever asks next waits until this transaction ends, and gets the same number when it is undone.
    """
    parameters = {"org_id": work.scope.org_id, "series": series, "year": year}
    number: int = (await work.session.execute(NEXT, parameters)).scalar_one()
    return f"{series}-{year}-{number:06d}"
