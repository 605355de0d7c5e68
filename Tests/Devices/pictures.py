"""Pictures of labels, and the bytes that a camera delivers for them."""
import struct
import subprocess
import tempfile
import zlib
from functools import cache
from pathlib import Path

GREY = 200


class Picture:
    """8-bit luma, row by row."""

    def __init__(self, width, height, pixels=None):
        self.width, self.height = width, height
        self.pixels = bytearray([GREY]) * (width * height) if pixels is None else pixels

    def put(self, other, x, y):
        """Another picture at a place in this one."""
        for row in range(other.height):
            start = (y + row) * self.width + x
            self.pixels[start:start + other.width] = other.pixels[row * other.width:(row + 1) * other.width]
        return self

    @staticmethod
    def of_png(data):
        """The pixels of a PNG in greys of 8 bits, not interlaced (RFC 2083, 6: filters)."""
        if data[:8] != b"\x89PNG\r\n\x1a\n":
            raise ValueError("no PNG")
        chunks, place = {}, 8
        while place < len(data):
            size, kind = struct.unpack_from(">I4s", data, place)
            chunks[kind] = chunks.get(kind, b"") + data[place + 8:place + 8 + size]
            place += 12 + size
        width, height, *form = struct.unpack(">IIBBBBB", chunks[b"IHDR"])
        if form != [8, 0, 0, 0, 0]:
            raise ValueError(f"a PNG of another form: {form}")
        packed, picture, above = zlib.decompress(chunks[b"IDAT"]), Picture(width, height, bytearray()), bytearray(width)
        for y in range(height):
            kind, row = packed[y * (width + 1)], bytearray(packed[y * (width + 1) + 1:(y + 1) * (width + 1)])
            for x in range(width):
                left, corner = (row[x - 1], above[x - 1]) if x else (0, 0)
                row[x] = row[x] + (0, left, above[x], (left + above[x]) // 2, paeth(left, above[x], corner))[kind] & 255
            picture.pixels += row
            above = row
        return picture

    def pgm(self):
        return b"P5\n%d %d\n255\n" % (self.width, self.height) + self.pixels

    def frame(self, fourcc):
        """What a camera of this pixel format delivers (Linux Media: V4L2 pixel formats)."""
        if fourcc == "GREY":
            return bytes(self.pixels)
        if fourcc == "NV12":
            return bytes(self.pixels) + b"\x80" * (self.width * self.height // 2)
        if fourcc == "YUYV":
            data = bytearray(b"\x80") * (2 * len(self.pixels))
            data[0::2] = self.pixels
            return bytes(data)
        if fourcc == "MJPG":
            return subprocess.run(["cjpeg", "-grayscale", "-quality", "85"], input=self.pgm(), check=True,
                                  capture_output=True).stdout
        raise ValueError(f"no camera format: {fourcc}")


def paeth(left, above, corner):
    """What a PNG's fourth filter foretells."""
    guess = left + above - corner
    return min((abs(guess - left), 0, left), (abs(guess - above), 1, above), (abs(guess - corner), 2, corner))[2]


def chart(width, height):
    """Pixels of which no two neighbours, and no two rows, are alike: a shift or a mixed-up byte is seen."""
    return Picture(width, height, bytearray((x * 7 + y * 13 + x * y // 31) & 255 for y in range(height) for x in range(width)))


@cache
def label(text, module=6):
    """A label with a QR code; `module`: the side of one of its squares, in pixels."""
    command = ["qrencode", "-t", "ASCII", "-m", "4", "-o", "-", text]
    return drawn(subprocess.run(command, check=True, capture_output=True, text=True).stdout, module)


def parts(text, module=6):
    """The codes of a text that is spread over several (structured append)."""
    with tempfile.TemporaryDirectory() as directory:
        subprocess.run(["qrencode", "-S", "-v", "2", "-t", "ASCII", "-m", "4", "-o", f"{directory}/part", text], check=True)
        return [drawn(path.read_text(), module) for path in sorted(Path(directory).iterdir())]


def drawn(text, module):
    """What qrencode drew with two characters a square."""
    modules = [line[0::2] for line in text.splitlines()]
    side = len(modules) * module
    rows = (bytearray(b"".join((b"\x10" if dark == "#" else b"\xf0") * module for dark in row)) for row in modules)
    return Picture(side, side, bytearray().join(row * module for row in rows))


def scene(*texts, width=640, height=480, module=6):
    """Labels side by side, in rows, on a grey belt."""
    picture, x, y, tallest = Picture(width, height), 8, 8, 0
    for text in texts:
        one = label(text, module)
        if x + one.width > width:
            x, y, tallest = 8, y + tallest + 8, 0
        if y + one.height > height:
            raise ValueError(f"{len(texts)} labels do not fit into {width}x{height}")
        picture.put(one, x, y)
        x, tallest = x + one.width + 8, max(tallest, one.height)
    return picture
