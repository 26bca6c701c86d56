"""Locks: which thread may use the models, and which may run something on a machine.

In a Python program there is only one thread, so there is nothing to lock: :class:`SingleThread`.
A server gets commands while hooks run, and needs :class:`SharedModels`.
"""

from __future__ import annotations

import contextlib
import threading
from collections import deque
from collections.abc import Callable, Iterator

from localjuju.command import TERMINAL, ClientGoneError


class SingleThread:
    """One thread does everything, and runs the hooks itself."""

    in_background = False
    """Whether hooks run in a background thread, in real time."""

    def my_turn(self) -> contextlib.AbstractContextManager[None]:
        """Wait until no other thread runs something on a machine, and keep others from it."""
        return contextlib.nullcontext()

    def released(self) -> contextlib.AbstractContextManager[None]:
        """Let other threads use the models, for example while a hook's process runs."""
        return contextlib.nullcontext()

    def wait_until(self, condition: Callable[[], bool], seconds: float | None = None) -> bool:
        """Let other threads work until a condition is true, or until the time is over.

        Args:
            condition: the condition.
            seconds: the longest time to wait, by default without limit.

        Returns:
            Whether the condition is true.
        """
        del seconds
        return condition()


class SharedModels(SingleThread):
    """A lock for several threads. A thread may use the models only in a ``with`` of this lock."""

    in_background = True

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._changed = threading.Condition(self._lock)
        self._queue: deque[int] = deque()
        """Threads that want to run something on a machine. The first one runs, the others wait."""

    def __enter__(self) -> None:
        self._lock.acquire()

    def __exit__(self, *_: object) -> None:
        self._notify_others()
        self._lock.release()

    def _notify_others(self) -> None:
        """Let waiting threads check their conditions, which this thread may have changed."""
        self._changed.notify_all()

    @contextlib.contextmanager
    def my_turn(self) -> Iterator[None]:
        me = threading.get_ident()
        if self._queue and self._queue[0] == me:
            yield
            return
        self._queue.append(me)
        self._notify_others()
        try:
            while self._queue[0] != me:
                self._changed.wait()
            yield
        finally:
            self._queue.remove(me)
            self._notify_others()

    @contextlib.contextmanager
    def released(self) -> Iterator[None]:
        self._notify_others()
        self._lock.release()
        try:
            yield
        finally:
            self._lock.acquire()

    def wait_until(self, condition: Callable[[], bool], seconds: float | None = None) -> bool:
        """Wait, as in :class:`SingleThread`.

        Raises:
            ClientGoneError: the client of the current command has gone.
        """
        terminal = TERMINAL.get()

        def over() -> bool:
            return terminal.is_gone() or condition()

        self._notify_others()
        self._changed.wait_for(over, seconds)
        if terminal.is_gone():
            raise ClientGoneError
        return condition()

    def wait(self, seconds: float | None) -> None:
        """Wait until something has changed, or until the seconds have passed."""
        self._changed.wait(seconds)

    def notify(self) -> None:
        """Let waiting threads check their conditions, because something else has changed."""
        with self._lock:
            self._notify_others()
