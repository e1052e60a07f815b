"""Ctrl-C and SIGTERM for a process whose main thread waits in torch, where no handler of Python runs."""

import os
import signal
import socket
import struct
import sys
import threading
from collections.abc import Generator
from contextlib import contextmanager
from typing import Final

from equipoise.errors import STOPPED, printable

HEARD: Final = 2.0  # seconds that the main thread has to end by itself
_SENDER: Final = struct.Struct("3i")  # process, user, group
_OVER: Final = b"\0"


@contextmanager
def ending_at_signal(number: int, message: str) -> Generator[None]:
    """End the process, with `STOPPED`, at so many signals in the block if its main thread does not end by itself.

    Signals without a handler of Python do their own, and those of processes that were forked in the block, as workers
    of a loader are, do not count.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    seen, told = socket.socketpair()
    told.setblocking(False)
    if hasattr(socket, "SO_PASSCRED"):  # a forked process has the same socket: the kernel says who has written
        seen.setsockopt(socket.SOL_SOCKET, socket.SO_PASSCRED, 1)
    over = threading.Event()

    def watch() -> None:
        come = 0
        while (byte := _own_byte(seen)) != _OVER:
            come += byte in (bytes([signal.SIGINT]), bytes([signal.SIGTERM]))
            if come >= number and not over.wait(HEARD):
                end_process(message, STOPPED)

    watching = threading.Thread(target=watch, daemon=True)
    previous = signal.set_wakeup_fd(told.fileno(), warn_on_full_buffer=False)
    watching.start()
    try:
        yield
    finally:
        over.set()
        signal.set_wakeup_fd(previous)
        told.send(_OVER)
        watching.join()
        seen.close()
        told.close()


def _own_byte(seen: socket.socket) -> bytes:
    """Return the next number that this process has written."""
    while True:
        if not hasattr(seen, "recvmsg"):
            return seen.recv(1)
        byte, senders, *_ = seen.recvmsg(1, socket.CMSG_SPACE(_SENDER.size))
        if all(_SENDER.unpack(sender)[0] == os.getpid() for *_, sender in senders):
            return byte


def end_process(message: str, code: int = 1) -> None:
    """End a process whose main thread waits where no exception reaches it."""
    sys.stderr.write(f"{printable(message)}\n")
    sys.stderr.flush()
    os._exit(code)
