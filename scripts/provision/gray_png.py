"""Reads the one kind of PNG that digits come in: 8 bits, gray, not interlaced."""

import struct
import zlib
from typing import List

from .problem import Problem

SIGNATURE = b"\x89PNG\r\n\x1a\n"


def rows(content: bytes, name: str) -> List[bytes]:
    """The rows of the picture, from the top."""
    def damaged(what: str) -> Problem:
        return Problem(f"{name}: {what}.", "an 8-bit gray PNG without interlacing.", "delete the file and run make again.")

    if not content.startswith(SIGNATURE):
        raise damaged("this is no PNG file")
    place, data, header = len(SIGNATURE), [], b""
    while place + 12 <= len(content):
        length, kind = struct.unpack_from(">I4s", content, place)
        chunk = content[place + 8:place + 8 + length]
        if kind == b"IHDR":
            header = chunk
        elif kind == b"IDAT":
            data.append(chunk)
        place += 12 + length
    if len(header) != 13:
        raise damaged("its header is missing")
    width, height, *form = struct.unpack(">IIBBBBB", header)
    if form != [8, 0, 0, 0, 0]:
        raise damaged(f"depth, colour, compression, filter and interlacing are {form}")
    filtered = zlib.decompress(b"".join(data))
    if len(filtered) != height * (width + 1):
        raise damaged(f"it holds {len(filtered)} bytes for {width}×{height} pixels")
    result, above = [], bytes(width)
    for start in range(0, len(filtered), width + 1):
        above = unfiltered(filtered[start], filtered[start + 1:start + 1 + width], above)
        if above is None:
            raise damaged(f"row {len(result)} has filter {filtered[start]}")
        result.append(above)
    return result


def unfiltered(kind: int, row: bytes, above: bytes):
    """A row as it was before one of PNG's five filters; None for another filter."""
    if kind == 0:
        return row
    if kind > 4:
        return None
    result, left, corner = bytearray(row), 0, 0
    for place, up in enumerate(above):
        if kind == 1:
            guess = left
        elif kind == 2:
            guess = up
        elif kind == 3:
            guess = (left + up) // 2
        else:
            guess = nearest(left, up, corner)
        left = result[place] = (row[place] + guess) & 255
        corner = up
    return bytes(result)


def nearest(left: int, up: int, corner: int) -> int:
    """Paeth's predictor."""
    whole = left + up - corner
    distances = abs(whole - left), abs(whole - up), abs(whole - corner)
    return (left, up, corner)[distances.index(min(distances))]
