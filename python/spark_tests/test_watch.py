"""What is watched is looked at once more when it has ended, whenever that is."""

from __future__ import annotations

import threading
import time

from glean_certify.spark.watch import watched


def test_work_that_ends_during_a_look_is_looked_at_again() -> None:
    looked, ended = threading.Event(), threading.Event()
    seen: list[bool] = []

    def work() -> None:
        looked.wait()
        ended.set()

    def look() -> None:
        seen.append(ended.is_set())
        looked.set()
        time.sleep(0.1)

    watched(work, lambda: None, look)
    assert not seen[0]
    assert seen[-1]
