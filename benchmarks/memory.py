"""The most memory that a piece of work takes, on Linux."""

from __future__ import annotations

from pathlib import Path

import pyarrow as pa

MEBIBYTE = 2**20


class Memory:
    """The most memory that this process has held since the start of a measure, beyond what it held then."""

    def __init__(self) -> None:
        """Begin: Linux forgets the peak so far."""
        pa.default_memory_pool().release_unused()
        Path("/proc/self/clear_refs").write_text("5")
        self.before = held("VmRSS")

    def extra_bytes(self) -> int:
        """Bytes beyond what was held at the start, at the worst moment."""
        return held("VmHWM") - self.before


def held(which: str) -> int:
    """Bytes of memory of this process: VmRSS now, VmHWM at the peak."""
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) * 1024 for line in lines if line.startswith(f"{which}:"))
