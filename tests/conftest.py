"""What every test stands on: a cache of its own, no network, a small folder of photographs."""

import os
import socket
from pathlib import Path

import numpy as np
import pytest

REPOSITORY = Path(__file__).parents[1]


@pytest.fixture(scope="session", autouse=True)
def own_cache(tmp_path_factory):
    """One cache for the session, away from the user's; subprocesses inherit it."""
    kept = {name: os.environ.get(name) for name in ("HEADSTART_CACHE", "HF_HUB_OFFLINE")}
    os.environ["HEADSTART_CACHE"] = str(tmp_path_factory.mktemp("cache"))
    os.environ["HF_HUB_OFFLINE"] = "1"
    yield
    for name, value in kept.items():
        os.environ.pop(name, None)
        if value is not None:
            os.environ[name] = value


@pytest.fixture(scope="session", autouse=True)
def closed_network():
    """Sockets reach this machine only."""
    connect = socket.socket.connect

    def guarded(self, address):
        host = address[0] if isinstance(address, tuple) else ""
        if self.family in (socket.AF_INET, socket.AF_INET6) and host not in ("127.0.0.1", "::1", "localhost"):
            raise OSError(f"tests reach no network, not even {host}")
        return connect(self, address)

    socket.socket.connect = guarded
    yield
    socket.socket.connect = connect


def write_photos(folder: Path, n_each: int = 40, seed: int = 0) -> Path:
    """``ants`` (stripes) and ``bees`` (blobs), each picture another one, sizes and formats mixed."""
    from PIL import Image, ImageFilter

    rng = np.random.default_rng(seed)
    for name in ("ants", "bees"):
        (folder / name).mkdir(parents=True)
        for number in range(n_each):
            width, height = int(rng.integers(90, 200)), int(rng.integers(90, 200))
            noise = rng.integers(0, 256, (height, width, 3), dtype=np.uint8)
            if name == "ants":
                wave = np.sin(np.arange(width) * rng.uniform(0.3, 0.9) + rng.uniform(0, 6))[None, :, None]
                noise = (noise * 0.5 + 60 * (wave + 1)).astype(np.uint8)
                picture = Image.fromarray(noise)
            else:
                picture = Image.fromarray(noise).filter(ImageFilter.GaussianBlur(float(rng.uniform(3, 6))))
            picture.save(folder / name / f"{name[:-1]} {number}.png")
    return folder


@pytest.fixture(scope="session")
def photos(tmp_path_factory):
    """A folder that can be learnt from in seconds; do not change it."""
    return write_photos(tmp_path_factory.mktemp("data") / "photos")
