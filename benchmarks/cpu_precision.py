"""How a training step computes on this CPU: memory layout, precision and compilation, and what the loop takes of them.

    python benchmarks/cpu_precision.py
    python benchmarks/cpu_precision.py --small

Ten steps of the image encoder (convolutions, 224 px) and of the sentence encoder (attention, 32 tokens) with all
weights free and AdamW, batches of 8, in seconds of the processor; both sides of a line by turns, the median of all
steps. "as it is" is what the loop runs: pixels come with their channels side by side in memory, so convolutions compute
in that layout; it computes in what precision="auto" comes to, and is held against the other precision: on a CPU with
bf16 instructions bf16 for attention and fp32 for convolutions; nothing is compiled. What the forward pass of training
gives for the pretrained weights is compared; validation and predictions are fp32 whatever training computes in.
"""

from __future__ import annotations

import os
import time
import warnings
from contextlib import nullcontext
from functools import partial

from _sides import arguments, by_turns, middle, rounded, row, scratch, show

BATCH, SIDE, TOKENS = 8, 224, 32
KINDS = {"convolutions": "efficientnet_lite0", "attention": "all_minilm_l6_v2"}
AS_IT_IS = "as it is"
OTHER = "the other precision"
VARIANTS = {"convolutions": ("contiguous", OTHER, "compiled"), "attention": (OTHER, "compiled")}
FASTER = "the faster one is taken"
TARGETS = {"contiguous": FASTER, OTHER: FASTER, "compiled": "for information: pays after so many steps"}


def inputs_of(kind):
    """A batch as the trunk's module takes it."""
    import torch

    draw = torch.Generator().manual_seed(0)
    if kind == "convolutions":
        return (torch.randint(0, 256, (BATCH, SIDE, SIDE, 3), dtype=torch.uint8, generator=draw),)
    ids = torch.randint(1000, 20000, (BATCH, TOKENS), generator=draw)
    return ids, torch.ones_like(ids)


def steps(kind, variant, n):
    """CPU seconds of each step, seconds of the first one, the features before it, and the precision."""
    import torch

    from headstart.training.precision import precision_for
    from headstart.training.trunk import open_trunk

    trunk, inputs = open_trunk(KINDS[kind]), inputs_of(kind)
    module, head = trunk.module, torch.nn.Linear(trunk.card.dim, 2)
    torch.nn.init.constant_(head.weight, 0.01)
    if variant == "contiguous":
        module.module.register_forward_pre_hook(lambda _, given: (given[0].contiguous(), *given[1:]))
    own = precision_for(module, torch.device("cpu"))
    bits = {"bf16": "fp32", "fp32": "bf16"}[own] if variant == OTHER else own
    torch.compiler.reset()
    run = torch.compile(module) if variant == "compiled" else module
    optimizer = torch.optim.AdamW([*module.parameters(), *head.parameters()], lr=1e-5)
    labels = torch.arange(BATCH) % 2

    def precision():
        return torch.autocast("cpu", dtype=torch.bfloat16) if bits == "bf16" else nullcontext()

    def step():
        optimizer.zero_grad(set_to_none=True)
        with precision():
            scores = head(run(*inputs)).float()
        torch.nn.functional.cross_entropy(scores, labels).backward()
        optimizer.step()

    def features():
        with torch.inference_mode(), precision():
            return run(*inputs).float()

    found, begun = features() if variant != "compiled" else None, time.perf_counter()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        step()
    first, each = time.perf_counter() - begun, []
    for _ in range(n):
        before = time.process_time()
        step()
        each.append(time.process_time() - before)
    return each, first, found, bits


def compare(kind, variant, n, rounds):
    """The line of one variant beside what the loop runs."""
    try:
        found = by_turns({side: partial(steps, kind, side, n) for side in (AS_IT_IS, variant)}, rounds)
    except Exception as error:  # a border: a compiler that is not there, an operation that it does not know
        return row(f"training step, {kind}: {variant}", "-", f"{type(error).__name__}", TARGETS[variant])
    each = {side: middle([seconds for run in runs for seconds in run[0]]) for side, runs in found.items()}
    first = {side: middle([run[1] for run in runs]) for side, runs in found.items()}
    (_, _, ours, own), (_, _, theirs, bits) = (found[side][0] for side in (AS_IT_IS, variant))
    gain = each[AS_IT_IS] - each[variant]
    if variant != "compiled":
        told = f"; features stray by {float((ours - theirs).abs().max() / ours.abs().max()):.0e}"
    else:
        extra = first[variant] - first[AS_IT_IS]
        pays = f"pays after {max(extra, 0) / gain:.0f} steps" if gain > 0 else "never pays"
        told = f"; {first[variant]:.0f} s for the first, {pays}"
    return row(
        f"training step, {kind} ({KINDS[kind]}, batches of {BATCH}): {AS_IT_IS}, {own}, against "
        f"{bits if variant == OTHER else variant}",
        f"{1000 * each[AS_IT_IS]:.0f} CPU ms",
        f"{1000 * each[variant]:.0f} CPU ms{told}",
        TARGETS[variant],
        ratio=rounded(each[variant] / each[AS_IT_IS]),
        is_met=each[AS_IT_IS] <= each[variant] if TARGETS[variant] == FASTER else None,
    )


def main():
    """Measure and print."""
    os.environ["TORCHINDUCTOR_FORCE_DISABLE_CACHES"] = "1"  # compilation is paid by everyone once, so it is here
    import torch

    args = arguments(__doc__, rounds=3)
    with scratch():
        rows = [
            compare(kind, variant, 1 if args.small else 10, args.rounds)
            for kind, variants in VARIANTS.items()
            for variant in variants
            if not (args.small and variant == "compiled")
        ]
    show({"rounds": args.rounds, "threads": torch.get_num_threads(), "rows": rows})


if __name__ == "__main__":
    main()
