"""Which texts call for another encoder."""

import numpy as np
import pytest

from headstart.run import languages
from headstart.types import Dataset

CHINESE = ["这家餐厅的菜非常好吃", "手机两天就坏了，很失望", "Windows 系统安装很方便"]
ENGLISH = ["a fine meal", "it broke after two days"]


@pytest.mark.parametrize(
    ("texts", "is_east_asian"),
    [
        (CHINESE, True),
        (["とても良い映画でした"], True),
        (["정말 좋아요 추천합니다"], True),
        (ENGLISH, False),
        ([], False),
    ],
)
def test_the_letters_decide(texts, is_east_asian):
    assert languages.is_east_asian(Dataset(texts, modality="text")) == is_east_asian


def test_pictures_have_no_language():
    assert not languages.is_east_asian(Dataset([np.zeros((2, 2), np.uint8)]))


def test_texts_of_mixed_rows_count():
    rows = [{"text": text, "table": {"a": 1}} for text in CHINESE] + [{"text": None, "table": {"a": 1}}]
    assert languages.is_east_asian(Dataset(rows, modality="mixed"))


def test_an_encoder_that_is_here_is_taken_and_one_that_is_not_is_named(monkeypatch):
    chinese = Dataset(CHINESE, modality="text")
    assert languages.multilingual_cards(chinese) == []
    (finding,) = languages.language_findings(chinese)
    assert f"headstart backbones pull {languages.MULTILINGUAL}" in finding.text
    monkeypatch.setattr(languages, "MULTILINGUAL", "all_minilm_l6_v2")  # stands for one that was fetched
    assert [card.name for card in languages.multilingual_cards(chinese)] == ["all_minilm_l6_v2"]
    assert languages.language_findings(chinese) == ()
    assert languages.multilingual_cards(Dataset(ENGLISH, modality="text")) == []
