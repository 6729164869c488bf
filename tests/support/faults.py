"""Faults of the machine, at will while a program runs: the disk of the store, the wall clock (faults.c)."""

import errno
import mmap
import os
import pathlib
import struct

FORM = "=iiiiqq"


class Faults:
    """FOLDER keeps the file that the programs share with us."""

    def __init__(self, folder):
        self.path = pathlib.Path(folder) / "faults"
        self.path.write_bytes(bytes(struct.calcsize(FORM)))
        with open(self.path, "r+b") as file:
            self.map = mmap.mmap(file.fileno(), 0)

    def environment(self):
        library = pathlib.Path(os.environ["PINDISPATCH_BIN"]).parent / "tests" / "libfaults.so"
        if not library.exists():
            raise AssertionError(f"{library} is not built (target faults)")
        return {"LD_PRELOAD": str(library), "PINDISPATCH_FAULTS": str(self.path)}

    def _put(self, offset, form, *values):
        struct.pack_into(form, self.map, offset, *values)

    def write(self, name=None, times=-1):
        """Writing to the store fails with this errno ("ENOSPC"), so often; no name: works again."""
        self._put(0, "=ii", getattr(errno, name) if name else 0, times)

    def sync(self, name=None, times=-1):
        self._put(8, "=ii", getattr(errno, name) if name else 0, times)

    def clock(self, seconds):
        """The wall clock is ahead by so much."""
        self._put(16, "=q", seconds)

    def hits(self):
        return struct.unpack_from("=q", self.map, 24)[0]
