"""Texts that the embedded encoder cannot read, and the one that can."""

from __future__ import annotations

import re
from typing import Any

from headstart.backbones.registry import get_card, is_ready
from headstart.data.finding import Finding
from headstart.data.text_file import text_of
from headstart.errors import HeadstartError
from headstart.types import BackboneCard, Dataset

MULTILINGUAL = "hf/sentence-transformers/paraphrase-multilingual-MiniLM-L12-v2"
"""Reads some fifty languages, Chinese, Japanese and Korean among them; Apache-2.0."""

_EAST_ASIAN = re.compile(r"[\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af]")
_SAMPLE_ROWS = 200
_MOSTLY = 0.3


def multilingual_cards(dataset: Dataset) -> list[BackboneCard]:
    """The multilingual encoder where texts are Chinese, Japanese or Korean and it is on this machine; else nothing."""
    if not is_east_asian(dataset):
        return []
    try:
        card = get_card(MULTILINGUAL)
    except HeadstartError:  # It was never fetched.
        return []
    return [card] if is_ready(card) else []


def language_findings(dataset: Dataset) -> tuple[Finding, ...]:
    """What to do about texts that the embedded encoder cannot read."""
    if not is_east_asian(dataset) or multilingual_cards(dataset):
        return ()
    text = (
        "These texts are Chinese, Japanese or Korean, which the embedded encoder does not know. With a network, run "
        f"'headstart backbones pull {MULTILINGUAL}' once; it is then taken by itself."
    )
    return (Finding("language", "warning", text),)


def is_east_asian(dataset: Dataset) -> bool:
    """True where most of the letters of the first texts are Chinese, Japanese or Korean."""
    found = "".join(_texts(dataset))
    return bool(found) and len(_EAST_ASIAN.findall(found)) > _MOSTLY * len(found)


def _texts(dataset: Dataset) -> list[str]:
    if dataset.modality not in ("text", "mixed"):
        return []
    examples: list[Any] = [example for example in dataset.inputs[:_SAMPLE_ROWS]]
    if dataset.modality == "mixed":
        examples = [example["text"] for example in examples if example.get("text") is not None]
    return [text_of(example)[:1000] for example in examples]
