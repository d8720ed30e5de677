"""Name servers of people who mean ill."""

from collections.abc import Sequence


class Names:
    """Each look-up gets the next answer, and the last one from then on."""

    def __init__(self, *answers: str) -> None:
        self.answers, self.asked = list(answers), 0

    async def __call__(self, host: str, port: int) -> Sequence[str]:
        self.asked += 1
        return [self.answers[min(self.asked, len(self.answers)) - 1]]
