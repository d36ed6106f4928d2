"""Runs a job of Spark, and looks meanwhile whether it should go on."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor, wait

# Seconds between two looks.
INTERVAL = 0.5


def watched(work: Callable[[], object], cancel: Callable[[], None], look: Callable[[], None]) -> None:
    """Does `work` in a thread, and calls `look` now and then, and once when it has ended.

    What `look` raises, and Ctrl-C, cancels the work; it is raised when the work has ended. So is what `work` raises.
    """
    with ThreadPoolExecutor(1) as pool:
        done = pool.submit(work)
        try:
            ended = False
            while not ended:
                ended = len(wait([done], timeout=INTERVAL).done) > 0
                look()
        except BaseException:
            cancel()
            raise
        done.result()
