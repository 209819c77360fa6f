"""The groups of chunks of a country, made by one process or several."""

from __future__ import annotations

import multiprocessing
import os
import threading
from collections.abc import Callable
from concurrent.futures import FIRST_COMPLETED, ProcessPoolExecutor, wait
from multiprocessing.connection import wait as wait_for
from typing import TYPE_CHECKING

import pyarrow as pa

from features.synth.chunk import Order, Planted, make_chunk
from features.synth.journal import added, finish
from features.synth.shelf import Shelf

if TYPE_CHECKING:
    from multiprocessing.sharedctypes import Synchronized

LOOK_EVERY_SECONDS = 0.5
_made: Synchronized[int] | None = None


def make_group(order: Order, number: int, say: Callable[[], None]) -> None:
    """Writes every file of a group of chunks and then its record; `say` is called after each chunk."""
    shelf = Shelf(f"{number:05d}") if order.by_flux else None
    planted: Planted = {}
    for chunk in order.groups[number]:
        planted = added(planted, make_chunk(order, chunk, shelf))
        say()
    if shelf is not None:
        shelf.close()
    finish(order, number, planted)


def make_groups(order: Order, numbers: list[int], *, workers: int, say: Callable[[int], None]) -> None:
    """Makes the groups; `say` is told how many chunks are made. In this process when one worker is enough."""
    if workers == 1 or len(numbers) < 2:
        made = 0

        def count() -> None:
            nonlocal made
            made += 1
            say(made)

        for number in numbers:
            make_group(order, number, count)
        return
    context = multiprocessing.get_context("spawn")
    counter = context.Value("q", 0)
    with ProcessPoolExecutor(workers, mp_context=context, initializer=_start, initargs=(counter,)) as pool:
        pending, told = {pool.submit(_make_here, order, number) for number in numbers}, 0
        try:
            while pending:
                done, pending = wait(pending, timeout=LOOK_EVERY_SECONDS, return_when=FIRST_COMPLETED)
                for one in done:
                    one.result()
                if counter.value > told:
                    told = counter.value
                    say(told)
        except BaseException:
            pool.shutdown(wait=False, cancel_futures=True)
            for child in multiprocessing.active_children():
                child.terminate()
            raise


def _start(counter: Synchronized[int]) -> None:
    """A worker: one thread, the common count of chunks, and an end when the process that ordered it ends."""
    global _made
    _made = counter
    pa.set_cpu_count(1)
    pa.set_io_thread_count(1)
    threading.Thread(target=_end_with_parent, daemon=True).start()


def _end_with_parent() -> None:
    parent = multiprocessing.parent_process()
    if parent is not None:
        wait_for([parent.sentinel])
        os._exit(1)


def _make_here(order: Order, number: int) -> None:
    make_group(order, number, _count)


def _count() -> None:
    if _made is not None:
        with _made.get_lock():
            _made.value += 1
