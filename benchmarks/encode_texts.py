"""Sentences a second through the embedded sentence encoder against sentence-transformers' ``encode`` on this processor.

    python benchmarks/encode_texts.py
    python benchmarks/encode_texts.py --small

Both sides take the same 5,452 questions and 3,775 reviews of mixed lengths in the same order (both sort by length), and
the same weights; theirs with its defaults (PyTorch, batches of 32). By turns in one process, models loaded beforehand,
no cache. The share of the machine's bf16 matrix peak is that of the encoder's products alone, counted by the tokens
that are really there, beside the best rate of a large bf16 matrix product.
"""

from __future__ import annotations

import csv

import numpy as np

from _sets import AbsentError, shared_folder
from _sides import arguments, by_turns, middle, row, show, timed

BACKBONE = "all_minilm_l6_v2"
HIDDEN, LAYERS, INNER = 384, 6, 1536


def sentences():
    """Texts of mixed lengths."""
    folder = shared_folder("text")
    found = []
    for name in ("questions_train.csv", "product_reviews.csv"):
        with (folder / name).open(newline="", encoding="utf-8") as file:
            found += [line["text"] for line in csv.DictReader(file)]
    return [text for text in found if text.strip()]


def peer_model():
    """The same weights in sentence-transformers."""
    from sentence_transformers import SentenceTransformer

    from headstart.backbones.registry import open_backbone

    folder = open_backbone(BACKBONE).provider._embedded_folder()
    return SentenceTransformer(str(folder), device="cpu")


def multiplications(texts) -> float:
    """Floating-point operations of the encoder's matrix products on these texts, without filling up."""
    from headstart.backbones.registry import open_backbone

    tokenizer = open_backbone(BACKBONE).open_tokenizer()
    lengths = np.minimum([len(encoding.ids) for encoding in tokenizer.encode_batch(texts)], 256).astype(float)
    linear = 2 * lengths * LAYERS * (4 * HIDDEN**2 + 2 * HIDDEN * INNER)
    attention = 2 * 2 * lengths**2 * HIDDEN * LAYERS
    return float((linear + attention).sum())


def matrix_peak() -> float:
    """Operations a second of the best large bf16 product."""
    import torch

    best = 0.0
    for n in (1024, 2048):
        a, b = (torch.randn(n, n).to(torch.bfloat16) for _ in range(2))
        for _ in range(4):
            seconds, _ = timed(lambda a=a, b=b: a @ b)
            best = max(best, 2 * n**3 / seconds)
    return best


def main():
    """Measure and print."""
    from headstart.features.encoder import Encoder

    args = arguments(__doc__, rounds=3)
    try:
        texts = sentences()[: 300 if args.small else None]
    except AbsentError as reason:
        show({"absent": str(reason), "rows": []})
        return
    encoders = {name: Encoder(BACKBONE, precision=name, cache=False) for name in ("exact", "auto")}
    model = peer_model()
    choices = {name: encoder.encode(texts[:64]).choice for name, encoder in encoders.items()}
    # The runtime found best is named, so that no round measures it anew.
    fixed = {
        name: Encoder(BACKBONE, precision="bf16" if c.precision == "bf16" else "exact", runtime=c.runtime, cache=False)
        for name, c in choices.items()
    }
    rows = {name: encoder.transform(texts) for name, encoder in fixed.items()}
    theirs = model.encode(texts, show_progress_bar=False)
    cosine = {name: float((found * theirs).sum(axis=1).min()) for name, found in rows.items()}
    sides = {name: lambda e=e: timed(lambda: e.transform(texts))[0] for name, e in fixed.items()}
    sides["peer"] = lambda: timed(lambda: model.encode(texts, show_progress_bar=False))[0]
    seconds = {name: middle(found) for name, found in by_turns(sides, args.rounds).items()}
    rates = {name: len(texts) / took for name, took in seconds.items()}
    operations, peak = multiplications(texts), matrix_peak()
    lines = [
        row(
            f"sentences/s, {len(texts):,} texts of mixed lengths, precision {name}",
            f"{rates[name]:.0f} ({choices[name].runtime} {choices[name].precision}; least cosine {cosine[name]:.5f})",
            f"{rates['peer']:.0f} (sentence-transformers)",
            "at least 2x, cosine 0.995" if name == "auto" else "for information",
            ratio=rates[name] / rates["peer"],
            is_met=rates[name] >= 2 * rates["peer"] and cosine[name] >= 0.995 if name == "auto" else None,
        )
        for name in ("auto", "exact")
    ]
    lines.append(
        row(
            "the same, as a share of the machine's bf16 matrix peak",
            f"{operations / seconds['auto'] / 1e9:.0f} GFLOP/s in the encoder's products",
            f"{peak / 1e9:.0f} GFLOP/s (large bf16 product)",
            "for information",
            ratio=operations / seconds["auto"] / peak,
        )
    )
    show({"texts": len(texts), "seconds": seconds, "least_cosine": cosine, "rows": lines})


if __name__ == "__main__":
    main()
