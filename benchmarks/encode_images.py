"""Images a second from files to features, EfficientNet-Lite0, against eager PyTorch fp32 with a DataLoader.

    python benchmarks/encode_images.py
    python benchmarks/encode_images.py --small

Ours is the whole of ``hs.Encoder(...).encode(files)`` with an empty cache (digests, decoding, inference, writing the
cache), less the seconds in which the runtime is made ready, which stand beside it as ``start_up``. The peer is a
``torch.utils.data.DataLoader`` (2 workers, batches of 32) with timm's own evaluation transform, the same weights, and
``torch.inference_mode``; its model is ready before the clock starts. ``deviation`` is the relative difference of the
two sides' features after each column's mean is taken off.
"""

from __future__ import annotations

import shutil
from contextlib import contextmanager

import numpy as np

from _sets import AbsentError, demo, hymenoptera
from _sides import arguments, by_turns, middle, rounded, row, scratch, show, timed

BACKBONE = "efficientnet_lite0"
WORKERS, BATCH = 2, 32
WIDTH, HEIGHT, QUALITY = 4000, 3000, 90
SAMPLE = 32


class Files:
    """The peer's data set: a file opened by Pillow, then timm's transform."""

    def __init__(self, paths, transform):
        self.paths, self.transform = paths, transform

    def __len__(self):
        return len(self.paths)

    def __getitem__(self, row):
        from PIL import Image

        with Image.open(self.paths[row]) as image:
            return self.transform(image.convert("RGB"))


class Peer:
    """Eager PyTorch in single precision behind a DataLoader."""

    def __init__(self):
        from timm.data import create_transform, resolve_data_config

        from headstart.backbones.registry import open_backbone

        self.module = open_backbone(BACKBONE).open().module.eval()
        self.transform = create_transform(**resolve_data_config({}, model=self.module), is_training=False)

    def encode(self, paths):
        import torch
        from torch.utils.data import DataLoader

        loader = DataLoader(Files(paths, self.transform), batch_size=BATCH, num_workers=WORKERS)
        with torch.inference_mode():
            return torch.cat([self.module(batch) for batch in loader]).numpy()


class Ours:
    """An encoder whose runtime was chosen on the first files; every call finds an empty cache that knows the choice."""

    def __init__(self, folder, paths, precision):
        self.folder, self.precision, self.calls = folder / f"cache-{precision}-{len(paths)}", precision, 0
        self.start_up, self.first = timed(lambda: self._encode(self.folder / "first", paths[:SAMPLE]))

    def encode(self, paths):
        """Seconds without making the runtime ready, those seconds, and the features."""
        self.calls += 1
        cache = self.folder / str(self.calls)
        cache.mkdir(parents=True)
        shutil.copy(self.folder / "first" / "runtimes.json", cache)
        with timed_builds() as builds:
            seconds, encoded = timed(lambda: self._encode(cache, paths))
        features = np.array(encoded.features)
        shutil.rmtree(cache)
        return seconds - sum(builds), sum(builds), features

    def _encode(self, cache, paths):
        import headstart as hs

        return hs.Encoder(BACKBONE, precision=self.precision, cache=cache).encode(paths)


@contextmanager
def timed_builds():
    """The seconds of every runtime that is made ready meanwhile."""
    from headstart.features.pixel_backbone import PixelBackbone

    build, seconds = PixelBackbone.build, []

    def timed_build(self, name, precision):
        took, runtime = timed(lambda: build(self, name, precision))
        seconds.append(took)
        return runtime

    PixelBackbone.build = timed_build
    try:
        yield seconds
    finally:
        PixelBackbone.build = build


def compare(folder, paths, peer, *, precisions, rounds, n_peer_passes=1):
    """Images a second of every precision and of the peer, with the deviation of the features; and our sides."""
    from headstart.features.choose_runtime import centred_deviation

    ours = {precision: Ours(folder, paths, precision) for precision in precisions}
    peer.encode(paths[:BATCH])
    sides = {name: lambda side=side: side.encode(paths) for name, side in ours.items()}
    # The peer passes several times over few files, so that filling its queues weighs no more than in a long run.
    sides["peer"] = lambda: timed(lambda: peer.encode(paths * n_peer_passes))
    returned = by_turns(sides, rounds)
    reference = returned["peer"][0][1][: len(paths)]
    peer_rate = len(paths) * n_peer_passes / middle([seconds for seconds, _ in returned["peer"]])
    found = {"images": len(paths), "rounds": rounds, "peer_images_a_second": rounded(peer_rate)}
    for name, side in ours.items():
        rate = len(paths) / middle([seconds for seconds, _, _ in returned[name]])
        choice = side.first.choice
        found[name] = {
            "images_a_second": rounded(rate),
            "ratio": rounded(rate / peer_rate),
            "deviation": rounded(centred_deviation(returned[name][0][2], reference)),
            "runtime": f"{choice.runtime} {choice.precision}",
            "start_up_seconds_first_ever": rounded(side.start_up),
            "start_up_seconds_later": middle([builds for _, builds, _ in returned[name]]),
        }
    return found, ours


def share_of_runtime(ours, paths, *, rounds):
    """File to features as a share of the runtime's own rate with the pixels in memory."""
    from headstart.backbones.registry import open_backbone
    from headstart.features.pixel_backbone import PixelBackbone
    from headstart.features.settings import EncoderSettings
    from headstart.features.stream import BatchStream

    opened = PixelBackbone(open_backbone(BACKBONE), EncoderSettings())
    runtime = opened.build(ours.first.choice.runtime, ours.first.choice.precision)
    load = opened.loader(paths, [b""] * len(paths))
    batches = list(BatchStream(range(len(paths)), load, opened.shape, np.uint8, runtime.batch_size))
    n_rows = len(batches) * runtime.batch_size

    def in_memory():
        return timed(lambda: runtime.run(batches, lambda number, rows: None))[0]

    in_memory()
    returned = by_turns({"files": lambda: ours.encode(paths)[0], "memory": in_memory}, rounds)
    files, memory = len(paths) / middle(returned["files"]), n_rows / middle(returned["memory"])
    return {
        "images": len(paths),
        "files_images_a_second": rounded(files),
        "memory_images_a_second": rounded(memory),
        "share": rounded(files / memory),
    }


def mosaics(folder, n):
    """``n`` distinct 12-megapixel JPEG files, each tiled from real photographs in an order of its own."""
    from PIL import Image

    try:
        tiles, tile = hymenoptera().paths, 500
    except AbsentError:
        tiles, tile = demo().paths, 250
    folder.mkdir()
    rng, paths = np.random.default_rng(0), []
    for number in range(n):
        sheet = Image.new("RGB", (WIDTH, HEIGHT))
        places = [(x, y) for y in range(0, HEIGHT, tile) for x in range(0, WIDTH, tile)]
        for place, which in zip(places, rng.choice(len(tiles), len(places)), strict=True):
            with Image.open(tiles[which]) as image:
                sheet.paste(image.convert("RGB").resize((tile, tile)), place)
        paths.append(str(folder / f"{number:03}.jpg"))
        sheet.save(paths[-1], quality=QUALITY)
    return paths


def table(png, jpeg, share):
    """The lines of BENCHMARKS.md."""

    def line(what, found, precision, target):
        side = found[precision]
        return row(
            f"images/s, file to features, {what}, precision {precision}",
            f"{side['images_a_second']:.4g} ({side['runtime']}; deviation {side['deviation']:.1e})",
            f"{found['peer_images_a_second']:.4g} (eager PyTorch fp32, DataLoader)",
            f"at least {target}x",
            ratio=side["ratio"],
            is_met=side["ratio"] >= target,
        )

    return [
        line("300 px PNG", png, "exact", 6),
        line("300 px PNG", png, "auto", 6),
        line("12-megapixel JPEG", jpeg, "exact", 5),
        line("12-megapixel JPEG", jpeg, "auto", 5),
        row(
            "the same on 300 px PNG, as a share of the runtime's own rate with data in memory",
            f"{share['files_images_a_second']:.4g} images/s",
            f"{share['memory_images_a_second']:.4g} images/s (same runtime, pixels in memory)",
            "at least 0.7",
            ratio=share["share"],
            is_met=share["share"] >= 0.7,
        ),
    ]


def main():
    """Measure small PNG files, large JPEG files, and the runtime by itself."""
    args = arguments(__doc__, rounds=3)
    photographs = demo().take(64 if args.small else 10_000).paths
    peer = Peer()
    both = {"precisions": ("exact", "auto"), "rounds": args.rounds}
    with scratch() as folder:
        png, ours = compare(folder / "png", photographs, peer, **both)
        share = share_of_runtime(ours["exact"], photographs, rounds=args.rounds)
        large = mosaics(folder / "mosaics", 8 if args.small else 64)
        jpeg, _ = compare(folder / "jpeg", large, peer, **both, n_peer_passes=1 if args.small else 4)
    show({"png_300": png, "jpeg_12_megapixels": jpeg, "share_of_runtime": share, "rows": table(png, jpeg, share)})


if __name__ == "__main__":
    main()
