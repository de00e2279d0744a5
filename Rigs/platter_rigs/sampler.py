"""The most of something that changes while a test goes on."""

from __future__ import annotations

import threading
from collections.abc import Callable


class Sampler(threading.Thread):
    """Measures some fifty times a second until it is stopped.

    - Parameter measure: What is there now.
    - Parameter worse: Which of two is kept, as `max` does.
    """

    def __init__(
        self, measure: Callable[[], float], worse: Callable[[float, float], float] = max
    ):
        super().__init__(daemon=True)
        self._measure = measure
        self._worse = worse
        self._worst = measure()
        self._is_over = threading.Event()
        self.start()

    def run(self) -> None:
        while not self._is_over.wait(0.02):
            self._worst = self._worse(self._worst, self._measure())

    def stop(self) -> float:
        """The worst since the start."""
        self._is_over.set()
        self.join(5)
        return self._worst
