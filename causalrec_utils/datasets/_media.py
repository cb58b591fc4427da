"""Items with text, image and sound: what one meets in Freedoom, a free computer game."""

from __future__ import annotations

import struct
from pathlib import Path

import numpy as np
import pandas as pd

from .. import assets
from ._schema import SchemaError

__all__ = ["load_media_items"]

# item, kind, picture, sound, keys of its texts in the game's own table of strings
_ITEMS = [
    ("zombie", "monster", "POSSA1", "DSPOSIT1", "CC_ZOMBIE OB_ZOMBIE"),
    ("shotgun zombie", "monster", "SPOSA1", "DSPOSIT2", "CC_SHOTGUN OB_SHOTGUY"),
    ("minigun zombie", "monster", "CPOSA1", "DSPOSIT3", "CC_HEAVY OB_CHAINGUY"),
    ("serpentipede", "monster", "TROOA1", "DSBGSIT1", "CC_IMP OB_IMP OB_IMPHIT"),
    ("flesh worm", "monster", "SARGA1", "DSSGTSIT", "CC_DEMON OB_DEMONHIT"),
    ("hatchling", "monster", "SKULA1", "DSSKLATK", "CC_LOST OB_SKULL"),
    ("trilobite", "monster", "HEADA1", "DSCACSIT", "CC_CACO OB_CACO OB_CACOHIT"),
    ("pain bringer", "monster", "BOS2A1", "DSKNTSIT", "CC_HELL OB_KNIGHT OB_KNIGHTHIT"),
    ("pain lord", "monster", "BOSSA1", "DSBRSSIT", "CC_BARON OB_BARON OB_BARONHIT"),
    ("technospider", "monster", "BSPIA1D1", "DSBSPSIT", "CC_ARACH OB_BABY"),
    ("matribite", "monster", "PAINA1", "DSPESIT", "CC_PAIN"),
    ("octaminator", "monster", "SKELA1D1", "DSSKESIT", "CC_REVEN OB_UNDEAD OB_UNDEADHIT"),
    ("combat slug", "monster", "FATTA1", "DSMANSIT", "CC_MANCU OB_FATSO"),
    ("necromancer", "monster", "VILEA1D1", "DSVILSIT", "CC_ARCH OB_VILE"),
    ("large technospider", "monster", "SPIDA1", "DSSPISIT", "CC_SPIDER OB_SPIDER"),
    ("assault tripod", "monster", "CYBRA1", "DSCYBSIT", "CC_CYBER OB_CYBORG"),
    ("sailor", "monster", "SSWVA1", "DSSSSIT", "OB_WOLFSS"),
    ("fist", "weapon", "PUNGA0", "DSPUNCH", "TAG_FIST OB_MPFIST"),
    ("handgun", "weapon", "PISGA0", "DSPISTOL", "OB_MPPISTOL"),
    ("ripsaw", "weapon", "CSAWA0", "DSSAWUP", "GOTCHAINSAW OB_MPCHAINSAW"),
    ("pump-action shotgun", "weapon", "SHOTA0", "DSSHOTGN", "GOTSHOTGUN OB_MPSHOTGUN"),
    ("double-barrelled shotgun", "weapon", "SGN2A0", "DSDSHTGN", "GOTSHOTGUN2 OB_MPSSHOTGUN"),
    ("minigun", "weapon", "MGUNA0", "DSPISTOL", "GOTCHAINGUN OB_MPCHAINGUN"),
    ("missile launcher", "weapon", "LAUNA0", "DSRLAUNC", "GOTLAUNCHER OB_MPROCKET"),
    ("polaric energy weapon", "weapon", "PLASA0", "DSPLASMA", "GOTPLASMA OB_MPPLASMARIFLE"),
    ("SKAG 1337", "weapon", "BFUGA0", "DSBFG", "TAG_BFG9000 OB_MPBFG_SPLASH"),
    ("force field vest", "pickup", "ARM1A0", "DSITEMUP", "GOTARMOR"),
    ("force field armor", "pickup", "ARM2A0", "DSITEMUP", "GOTMEGA"),
    ("health bonus", "pickup", "BON1A0", "DSITEMUP", "GOTHTHBONUS"),
    ("armor bonus", "pickup", "BON2A0", "DSITEMUP", "GOTARMBONUS"),
    ("health refill", "pickup", "STIMA0", "DSITEMUP", "GOTSTIM"),
    ("large health refill", "pickup", "MEDIA0", "DSITEMUP", "GOTMEDIKIT"),
    ("ectoplasmic surge", "pickup", "SOULA0", "DSGETPOW", "GOTSUPER"),
    ("negentropic surge", "pickup", "MEGAA0", "DSGETPOW", "GOTMSPHERE"),
    ("vanguard", "pickup", "PINVA0", "DSGETPOW", "GOTINVUL"),
    ("smash", "pickup", "PSTRA0", "DSGETPOW", "GOTBERSERK"),
    ("invisibility", "pickup", "PINSA0", "DSGETPOW", "GOTINVIS"),
    ("rescue suit", "pickup", "SUITA0", "DSGETPOW", "GOTSUIT"),
    ("area map", "pickup", "PMAPA0", "DSGETPOW", "GOTMAP"),
    ("low-light goggles", "pickup", "PVISA0", "DSGETPOW", "GOTVISOR"),
    ("bullets", "pickup", "CLIPA0", "DSITEMUP", "GOTCLIP"),
    ("case of bullets", "pickup", "AMMOA0", "DSITEMUP", "GOTCLIPBOX"),
    ("missile", "pickup", "ROCKA0", "DSITEMUP", "GOTROCKET"),
    ("crate of missiles", "pickup", "BROKA0", "DSITEMUP", "GOTROCKBOX"),
    ("energy recharge", "pickup", "CELLA0", "DSITEMUP", "GOTCELL"),
    ("large energy recharge", "pickup", "CELPA0", "DSITEMUP", "GOTCELLBOX"),
    ("shotgun shells", "pickup", "SHELA0", "DSITEMUP", "GOTSHELLS"),
    ("box of shotgun shells", "pickup", "SBOXA0", "DSITEMUP", "GOTSHELLBOX"),
    ("backpack", "pickup", "BPAKA0", "DSITEMUP", "GOTBACKPACK"),
    ("blue passcard", "pickup", "BKEYA0", "DSITEMUP", "GOTBLUECARD"),
    ("yellow passcard", "pickup", "YKEYA0", "DSITEMUP", "GOTYELWCARD"),
    ("red passcard", "pickup", "RKEYA0", "DSITEMUP", "GOTREDCARD"),
    ("blue skeleton key", "pickup", "BSKUA0", "DSITEMUP", "GOTBLUESKUL"),
    ("yellow skeleton key", "pickup", "YSKUA0", "DSITEMUP", "GOTYELWSKUL"),
    ("red skeleton key", "pickup", "RSKUA0", "DSITEMUP", "GOTREDSKULL"),
]
_PEOPLE = {"%o": "someone", "%k": "another player", "%p": "their"}


def _lumps(data: bytes) -> dict[str, bytes]:
    """Named parts of a WAD file: a header, the parts, and a directory of (start, size, name)."""
    kind, count, start = struct.unpack_from("<4sII", data)
    if kind not in (b"IWAD", b"PWAD"):
        raise ValueError("no WAD file")
    parts = {}
    for offset in range(start, start + 16 * count, 16):
        first, size, name = struct.unpack_from("<II8s", data, offset)
        if first + size > len(data):
            raise ValueError("a part reaches beyond the end of the file")
        parts[name.rstrip(b"\0").decode("ascii")] = data[first : first + size]
    return parts


def _picture(lump: bytes, palette: np.ndarray) -> np.ndarray:
    """Red, green, blue and opacity of each pixel, from columns of opaque runs."""
    width, height = struct.unpack_from("<HH", lump)
    image = np.zeros((height, width, 4), dtype=np.uint8)
    for x, at in enumerate(struct.unpack_from(f"<{width}I", lump, 8)):
        while lump[at] != 255:
            top, length = lump[at], lump[at + 1]
            run = np.frombuffer(lump, dtype=np.uint8, count=length, offset=at + 3)
            image[top : top + length, x, :3] = palette[run]
            image[top : top + length, x, 3] = 255
            at += length + 4
    return image


def _sound(lump: bytes) -> tuple[np.ndarray, int]:
    """Samples in [-1, 1) and their rate; 16 bytes of padding at each end are left out."""
    kind, rate, count = struct.unpack_from("<HHI", lump)
    if kind != 3 or len(lump) < 8 + count or count <= 32:
        raise ValueError("no sound")
    samples = np.frombuffer(lump, dtype=np.uint8, count=count - 32, offset=24)
    return (samples.astype(np.float32) - 128) / 128, rate


def _strings(lump: bytes) -> dict[str, str]:
    lines = (line.partition(" = ") for line in lump.decode("latin-1").splitlines())
    return {key: value.strip() for key, mark, value in lines if mark}


def _text(keys: str, strings: dict[str, str]) -> str:
    sentences = []
    for key in keys.split():
        sentence = strings[key]
        for mark, words in _PEOPLE.items():
            sentence = sentence.replace(mark, words)
        sentence = sentence[0].upper() + sentence[1:]
        sentences.append(sentence if sentence[-1] in ".!?" else f"{sentence}.")
    return " ".join(sentences)


def load_media_items() -> pd.DataFrame:
    """55 things of the game Freedoom, each with text, picture and sound, made by its authors.

    Nobody rated or bought them: they are real media for features, to which a simulated world gives
    outcomes. Introduced in section 2.2.

    Returns
    -------
    pandas.DataFrame
        One row an item: ``item`` (name), ``kind`` (monster, weapon, pickup), ``text`` (what the
        game says of it: one to three sentences), ``image`` (array (height, width, 4) of bytes: red,
        green, blue, opacity), ``audio`` (array of samples in [-1, 1)), ``rate`` (samples per
        second), ``own_sound`` (False where another item has the same sound).

    Raises
    ------
    causalrec_utils.assets.AssetUnavailable
        If the file can't be had.
    ValueError
        If the file is not what it should be.

    Notes
    -----
    Source: the Freedoom project, https://freedoom.github.io/. The file comes with the package
    ViZDoom, which is neither installed nor run.

    Examples
    --------
    >>> from causalrec_utils import assets, datasets
    >>> if assets.is_available("freedoom"):
    ...     items = datasets.load_media_items()
    ...     assert items["image"].map(lambda image: image.shape[2] == 4).all()
    """
    path: Path = assets.fetch("freedoom", "freedoom2.wad")
    try:
        lumps = _lumps(path.read_bytes())
        palette = np.frombuffer(lumps["PLAYPAL"], np.uint8, 768).reshape(256, 3)
        strings = _strings(lumps["DEHACKED"])
        rows = []
        for item, kind, picture, sound, keys in _ITEMS:
            audio, rate = _sound(lumps[sound])
            image = _picture(lumps[picture], palette)
            rows.append((item, kind, _text(keys, strings), image, audio, rate, sound))
    except (KeyError, IndexError, ValueError, struct.error) as error:
        raise SchemaError(f"{path}: not the game file that it should be: {error!r}") from error
    names = ["item", "kind", "text", "image", "audio", "rate", "own_sound"]
    items = pd.DataFrame(rows, columns=names)
    items["kind"] = pd.Categorical(items["kind"], categories=["monster", "weapon", "pickup"])
    items["own_sound"] = ~items["own_sound"].duplicated(keep=False)
    return items
