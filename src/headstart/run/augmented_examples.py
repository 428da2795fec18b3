"""What the tuned model saw of a few training examples."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from headstart.report.record import Augmented, Thumb

if TYPE_CHECKING:
    from torch import Tensor

    from headstart.run.route import Route
    from headstart.training.augmentation.policy import Policy
    from headstart.training.batches import Batch, Batches
    from headstart.training.trunk import Trunk

MOST = 4
"""Examples that are shown, of as many classes."""
EPOCHS = 4
"""The first, which sees them as they come, and those after it."""

_FFT, _SIDE = 512, 128


def augmented_examples(route: Route) -> Augmented | None:
    """The examples before and after; None where what is handed over was not tuned with an augmentation."""
    recipe = route.handed_over.recipe
    settings = dict(recipe.settings)
    if recipe.strategy != "fine_tune" or settings.get("augmentation", "none") == "none":
        return None
    from headstart.strategies.parameter._tuning_begin import sized_trunk
    from headstart.strategies.parameter.fine_tune import FineTune
    from headstart.training.augmentation.policy import policy_of
    from headstart.training.trunk import open_trunk

    model, train, dataset = FineTune(**settings), route.data.parts.train, route.data.dataset
    trunk = open_trunk(model.backbone, random_state=model.random_state)
    policy = policy_of(model.augmentation, trunk.card, len(train))
    if policy.is_plain:
        return None
    chosen = np.sort(np.unique(route.data.train_y, return_index=True)[1])[:MOST]
    trunk = sized_trunk(model, trunk, [dataset.inputs[row] for row in train])
    batches = _batches(
        trunk, policy, [_raw(dataset.inputs[train[row]], dataset.modality) for row in chosen], chosen, route
    )
    seen = [batches.load(np.arange(len(chosen)), epoch) for epoch in range(EPOCHS)]
    rows = []
    for place, row in enumerate(chosen):
        shown = _shown(trunk, [batch.inputs for batch in seen], place)
        name = str(dataset.ids[train[row]])
        labels = [_label(batch, place, route.field.classes) for batch in seen]
        kind = "text" if isinstance(shown[0], str) else "image"
        rows.append(tuple(Thumb(one, name, label, kind=kind) for one, label in zip(shown, labels, strict=True)))
    return Augmented(policy.name, tuple(rows))


def _batches(trunk: Trunk, policy: Policy, examples: list[Any], chosen: NDArray[np.int64], route: Route) -> Batches:
    """The examples as training takes them."""
    import torch

    from headstart.training.augmentation._kinds import kind_of
    from headstart.training.augmentation.mixing import mixed
    from headstart.training.batches import Batch, Batches

    loader = trunk.loader(examples, policy.name, is_training=True)
    codes = torch.from_numpy(np.asarray(route.data.train_y[chosen], dtype=np.int64))
    plain = Batches(lambda rows, epoch: Batch(loader(rows, epoch), (codes,), rows), len(examples), len(examples))
    if not policy.mixings:
        return plain
    n_classes = len(route.field.classes)
    return mixed(plain, policy.mixings, kind=kind_of(trunk.card), n_classes=n_classes, random_state=trunk.random_state)


def _label(batch: Batch, place: int, classes: tuple[str, ...]) -> str:
    """The label, or what it is mixed of."""
    target = batch.targets[0][place]
    if target.ndim == 0:
        return classes[int(target)]
    parts = sorted(((float(share), classes[code]) for code, share in enumerate(target)), reverse=True)
    return ", ".join(f"{share:.0%} {name}" for share, name in parts if share >= 0.005)


def _raw(example: Any, modality: str) -> Any:
    if modality != "text":
        return example
    from headstart.data.text_file import text_of

    return text_of(example)


def _shown(trunk: Trunk, views: list[tuple[Tensor, ...]], place: int) -> list[Any]:
    """Pictures, or texts, of one example's views; the first is the plain one."""
    from headstart.training.augmentation._kinds import kind_of
    from headstart.training.augmentation._windows import N_AXES

    kind = kind_of(trunk.card)
    own = [tuple(part[place] for part in inputs) for inputs in views]
    if kind in N_AXES and own[0][0].ndim == N_AXES[kind]:  # several windows: the first
        own = [tuple(part[0] for part in inputs) for inputs in own]
    if kind == "tokens":
        return [_text(trunk, *inputs) for inputs in own]
    if kind in ("pixels", "frames"):
        return [inputs[0].numpy() if kind == "pixels" else inputs[0][0].numpy() for inputs in own]
    from headstart.features.mel_stream import FRAMES_A_STATE

    count = int(own[0][1])
    if kind == "mels":
        drawn = [inputs[0][:, : count * FRAMES_A_STATE].numpy() for inputs in own]
    else:
        drawn = [_spectrogram(inputs[0][:count]) for inputs in own]
    return _pictures(drawn)


def _text(trunk: Trunk, ids: Tensor, mask: Tensor) -> str:
    from headstart.training.augmentation._kinds import prepared_of

    prepared = prepared_of(trunk.backbone)
    hidden = prepared.special_ids - {prepared.mask_id}
    kept = [number for number, is_there in zip(ids.tolist(), mask.tolist(), strict=True) if is_there]
    tokenizer = trunk.backbone.open_tokenizer()
    return str(tokenizer.decode([number for number in kept if number not in hidden], skip_special_tokens=False))


def _spectrogram(sound: Tensor) -> NDArray[np.float32]:
    """(frequencies, frames) decades of power."""
    import torch

    size = min(_FFT, len(sound))
    window = torch.hann_window(size)
    found = torch.stft(sound, size, window=window, return_complex=True, pad_mode="constant").abs().square()
    decades: NDArray[np.float32] = torch.log10(found + 1e-8).numpy()
    return decades


def _pictures(spectrograms: list[NDArray[np.float32]]) -> list[NDArray[np.uint8]]:
    """(side, side) grey pictures, low tones below, all on the scale of the first."""
    low, high = float(spectrograms[0].min()), float(spectrograms[0].max())
    found = []
    for spectrogram in spectrograms:
        rows, columns = (np.linspace(0, n - 1, _SIDE).round().astype(int) for n in spectrogram.shape)
        scaled = (spectrogram[::-1][rows][:, columns] - low) / max(high - low, 1e-9)
        found.append((255 * np.clip(scaled, 0, 1)).astype(np.uint8))
    return found
