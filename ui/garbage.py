"""When Python looks for garbage."""

import gc

NEW_OBJECTS_PER_COLLECTION = 10_000
"""With Python's default of 700, the work of a thousand open pages starts a full collection again and again, which walks
through everything that all of them hold while every screen waits: 0.3 s each."""


def collect_rarely() -> None:
    """Leave what was made during the start out of all collections, and collect the rest less often."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(NEW_OBJECTS_PER_COLLECTION, *gc.get_threshold()[1:])
