"""The four sources in order, and what happens when one of them is broken."""

from __future__ import annotations

import stat
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from causalrec_utils import assets
from causalrec_utils.assets import _sources

NAMES = {"zipped/a.csv", "zipped/deep/b.csv"}


def fill(folder: Path, content: dict[str, bytes]) -> None:
    for name, data in content.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(data)


def test_order_cache_then_mirror_then_index_then_publisher(toy, mirror, index):
    toy.wheel(index)
    fill(mirror / "wheeled", toy.content)
    assert assets.status("wheeled") == "mirror"
    path = assets.fetch("wheeled", "a.csv")
    assert path == toy.cache / "wheeled" / "a.csv"
    assert path.read_bytes() == toy.content["a.csv"]
    assets.fetch("wheeled")
    for name in toy.content:
        (mirror / "wheeled" / name).unlink()
    assert assets.status("wheeled") == "cache"
    assert assets.fetch("wheeled") == toy.cache / "wheeled"


def test_wheel_is_unpacked_and_not_installed(toy, index):
    toy.wheel(index)
    folder = assets.fetch("wheeled")
    assert {p.name for p in folder.rglob("*") if p.is_file()} == {".lock", "a.csv", "b.csv"}
    for name, data in toy.content.items():
        assert (folder / name).read_bytes() == data
    shown = subprocess.run([sys.executable, "-m", "pip", "show", "causalrec-toy"], check=False)
    assert shown.returncode != 0


def test_one_download_gives_all_members(toy):
    toy.zip(toy.cache.parent / "toy.zip")
    toy.server.add("toy.zip", (toy.cache.parent / "toy.zip").read_bytes())
    assert assets.status("zipped") == "publisher"
    assets.fetch("zipped", "a.csv")
    assert toy.whole_files() == NAMES
    assets.fetch("zipped")
    assert len(toy.server.ranges) == 1


def test_corrupted_cache_is_replaced(toy):
    toy.server.add("toy.zip", toy.zip(toy.cache.parent / "toy.zip").read_bytes())
    fill(toy.cache / "zipped", {"a.csv": b"broken"})
    assert assets.fetch("zipped", "a.csv").read_bytes() == toy.content["a.csv"]


def test_corrupted_cache_without_a_source_is_named_and_kept(toy):
    fill(toy.cache / "zipped", {"a.csv": b"broken"})
    with pytest.raises(assets.AssetUnavailable, match=r"corrupted: a\.csv"):
        assets.fetch("zipped", "a.csv")
    assert (toy.cache / "zipped" / "a.csv").read_bytes() == b"broken"  # it may be the reader's own


@pytest.mark.parametrize("change", [lambda b: b[:-1], lambda b: b"X" + b[1:], lambda b: b + b"X"])
def test_corrupted_mirror_file_falls_through(toy, mirror, change):
    toy.server.add("toy.zip", toy.zip(toy.cache.parent / "toy.zip").read_bytes())
    fill(mirror / "zipped", {"a.csv": change(toy.content["a.csv"])})
    assert assets.fetch("zipped", "a.csv").read_bytes() == toy.content["a.csv"]


def test_corrupted_mirror_file_alone_is_an_error_that_says_so(toy, mirror):
    fill(mirror / "single", {"big.bin": toy.big[:-1]})
    with pytest.raises(assets.AssetUnavailable, match="corrupted.*SHA-256 is"):
        assets.fetch("single", "big.bin")
    assert toy.whole_files() == set()


def test_missing_mirror_folder_is_no_reason_to_stop(toy, monkeypatch, tmp_path):
    monkeypatch.setenv("CAUSALREC_DATA_MIRROR", str(tmp_path / "nowhere"))
    toy.server.add("toy.zip", toy.zip(tmp_path / "toy.zip").read_bytes())
    assert assets.fetch("zipped", "a.csv").exists()


def test_archive_put_by_hand_into_the_cache_is_used(toy):
    toy.zip(toy.cache / "zipped" / "toy.zip")
    assert assets.status("zipped") == "cache"
    assets.fetch("zipped")
    assert toy.whole_files() == NAMES | {"zipped/toy.zip"}


def test_truncated_archive(toy):
    whole = toy.zip(toy.cache.parent / "toy.zip").read_bytes()
    toy.server.add("toy.zip", whole[: len(whole) // 2])
    with pytest.raises(assets.AssetUnavailable, match="not a readable archive"):
        assets.fetch("zipped")
    assert toy.whole_files() == set()
    toy.server.add("toy.zip", whole)  # nothing of the bad one is reused
    assets.fetch("zipped")
    assert toy.whole_files() == NAMES


def test_archive_with_a_damaged_member(toy):
    path = toy.zip(toy.cache.parent / "toy.zip")
    data = bytearray(path.read_bytes())
    with zipfile.ZipFile(path) as archive:
        info = archive.getinfo("toy/a.csv")
    start = info.header_offset + 30 + len(info.filename)
    data[start + 4 : start + 12] = b"\xff" * 8
    toy.server.add("toy.zip", bytes(data))
    with pytest.raises(assets.AssetUnavailable, match=r"not a readable archive|SHA-256"):
        assets.fetch("zipped")
    assert "zipped/a.csv" not in toy.whole_files()


@pytest.mark.parametrize(
    "name", ["../evil", "toy/../../evil", "/abs/evil", "C:\\evil", "..\\evil", "\\\\host\\evil"]
)
def test_path_traversal_is_refused(toy, name, tmp_path):
    members = {f"toy/{k}": v for k, v in toy.content.items()} | {name: b"evil"}
    toy.server.add("toy.zip", toy.zip(tmp_path / "toy.zip", members).read_bytes())
    with pytest.raises(assets.AssetUnavailable, match="unsafe archive"):
        assets.fetch("zipped")
    assert toy.whole_files() == set()
    assert not [path for path in tmp_path.rglob("*") if "evil" in path.name]


def test_symbolic_link_is_refused(toy, tmp_path):
    path = toy.zip(tmp_path / "toy.zip")
    with zipfile.ZipFile(path, "a") as archive:
        link = zipfile.ZipInfo("toy/link")
        link.external_attr = (stat.S_IFLNK | 0o777) << 16
        archive.writestr(link, "/etc/passwd")
    toy.server.add("toy.zip", path.read_bytes())
    with pytest.raises(assets.AssetUnavailable, match="symbolic link"):
        assets.fetch("zipped")
    assert toy.whole_files() == set()


def test_small_archive_can_not_unpack_into_a_huge_file(toy, tmp_path, monkeypatch):
    members = {"toy/a.csv": b"0" * 50_000_000, "toy/deep/b.csv": b""}
    toy.server.add("toy.zip", toy.zip(tmp_path / "toy.zip", members).read_bytes())
    written = []
    from causalrec_utils.assets import _files

    real = _files.check
    monkeypatch.setattr(
        _files, "check", lambda path, file: (written.append(path.stat().st_size), real(path, file))
    )
    with pytest.raises(assets.AssetUnavailable, match="SHA-256"):
        assets.fetch("zipped")
    assert max(written) == len(toy.content["a.csv"]) + 1


def test_interrupted_download_resumes_within_a_call(toy):
    toy.server.add("big.bin", toy.big)
    toy.server.cut_after = [700_000]
    assert assets.fetch("single", "big.bin").read_bytes() == toy.big
    assert toy.server.ranges == [None, "bytes=700000-"]


def test_interrupted_download_resumes_in_the_next_call(toy, monkeypatch):
    monkeypatch.setattr(_sources, "ATTEMPTS", 1)
    toy.server.add("big.bin", toy.big)
    toy.server.cut_after = [700_000]
    with pytest.raises(assets.AssetUnavailable, match="the next call goes on"):
        assets.fetch("single", "big.bin")
    assert toy.whole_files() == set()
    assert assets.fetch("single", "big.bin").read_bytes() == toy.big
    assert toy.server.ranges == [None, "bytes=700000-"]
    assert not [path for path in toy.cache.rglob("*.part*")]


def test_no_resuming_onto_another_version_of_the_file(toy, monkeypatch):
    monkeypatch.setattr(_sources, "ATTEMPTS", 1)
    toy.server.add("big.bin", b"old" + toy.big)
    toy.server.cut_after = [700_000]
    with pytest.raises(assets.AssetUnavailable):
        assets.fetch("single", "big.bin")
    toy.server.add("big.bin", toy.big)
    toy.server.etag = '"v2"'
    assert assets.fetch("single", "big.bin").read_bytes() == toy.big


def test_wrong_file_from_the_publisher_is_not_kept(toy):
    toy.server.add("big.bin", toy.big[:-1] + b"!")
    with pytest.raises(assets.AssetUnavailable, match="SHA-256 is"):
        assets.fetch("single", "big.bin")
    assert {path.name for path in toy.cache.rglob("*") if path.is_file()} == {".lock"}


def test_wrong_wheel_hash_is_refused(toy, index, monkeypatch):
    from dataclasses import replace

    from causalrec_utils.assets import _registry

    entry = replace(_registry.load()["wheeled"], wheel_sha256="0" * 64)
    monkeypatch.setattr(_registry, "load", lambda: {"wheeled": entry})
    toy.wheel(index)
    with pytest.raises(assets.AssetUnavailable, match="expected 0000"):
        assets.fetch("wheeled")
    assert toy.whole_files() == set()


def test_one_of_two_forms_is_enough(toy, mirror):
    toy.server.add("a.csv", toy.content["a.csv"])
    assert assets.fetch("either") == toy.cache / "either"
    assert toy.whole_files() == {"either/original.csv"}
    fill(mirror / "either", {"copy.bin": toy.big})
    assert assets.fetch("either", "copy.bin").read_bytes() == toy.big


def test_large_files_of_a_mirror_are_used_where_they_are(toy, mirror):
    with pytest.raises(assets.AssetUnavailable, match=r"download it from https://example\.org/toy"):
        assets.fetch("manual")
    fill(mirror / "manual", {"huge/a.csv": b"1"})
    assert assets.fetch("manual", "huge/a.csv") == mirror / "manual" / "huge" / "a.csv"
    assert assets.fetch("manual") == mirror / "manual"
    assert toy.whole_files() == set()


SCRIPT = """
import sys
from causalrec_utils import assets
from causalrec_utils.assets import _registry
entries = _registry.parse(open(sys.argv[1]).read())
_registry.load = lambda: entries
print(assets.fetch("single", "big.bin"), assets.fetch("zipped"))
"""


def test_two_processes_at_once(toy, tmp_path):
    toy.server.add("big.bin", toy.big)
    toy.server.add("toy.zip", toy.zip(tmp_path / "toy.zip").read_bytes())
    toy.server.delay = 0.5
    table = tmp_path / "registry.toml"
    table.write_text(toy.registry_text(toy.server.url))
    command = [sys.executable, "-c", SCRIPT, str(table)]
    root = Path(assets.__file__).parents[2]
    jobs = [
        subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, cwd=root)
        for _ in range(3)
    ]
    for job in jobs:
        _, errors = job.communicate(timeout=60)
        assert job.returncode == 0, errors.decode()
    assert len(toy.server.ranges) == 2  # the others waited, and found the files there
    assert (toy.cache / "single" / "big.bin").read_bytes() == toy.big
    assert toy.whole_files() == NAMES | {"single/big.bin"}


def test_a_process_that_died_does_not_leave_the_folder_locked(toy, tmp_path):
    toy.server.add("big.bin", toy.big)
    script = (
        "import os, sys; from pathlib import Path; from causalrec_utils.assets import _files\n"
        "with _files.locked(Path(sys.argv[1])):\n"
        "    (Path(sys.argv[1]) / '.big.bin.tmp').write_bytes(b'half'); os._exit(9)"
    )
    root = Path(assets.__file__).parents[2]
    command = [sys.executable, "-c", script, str(toy.cache / "single")]
    assert subprocess.run(command, cwd=root, check=False).returncode == 9
    assert assets.fetch("single", "big.bin").read_bytes() == toy.big
