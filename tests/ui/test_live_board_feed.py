"""What a board's feed keeps for its screens."""

from uuid import uuid4

import orjson

from services.db.work import Work
from services.production.boards import Snapshot
from ui.kit.live_boards import BoardKey, LiveBoardFeed


async def load(_: Work) -> Snapshot:
    """Load nothing."""
    return {}


class TestLiveBoardFeed:
    def test_encodes_its_snapshot_once_and_again_after_a_change(self) -> None:
        feed = LiveBoardFeed(BoardKey(uuid4(), None, "andon-wall", uuid4()), load, seq=1, snapshot={"lane": "A"})
        first = feed.encoded_snapshot

        unchanged = feed.take({"lane": "A"}, at=1)

        assert unchanged == {}
        assert feed.encoded_snapshot is first
        assert feed.take({"lane": "B"}, at=2) == {"lane": "B"}
        assert orjson.loads(orjson.dumps(feed.encoded_snapshot)) == {"lane": "B"}
        assert feed.seq == 2

    def test_keeps_what_stands_aside_when_the_rest_changes(self) -> None:
        feed = LiveBoardFeed(BoardKey(uuid4(), None, "andon-wall", uuid4()), load, seq=1, snapshot={"lane": "A"})
        feed.aside_part = {"shift": {"oee": "0.74"}}

        assert feed.take({"lane": "A"}, at=1) == {"shift": {"oee": "0.74"}}
        assert feed.take({"lane": "B"}, at=2) == {"lane": "B"}
        assert feed.snapshot == {"lane": "B", "shift": {"oee": "0.74"}}
