"""Who may touch the models, and whose turn it is to run something on a machine.

In Python there is one thread, so it is always its turn: :class:`Alone`. In a server many commands
come in while hooks run: :class:`Shared`.
"""

from __future__ import annotations

import contextlib
import threading
from collections import deque
from collections.abc import Callable, Iterator

from localjuju.command import TERMINAL, ClientGoneError


class Alone:
    """One thread does everything, and hooks run when it lets them."""

    in_background = False
    """Whether hooks run by themselves, in real time."""

    def mine(self) -> contextlib.AbstractContextManager[None]:
        """Wait until nothing runs on a machine; while this lasts nothing else does."""
        return contextlib.nullcontext()

    def elsewhere(self) -> contextlib.AbstractContextManager[None]:
        """Let others at the models, while a hook's process computes."""
        return contextlib.nullcontext()

    def wait_until(self, condition: Callable[[], bool], seconds: float | None = None) -> bool:
        """Let others work until a condition holds, or so many seconds have passed.

        Returns:
            Whether it holds.
        """
        del seconds
        return condition()


class Shared(Alone):
    """Several threads take turns. Each has the models only while it holds this (``with``)."""

    in_background = True

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._changed = threading.Condition(self._lock)
        self._queue: deque[int] = deque()
        """Threads that run something on a machine: the first runs it, the others wait."""

    def __enter__(self) -> None:
        self._lock.acquire()

    def __exit__(self, *_: object) -> None:
        self._let_others_look()
        self._lock.release()

    def _let_others_look(self) -> None:
        """Wake those who wait: what this thread did may be what they wait for."""
        self._changed.notify_all()

    @contextlib.contextmanager
    def mine(self) -> Iterator[None]:
        me = threading.get_ident()
        if self._queue and self._queue[0] == me:
            yield
            return
        self._queue.append(me)
        self._let_others_look()
        try:
            while self._queue[0] != me:
                self._changed.wait()
            yield
        finally:
            self._queue.remove(me)
            self._let_others_look()

    @contextlib.contextmanager
    def elsewhere(self) -> Iterator[None]:
        self._let_others_look()
        self._lock.release()
        try:
            yield
        finally:
            self._lock.acquire()

    def wait_until(self, condition: Callable[[], bool], seconds: float | None = None) -> bool:
        """Wait, as in :class:`Alone`.

        Raises:
            ClientGoneError: nobody waits for the end of the present command any more.
        """
        terminal = TERMINAL.get()

        def over() -> bool:
            return terminal.is_gone() or condition()

        self._let_others_look()
        self._changed.wait_for(over, seconds)
        if terminal.is_gone():
            raise ClientGoneError
        return condition()

    def wait(self, seconds: float | None) -> None:
        """Wait until something has changed, or so many seconds have passed."""
        self._changed.wait(seconds)

    def tell(self) -> None:
        """Have those who wait look again, because something else has changed."""
        with self._lock:
            self._let_others_look()
