"""How often a JPEG file has its picture gone over."""

import re

# A marker is FF and a code. Within a scan FF 00 stands for a byte of FF, and D0 to D7 say where to
# start anew.
_MARKER = re.compile(rb"\xff([^\x00\xd0-\xd7\xff])", re.DOTALL)
_ALONE, _END, _SCAN = (b"\x01", b"\xd8"), b"\xd9", b"\xda"  # the first have no length after them


def count_scans(data: bytes, most: int) -> int:
    """Scans from the beginning of a JPEG file to the end of its first image; counting stops at
    `most`."""
    scans, place = 0, 0
    while scans < most and (marker := _MARKER.search(data, place)) and marker[1] != _END:
        scans += marker[1] == _SCAN
        place = marker.end()
        if marker[1] not in _ALONE:
            place += int.from_bytes(data[place : place + 2], "big")
    return scans
