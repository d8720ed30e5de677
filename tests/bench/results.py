"""What a bench found, and how it is printed."""

import operator
from collections.abc import Callable
from dataclasses import dataclass

import orjson

COMPARISONS: dict[str, Callable[[float, float], bool]] = {"<=": operator.le, ">=": operator.ge}


@dataclass(frozen=True)
class Result:
    """One measured value beside its goal."""

    name: str
    """Ends with the unit of the value."""
    value: float
    goal: str
    """`<= 120`, `>= 30000`, or `reported` where a value only explains the others."""

    @property
    def met(self) -> bool:
        """Tell whether the value reaches its goal; what is only reported always does."""
        if self.goal == "reported":
            return True
        comparison, _, limit = self.goal.partition(" ")
        return COMPARISONS[comparison](self.value, float(limit))


def reported(name: str, value: float) -> Result:
    """Return a value that has no goal of its own."""
    return Result(name, value, "reported")


def line_of(bench: str, results: list[Result]) -> str:
    """Return the results of a bench as one line of JSON."""
    rows = [
        {"name": result.name, "value": round(result.value, 3), "goal": result.goal, "met": result.met}
        for result in results
    ]
    return orjson.dumps({"bench": bench, "results": rows}).decode()


def percentile(values: list[float], percent: float) -> float:
    """Return the smallest value that at least `percent` of all values do not exceed; 0 when there are none."""
    if not values:
        return 0.0
    ordered = sorted(values)
    return ordered[max(0, -(-len(ordered) * int(percent) // 100) - 1)]
