"""PWG Raster (PWG 5102.4) as a printer reads it, for tests: written from the standard, not with libcups."""

import struct

HEADER = 1796


class Page:
    def __init__(self, data, at):
        header = data[at:at + HEADER]
        assert header[:9] == b"PwgRaster", header[:16]
        word = lambda offset: struct.unpack_from(">I", header, offset)[0]  # noqa: E731
        self.dpi = (word(276), word(280))
        self.width, self.height, bits, self.bits_per_pixel, self.bytes_per_line = (word(o) for o in
                                                                                   (372, 376, 384, 388, 392))
        assert bits == 8
        self.pages = word(452)
        self.name = header[1732:1796].rstrip(b"\0").decode()
        self.end, self.rows = self._read(data, at + HEADER)

    def _read(self, data, at):
        rows, size = [], self.bits_per_pixel // 8
        while len(rows) < self.height:
            repeat, at, row = data[at] + 1, at + 1, bytearray()
            while len(row) < self.bytes_per_line:
                count = data[at]
                at += 1
                if count < 128:
                    row += data[at:at + size] * (count + 1)
                    at += size
                else:
                    row += data[at:at + size * (257 - count)]
                    at += size * (257 - count)
            assert len(row) == self.bytes_per_line
            rows += [bytes(row)] * repeat
        return at, rows

    def grey(self):
        """All pixels as one run of bytes, 0 (black) to 255."""
        if self.bits_per_pixel == 8:
            return b"".join(self.rows)
        return b"".join(bytes(round(0.299 * r + 0.587 * g + 0.114 * b) for r, g, b in zip(*[iter(row)] * 3))
                        for row in self.rows)


def read(data):
    """The pages of a file."""
    assert data[:4] == b"RaS2", data[:4]
    pages, at = [], 4
    while at < len(data):
        pages.append(Page(data, at))
        at = pages[-1].end
    return pages
