"""Media items: a WAD file made by hand, the real one, broken ones."""

from __future__ import annotations

import struct

import numpy as np
import pytest

from causalrec_utils import datasets
from causalrec_utils.datasets import _media

PALETTE = bytes(range(256)) * 3


def wad(parts: dict[str, bytes], kind: bytes = b"IWAD") -> bytes:
    body, directory, at = b"", b"", 12
    for name, data in parts.items():
        directory += struct.pack("<II8s", at, len(data), name.encode())
        body, at = body + data, at + len(data)
    return struct.pack("<4sII", kind, len(parts), at) + body + directory


def picture() -> bytes:
    """Two columns, three rows: one pixel of colour 7 at the top left, two of 9 at bottom right."""
    first = bytes([0, 1, 0, 7, 0, 255])
    second = bytes([1, 2, 0, 9, 9, 0, 255])
    head = struct.pack("<HHhh2I", 2, 3, 0, 0, 16, 16 + len(first))
    return head + first + second


def sound(samples: list[int], kind: int = 3) -> bytes:
    data = bytes([128] * 16 + samples + [128] * 16)
    return struct.pack("<HHI", kind, 11025, len(data)) + data


def test_formats_by_hand():
    palette = np.frombuffer(PALETTE, np.uint8).reshape(256, 3)
    lumps = _media._lumps(wad({"A": b"xy", "EMPTY": b"", "B": b"z"}))
    assert lumps == {"A": b"xy", "EMPTY": b"", "B": b"z"}
    image = _media._picture(picture(), palette)
    assert image.shape == (3, 2, 4)
    assert image[..., 3].tolist() == [[255, 0], [0, 255], [0, 255]]
    assert (image[0, 0, :3] == palette[7]).all() and (image[2, 1, :3] == palette[9]).all()
    audio, rate = _media._sound(sound([0, 128, 255]))
    assert audio.tolist() == [-1, 0, 127 / 128] and rate == 11025
    strings = _media._strings(b"OB_IMP = %o was burnt by %k\nGOT = Got it!\nno line\n")
    assert _media._text("OB_IMP GOT", strings) == "Someone was burnt by another player. Got it!"


def whole(**changes: bytes) -> bytes:
    keys = {key for *_, keys in _media._ITEMS for key in keys.split()}
    parts = {"PLAYPAL": PALETTE, "DEHACKED": "\n".join(f"{k} = {k}" for k in keys).encode()}
    parts |= {picture_: picture() for _, _, picture_, _, _ in _media._ITEMS}
    parts |= {sound_: sound([1, 2, 3]) for _, _, _, sound_, _ in _media._ITEMS}
    return wad({name: data for name, data in (parts | changes).items() if data})


def test_a_file_made_by_hand(serve):
    serve("freedoom2.wad", whole())
    items = datasets.load_media_items()
    assert len(items) == 55 and items["item"].is_unique
    assert items["text"].str.len().gt(0).all()


@pytest.mark.parametrize(
    ("content", "rule"),
    [
        (lambda: b"<html>not found</html>", "no WAD file"),
        (lambda: whole()[:500], "unpack_from requires|beyond the end"),
        (lambda: whole(DSBFG=b""), "KeyError\\('DSBFG'\\)"),
        (lambda: whole(DSBFG=sound([1], kind=1)), "no sound"),
        (lambda: whole(POSSA1=picture()[:-1]), "IndexError"),
        (lambda: whole(PLAYPAL=b"xyz"), "buffer is smaller"),
    ],
)
def test_broken_files(serve, content, rule):
    serve("freedoom2.wad", content())
    with pytest.raises(datasets.SchemaError, match=rf"freedoom2\.wad: not the game file.*({rule})"):
        datasets.load_media_items()


def test_the_real_items(real):
    real("freedoom")
    items = datasets.load_media_items()
    assert items["kind"].value_counts().to_dict() == {"pickup": 29, "monster": 17, "weapon": 9}
    assert items["own_sound"].sum() == 24
    assert items.loc[items["own_sound"], "kind"].ne("pickup").all()
    for row in items.itertuples():
        assert row.image.dtype == np.uint8 and (row.image[..., 3] == 255).mean() > 0.1
        assert -1 <= row.audio.min() < row.audio.max() < 1 and row.audio.std() > 0.01
        assert 0.1 < len(row.audio) / row.rate < 5
        assert "%" not in row.text
    # pictures differ, and so do the texts
    assert len({row.image.tobytes() for row in items.itertuples()}) == 55
    assert items["text"].is_unique
