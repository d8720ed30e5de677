"""What many elements of one process have among their properties, kept once."""

from collections.abc import Mapping
from functools import lru_cache

import orjson


def packed(words: Mapping[str, str]) -> orjson.Fragment:
    """Return words as JSON that all elements with the same words share.

    NiceGUI makes dictionaries among the properties of an element observable, a copy for each: the words of a wall then
    take 8 kB for every screen that shows it.
    """
    return _packed(tuple(words.items()))


@lru_cache(maxsize=1024)
def _packed(words: tuple[tuple[str, str], ...]) -> orjson.Fragment:
    return orjson.Fragment(orjson.dumps(dict(words)))
