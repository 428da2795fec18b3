"""Weights files that are damaged, exchanged or hostile are refused in one line before anything of them runs."""

import os
import pickle
import shutil

import pytest
import torch
from torch import nn

from headstart.backbones import embedded, registry
from headstart.backbones._state_dict import load_exactly, read_tensors, rename_in_order
from headstart.errors import IntegrityError


@pytest.fixture
def copied(tmp_path, monkeypatch):
    """A writable copy of the weights of efficientnet_lite0, which the provider takes for the installed ones."""
    [file] = embedded.weight_files(registry.get_card("efficientnet_lite0"))
    path = tmp_path / file.path.name
    shutil.copyfile(file.path, path)
    monkeypatch.setattr(embedded, "_path", lambda _: path)
    return path


def refused(match):
    return pytest.raises(IntegrityError, match=match)


def test_the_copy_itself_opens(copied):
    assert registry.open_backbone("efficientnet_lite0").open().card.sha256 is not None


@pytest.mark.parametrize("place", [0, 9_000_000, -1])
def test_a_changed_byte(copied, place):
    content = bytearray(copied.read_bytes())
    content[place] ^= 1
    copied.write_bytes(content)
    with refused("needs weights with sha256 579344248a93.*Install or pull it again") as told:
        registry.open_backbone("efficientnet_lite0").open()
    assert "\n" not in str(told.value)


def test_a_byte_changed_after_a_first_opening(copied):
    registry.open_backbone("efficientnet_lite0").open()
    with copied.open("r+b") as file:
        file.seek(1000)
        file.write(b"\x01\x02\x03")
    with refused("sha256"):
        registry.open_backbone("efficientnet_lite0").open()


@pytest.mark.parametrize("size", [0, 1000])
def test_a_truncated_file(copied, size):
    os.truncate(copied, size)
    with refused(f"18826032 bytes, got {size} bytes"):
        registry.open_backbone("efficientnet_lite0").open()


@pytest.fixture
def module():
    return nn.Sequential(nn.Conv2d(3, 4, 1), nn.BatchNorm2d(4), nn.Linear(4, 4))


def renamed(module):
    return {f"their_{key}": value for key, value in module.state_dict().items()}


def test_names_are_matched_by_position(module):
    theirs = renamed(module)
    ours = rename_in_order(theirs, module, "it")
    assert list(ours) == list(module.state_dict())
    assert all(a is b for a, b in zip(ours.values(), theirs.values(), strict=True))


def test_another_order(module):
    items = list(renamed(module).items())
    items[0], items[1] = items[1], items[0]
    with refused("of shape .* in this place, got their_0.bias"):
        rename_in_order(dict(items), module, "it")


def test_another_order_of_equal_shapes(module):
    items = list(renamed(module).items())
    keys = [key for key, _ in items]
    i, j = keys.index("their_1.running_mean"), keys.index("their_1.running_var")
    items[i], items[j] = items[j], items[i]
    with refused("running_mean"):
        rename_in_order(dict(items), module, "it")


def test_another_shape(module):
    tensors = renamed(module)
    tensors["their_2.weight"] = torch.zeros(4, 5)
    with refused(r"2\.weight of shape \(4, 4\) in this place, got their_2\.weight of shape \(4, 5\)"):
        rename_in_order(tensors, module, "it")


def test_another_number(module):
    tensors = renamed(module)
    tensors.popitem()
    with refused("needs 9 tensors, got 8"):
        rename_in_order(tensors, module, "it")


def test_loading_takes_every_name(module):
    tensors = dict(module.state_dict())
    tensors["extra"] = torch.zeros(1)
    with refused("extra"):
        load_exactly(module, tensors, "it")


class Hostile:
    def __reduce__(self):
        return (os.mkdir, (os.environ["HOSTILE_FOLDER"],))


@pytest.mark.parametrize("how", ["torch", "pickle"])
def test_a_hostile_pickle_is_never_run(tmp_path, monkeypatch, how):
    monkeypatch.setenv("HOSTILE_FOLDER", str(tmp_path / "evil"))
    path = tmp_path / "w.pth"
    if how == "torch":
        torch.save({"weight": Hostile()}, path)
    else:
        path.write_bytes(pickle.dumps({"weight": Hostile()}))
    with refused("file with tensors only"):
        read_tensors(path, "it")
    assert not (tmp_path / "evil").exists()


@pytest.mark.parametrize("name", ["w.pth", "w.safetensors"])
@pytest.mark.parametrize("content", [b"", b"junk" * 50])
def test_no_weights_at_all(tmp_path, name, content):
    (tmp_path / name).write_bytes(content)
    with refused("file with tensors only"):
        read_tensors(tmp_path / name, "it")


@pytest.mark.parametrize("content", [[1, 2], {}, {"epoch": 3}, torch.zeros(3)])
def test_a_file_without_named_tensors(tmp_path, content):
    torch.save(content, tmp_path / "w.pth")
    with refused("named tensors"):
        read_tensors(tmp_path / "w.pth", "it")


def test_a_hostile_hub_folder_is_refused(tmp_path, monkeypatch):
    monkeypatch.setenv("HOSTILE_FOLDER", str(tmp_path / "evil"))
    (tmp_path / "config.json").write_text('{"architecture": "test_vit"}', encoding="utf-8")
    torch.save(Hostile(), tmp_path / "pytorch_model.bin")
    with refused("file with tensors only"):
        registry.open_backbone(str(tmp_path)).open()
    assert not (tmp_path / "evil").exists()
