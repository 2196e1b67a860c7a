"""Which pictures are shown as a partner's logo."""

import struct
import zlib

import pytest

from widget_server.web.logos import LARGEST_B, LogoRefused, check_logo, read_logo


def chunk(name: bytes, data: bytes = b"") -> bytes:
    return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))


def png(width: int = 120, height: int = 40, *, pixels: bytes = b"") -> bytes:
    """A grey picture, whole and valid."""
    rows = pixels or zlib.compress((b"\0" + b"\x80" * width) * height)
    head = struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", rows) + chunk(b"IEND")


def jpeg(width: int, height: int) -> bytes:
    frame = b"\xff\xc0" + struct.pack(">HBHHB", 11, 8, height, width, 1) + b"\x01\x11\x00"
    return b"\xff\xd8\xff\xe0\x00\x10JFIF\x00\x01\x01\x00\x00\x01\x00\x01\x00\x00" + frame + b"\xff\xd9"


def webp(kind: bytes, data: bytes) -> bytes:
    body = b"WEBP" + kind + struct.pack("<I", len(data)) + data
    return b"RIFF" + struct.pack("<I", len(body)) + body


EXTENDED = webp(b"VP8X", b"\0\0\0\0" + (119).to_bytes(3, "little") + (39).to_bytes(3, "little"))
LOSSLESS = webp(b"VP8L", b"\x2f" + struct.pack("<I", 119 | 39 << 14))
LOSSY = webp(b"VP8 ", b"\0\0\0\x9d\x01\x2a" + struct.pack("<HH", 120, 40))
GOOD = {
    "image/png": [png()],
    "image/jpeg": [jpeg(120, 40)],
    "image/webp": [EXTENDED, LOSSLESS, LOSSY],
}


@pytest.mark.parametrize("media_type", GOOD)
def test_a_picture_is_known_by_its_bytes_with_its_size(media_type):
    for body in GOOD[media_type]:
        logo = check_logo(body)

        assert (logo.media_type, logo.width_px, logo.height_px) == (media_type, 120, 40)
        assert logo.name.endswith(media_type.removeprefix("image/"))


@pytest.mark.parametrize(
    ("body", "told"),
    [
        pytest.param(b'<svg xmlns="http://www.w3.org/2000/svg"><script/></svg>', "SVG is not taken", id="SVG"),
        pytest.param(b"GIF89a", "neither PNG", id="GIF"),
        pytest.param(b"", "neither PNG", id="empty"),
        pytest.param(png() + b"<script>", "something after the end", id="a script after the end"),
        pytest.param(png()[:60], "export it again", id="cut"),
        pytest.param(png().replace(b"IDAT", b"IDAX"), "a checksum is wrong", id="a flipped name"),
        pytest.param(png(5000, 40, pixels=b"x"), "5000 × 40 pixels, at most", id="too wide"),
        pytest.param(png(0, 40, pixels=b"x"), "0 × 40 pixels", id="no width"),
        pytest.param(jpeg(120, 40) + b"PK", "something after it", id="an archive after the end"),
        pytest.param(b"\xff\xd8\xff\xe0\x00\x02\xff\xd9", "export it again", id="a JPEG without a picture"),
        pytest.param(EXTENDED + b"x", "shorter or longer", id="more than a WebP"),
        pytest.param(png() + b"\0" * LARGEST_B, "at most 64000", id="too large"),
    ],
)
def test_what_is_not_a_whole_small_picture_is_refused_with_a_remedy(body, told):
    with pytest.raises(LogoRefused, match=told):
        check_logo(body)


def test_a_large_file_is_refused_before_it_is_read(tmp_path):
    (tmp_path / "logo.png").write_bytes(b"\0" * (LARGEST_B + 1))

    with pytest.raises(LogoRefused, match="save it smaller"):
        read_logo(tmp_path / "logo.png")
