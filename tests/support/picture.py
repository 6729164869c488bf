"""Pictures as rows of bytes: what Chromium saves (PNG), what pdftoppm makes of a PDF (PGM); no library is needed."""

import pathlib
import struct
import subprocess
import zlib


class Picture:
    """Eight bits of grey a pixel; ROWS from the top."""

    def __init__(self, width, rows):
        self.width, self.rows = width, rows

    @property
    def height(self):
        return len(self.rows)

    def crop(self, left, top, right, bottom):
        return Picture(right - left, [row[left:right] for row in self.rows[top:bottom]])

    def flipped(self):
        """Upside down, as a panel that is folded over."""
        return Picture(self.width, self.rows[::-1])

    def under(self, other):
        """Both on one another, with light behind them."""
        return Picture(self.width, [bytes(a * b // 255 for a, b in zip(mine, theirs))
                                    for mine, theirs in zip(self.rows, other.rows)])

    def mean(self):
        return sum(map(sum, self.rows)) / (self.width * self.height)

    def darkest(self):
        return min(map(min, self.rows))

    def brightest(self):
        return max(map(max, self.rows))

    def difference(self, other, threshold=32):
        """The share of pixels that differ by more than THRESHOLD."""
        if (self.width, self.height) != (other.width, other.height):
            return 1.0
        different = sum(abs(a - b) > threshold for mine, theirs in zip(self.rows, other.rows) if mine != theirs
                        for a, b in zip(mine, theirs))
        return different / (self.width * self.height)


def of_pdf(path, dpi=60, page=1):
    done = subprocess.run(["pdftoppm", "-gray", "-r", str(dpi), "-f", str(page), "-l", str(page), str(path)],
                          capture_output=True, timeout=60, check=True).stdout
    kind, width, height, most, pixels = done.split(maxsplit=4) if done[:2] == b"P5" else (b"", 0, 0, 0, b"")
    assert (kind, most) == (b"P5", b"255"), "pdftoppm made no grey picture"
    width, height = int(width), int(height)
    # A first pixel that looks like white space would have been split off: count from the end.
    pixels = done[len(done) - width * height:]
    return Picture(width, [pixels[y * width:(y + 1) * width] for y in range(height)])


def unfilter(kind, row, above, step):
    """One row of a PNG (RFC 2083, 6)."""
    for i in range(len(row)):
        left = row[i - step] if i >= step else 0
        up = above[i]
        corner = above[i - step] if i >= step else 0
        if kind == 1:
            row[i] = row[i] + left & 255
        elif kind == 2:
            row[i] = row[i] + up & 255
        elif kind == 3:
            row[i] = row[i] + (left + up) // 2 & 255
        elif kind == 4:
            guess = left + up - corner
            row[i] = row[i] + min((left, up, corner), key=lambda value: abs(guess - value)) & 255
    return row


def of_png(path):
    """A PNG of 8 bits a channel, RGB or RGBA, not interlaced."""
    data = pathlib.Path(path).read_bytes()
    at, packed, head = 8, b"", None
    while at < len(data):
        size, name = struct.unpack(">I4s", data[at:at + 8])
        body = data[at + 8:at + 8 + size]
        if name == b"IHDR":
            head = struct.unpack(">IIBBBBB", body)
        elif name == b"IDAT":
            packed += body
        at += size + 12
    width, height, depth, colour, _, _, interlaced = head
    assert depth == 8 and colour in (2, 6) and not interlaced, f"{path}: a PNG of another kind"
    step = 3 if colour == 2 else 4
    raw, rows, above = zlib.decompress(packed), [], bytes(width * step)
    for y in range(height):
        start = y * (width * step + 1)
        row = bytearray(raw[start + 1:start + 1 + width * step])
        above = unfilter(raw[start], row, above, step)
        # Green is most of what the eye sees as brightness.
        rows.append(bytes(above[1::step]))
    return Picture(width, rows)
