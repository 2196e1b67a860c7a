"""A partner's logo: read once, checked byte by byte, and served from our own copy.

Only formats without a program inside: PNG, JPEG and WebP. SVG can hold scripts and fetch other files, so it is refused.
"""

import hashlib
import struct
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import msgspec

LARGEST_B: Final = 64_000
LARGEST_WIDTH_PX: Final = 1200
LARGEST_HEIGHT_PX: Final = 600
_PNG: Final = b"\x89PNG\r\n\x1a\n"
_JPEG_FRAMES: Final = frozenset({*range(0xC0, 0xD0)} - {0xC4, 0xC8, 0xCC})
_JPEG_ALONE: Final = frozenset({0x01, *range(0xD0, 0xD8)})


class LogoRefused(ValueError):
    """The file cannot be shown as a logo; the message says what would be right."""


class Logo(msgspec.Struct, frozen=True, kw_only=True):
    """A picture that was checked. Its name holds the hash of its bytes, so that browsers may keep it for ever."""

    body: bytes
    media_type: str
    width_px: int
    height_px: int

    @property
    def name(self) -> str:
        """Its file name in our addresses."""
        return f"{hashlib.sha256(self.body).hexdigest()[:16]}.{self.media_type.removeprefix('image/')}"


def read_logo(path: Path) -> Logo:
    """Read and check a picture. `LogoRefused` says what is wrong with it, `OSError` that it cannot be read."""
    if path.stat().st_size > LARGEST_B:
        raise LogoRefused(f"{path.stat().st_size} bytes, at most {LARGEST_B}: save it smaller")
    return check_logo(path.read_bytes())


def check_logo(body: bytes) -> Logo:
    """What kind of picture these bytes are and how large; the name of the file is not believed."""
    if len(body) > LARGEST_B:
        raise LogoRefused(f"{len(body)} bytes, at most {LARGEST_B}: save it smaller")
    try:
        if body.startswith(_PNG):
            kind, (width, height) = "png", _png_size(body)
        elif body.startswith(b"\xff\xd8\xff"):
            kind, (width, height) = "jpeg", _jpeg_size(body)
        elif body[:4] == b"RIFF" and body[8:12] == b"WEBP":
            kind, (width, height) = "webp", _webp_size(body)
        else:
            raise LogoRefused("neither PNG, JPEG nor WebP (SVG is not taken: it can hold a program); export it as PNG")
    except (struct.error, IndexError) as error:
        raise LogoRefused("the picture stops before its end; export it again") from error
    if not (0 < width <= LARGEST_WIDTH_PX and 0 < height <= LARGEST_HEIGHT_PX):
        raise LogoRefused(f"{width} × {height} pixels, at most {LARGEST_WIDTH_PX} × {LARGEST_HEIGHT_PX}")
    return Logo(body=body, media_type=f"image/{kind}", width_px=width, height_px=height)


def _png_size(body: bytes) -> tuple[int, int]:
    """Every chunk with its checksum, from IHDR to IEND, and nothing after it."""
    size, last = (0, 0), b""
    for name, data in _png_chunks(body):
        if not last and name != b"IHDR":
            raise LogoRefused("a PNG begins with its header (IHDR); export it again")
        if name == b"IHDR":
            size = struct.unpack(">II", data[:8])
        last = name
    if last != b"IEND":
        raise LogoRefused("the PNG has no end (IEND); export it again")
    return size


def _png_chunks(body: bytes) -> Iterator[tuple[bytes, bytes]]:
    at = len(_PNG)
    while at < len(body):
        length, name = struct.unpack(">I4s", body[at : at + 8])
        data = body[at + 8 : at + 8 + length]
        (checksum,) = struct.unpack(">I", body[at + 8 + length : at + 12 + length])
        if checksum != zlib.crc32(name + data):
            raise LogoRefused("the PNG is damaged: a checksum is wrong; export it again")
        at += 12 + length
        if name == b"IEND" and at != len(body):
            raise LogoRefused("there is something after the end of the PNG; export it again")
        yield name, data


def _jpeg_size(body: bytes) -> tuple[int, int]:
    """Walk the segments to the frame header, which has the size; the file ends with its end mark."""
    if not body.endswith(b"\xff\xd9"):
        raise LogoRefused("the JPEG has no end, or something after it; export it again")
    at = 2
    while True:
        if body[at] != 0xFF:
            raise LogoRefused("the JPEG is damaged; export it again")
        mark = body[at + 1]
        if mark == 0xFF:
            at += 1
        elif mark in _JPEG_ALONE:
            at += 2
        elif mark in _JPEG_FRAMES:
            height, width = struct.unpack(">HH", body[at + 5 : at + 9])
            return width, height
        else:
            (length,) = struct.unpack(">H", body[at + 2 : at + 4])
            at += 2 + length


def _webp_size(body: bytes) -> tuple[int, int]:
    """The three kinds of WebP say their size in three ways."""
    (length,) = struct.unpack("<I", body[4:8])
    if length + 8 != len(body):
        raise LogoRefused("the WebP is shorter or longer than it says; export it again")
    kind = body[12:16]
    if kind == b"VP8X":
        return 1 + int.from_bytes(body[24:27], "little"), 1 + int.from_bytes(body[27:30], "little")
    if kind == b"VP8L":
        (packed,) = struct.unpack("<I", body[21:25])
        return 1 + (packed & 0x3FFF), 1 + (packed >> 14 & 0x3FFF)
    if kind == b"VP8 ":
        width, height = struct.unpack("<HH", body[26:30])
        return width & 0x3FFF, height & 0x3FFF
    raise LogoRefused("an unknown kind of WebP; export it as PNG")
