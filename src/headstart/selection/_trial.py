"""The child process of a search: one fine-tuning, ``python -m headstart.selection._trial FOLDER``.

A job comes as one line of JSON on standard input. Each epoch's validation loss goes to standard output as a line, and a
line comes back that says whether to go on; the last line is the outcome. When the parent is gone, so is the child.
"""

from __future__ import annotations

import base64
import json
import os
import queue
import sys
import threading
import time
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, final

import numpy as np
from numpy.typing import NDArray

from headstart.errors import HeadstartError
from headstart.selection._search_data import SearchData

if TYPE_CHECKING:
    from headstart.strategies.parameter.fine_tune import FineTune
    from headstart.training.moving._moves import Moves
    from headstart.training.state import TrainState

PARENT_GONE = 3
"""Exit status of a child whose parent is gone."""


class Pruned(Exception):
    """The parent has seen enough of this trial."""


@final
class Channel:
    """Lines to and from the parent; whatever else is printed goes to standard error."""

    def __init__(self) -> None:
        self._out = os.fdopen(os.dup(1), "w", encoding="utf-8")
        os.dup2(2, 1)
        self._lines: queue.SimpleQueue[str] = queue.SimpleQueue()
        threading.Thread(target=self._listen, daemon=True).start()

    def say(self, **message: Any) -> None:
        """Send a line."""
        self._out.write(json.dumps(message) + "\n")
        self._out.flush()

    def hear(self) -> dict[str, Any]:
        """The next line."""
        heard: dict[str, Any] = json.loads(self._lines.get())
        return heard

    def _listen(self) -> None:
        heard = b""
        while part := os.read(0, 1 << 16):  # not sys.stdin, whose lock a thread must not hold when the process ends
            *lines, heard = (heard + part).split(b"\n")
            for line in lines:
                self._lines.put(line.decode())
        os._exit(PARENT_GONE)


@final
class Watched:
    """A way to move whose losses the parent is told, and that ends where the parent says so.

    Args:
        trainable: name of the way.
        channel: to the parent.
    """

    def __init__(self, trainable: str, channel: Channel) -> None:
        self.name, self._channel = trainable, channel

    def apply(self, network: Any, blocks: Any) -> Moves:
        """The moves of the way, with one more listener."""
        from headstart.training.callback import Callback
        from headstart.training.moving.registry import MOVING

        channel = self._channel

        class Tell(Callback):
            def on_epoch_end(self, state: TrainState) -> None:
                loss = state.records[-1].valid_loss
                if loss is None or state.stopped_by:
                    return
                channel.say(share=state.step / state.n_steps, loss=loss)
                if not channel.hear()["go_on"]:
                    raise Pruned

        moves: Moves = MOVING.make(self.name).apply(network, blocks)
        return replace(moves, callbacks=(*moves.callbacks, Tell()))


def main() -> int:
    """Run the job; the exit status."""
    channel, folder = Channel(), Path(sys.argv[1])
    try:
        channel.say(**run_trial(channel.hear(), SearchData.read(folder), channel))
    except Pruned:
        channel.say(pruned=True)
    except HeadstartError as error:
        channel.say(failed=" ".join(str(error).split()))
    except Exception as error:  # the border of the process: whatever it is, the parent tells it
        channel.say(failed=f"{type(error).__name__}: {' '.join(str(error).split())}")
    return 0


def run_trial(job: dict[str, Any], data: SearchData, channel: Channel) -> dict[str, Any]:
    """Fit and judge.

    Args:
        job: ``settings`` of FineTune by name, ``factors`` of what the rule says, and ``max_seconds``.
        data: examples.
        channel: to the parent.

    Returns:
        ``settings`` with what came of the factors, ``losses`` of the validation rows packed by :func:`packed`,
        ``seconds``, ``is_cut``.
    """
    from headstart.strategies.parameter.fine_tune import FineTune

    begin = time.monotonic()
    (X, y), (X_valid, y_valid) = data.part(is_valid=False), data.part(is_valid=True)
    settings = {**job["settings"], **_around_rule(FineTune(**job["settings"]), X, job["factors"])}
    made = FineTune(**{**settings, "max_seconds": job["max_seconds"]})
    made.trainable = Watched(made.trainable, channel)
    made.fit(X, y, X_valid=X_valid, y_valid=y_valid)
    losses = row_losses(made, X_valid, y_valid)
    return {
        "settings": settings,
        "losses": packed(losses),
        "seconds": time.monotonic() - begin,
        "is_cut": made.history_ is not None and made.history_.stopped_by == "deadline",
    }


def row_losses(model: FineTune, X: list[Any], y: NDArray[Any]) -> NDArray[np.float32]:
    """(n,) negative log-likelihood of the labels, or squared error in units of the training deviation."""
    encoded = model.target_.encoded(y, len(X))
    if model.task == "regression":
        return np.asarray((model.target_.encoded(model.predict(X), len(X)) - encoded)[:, 0] ** 2, dtype=np.float32)
    proba = model.predict_proba(X)[np.arange(len(X)), encoded]
    return np.asarray(-np.log(np.maximum(proba, 1e-15)), dtype=np.float32)


def packed(losses: NDArray[np.float32]) -> str:
    """Numbers as text that a storage holds."""
    return base64.b64encode(losses.astype("<f4").tobytes()).decode()


def unpacked(text: str) -> NDArray[np.float32]:
    """Undoes :func:`packed`."""
    return np.frombuffer(base64.b64decode(text), dtype="<f4")


def _around_rule(model: FineTune, X: list[Any], factors: dict[str, float]) -> dict[str, Any]:
    """What the rule says for this backbone and these examples, times the factors."""
    if not factors:
        return {}
    from headstart.strategies.parameter._tuning_checks import width_of
    from headstart.training.rule import kind_of, plan
    from headstart.training.trunk import open_trunk

    trunk = open_trunk(model.backbone, random_state=model.random_state)
    rule = plan(
        len(X),
        kind=kind_of(trunk.module),
        dim=width_of(trunk, trunk.loader(X[:1], is_kept=False)),
        trainable=model.trainable,
        is_pretrained=trunk.card.weights != "random",
    )
    found = {name: getattr(rule, name) * factor for name, factor in factors.items()}
    return {name: max(1, round(v)) if name in ("epochs", "batch_size") else v for name, v in found.items()}


if __name__ == "__main__":
    sys.exit(main())
