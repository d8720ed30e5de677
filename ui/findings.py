"""What the doctor found, line by line, for whoever runs the installation."""

import sys
from collections.abc import AsyncIterator, Callable

from services.doctor import Finding


async def tell_findings(findings: AsyncIterator[Finding], say: Callable[[str], None]) -> None:
    """Say each finding as soon as it stands; the command fails where something is not well."""
    are_well = []
    async for finding in findings:
        say(f"{'ok  ' if finding.is_well else 'FAIL'}  {finding.check}: {finding.words}")
        are_well.append(finding.is_well)
    if not all(are_well):
        sys.exit(f"Not well: {are_well.count(False)} of {len(are_well)} checks failed.")
    say(f"All {len(are_well)} checks are well.")
