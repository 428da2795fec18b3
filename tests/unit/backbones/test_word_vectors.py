"""Word vectors of one's own, from texts to a backbone."""

import json

import numpy as np
import pytest
from safetensors.numpy import load_file, save_file

from headstart.backbones import registry
from headstart.backbones._char_ngrams import char_ngrams
from headstart.backbones._word_tokens import word_tokens
from headstart.backbones._word_vectors.skip_gram import SkipGram
from headstart.backbones._word_vectors.train import train_word_vectors
from headstart.errors import InputError, IntegrityError
from headstart.testing.backbone_checks import checks_for

TEXTS = [
    "The playing child played with another word.",
    "A word and another word, three more.",
    "Playing and played: nothing alike!",
    "北京是首都。 我爱北京!",
    "我 去 北京",
] * 6


def trained(kind, **settings):
    return train_word_vectors(TEXTS, kind=kind, skip_gram=SkipGram(dim=12, epochs=2), **settings)


@pytest.fixture(scope="module", params=["word2vec", "fasttext"])
def made(request, tmp_path_factory):
    vectors = trained(request.param)
    return vectors, vectors.save(tmp_path_factory.mktemp("vectors") / request.param)


def test_the_backbone_keeps_the_contract(made):
    backbone = registry.open_backbone(str(made[1]))
    assert backbone.card.provider == "own_word_vectors"
    for check in checks_for(backbone):
        check(backbone)


def by_hand(vectors, word):
    if word in vectors.words:
        return vectors.vectors[vectors.words.index(word)]
    sizes = {name: vectors.settings[name] for name in ("min_n", "max_n", "n_buckets")}
    found = [
        vectors.ngrams[vectors.buckets.tolist().index(bucket)]
        for bucket in sorted(set(char_ngrams(word, **sizes)))
        if bucket in vectors.buckets.tolist()
    ]
    return np.mean(found, axis=0) if vectors.kind == "fasttext" and found else None


def test_features_are_mean_and_maximum_of_the_vectors(made):
    vectors, folder = made
    texts = ["Playing words, played!", "replaying 北京 xyzzyq", "qqqq", ""]
    found = registry.open_backbone(str(folder)).encode(texts)
    assert found.dtype == np.float32
    for row, text in zip(found, texts, strict=True):
        known = [vector for word in word_tokens(text) if (vector := by_hand(vectors, word)) is not None]
        wanted = np.r_[np.mean(known, axis=0), np.max(known, axis=0)] if known else np.zeros(24)
        np.testing.assert_allclose(row, wanted, rtol=1e-5, atol=1e-7)


def test_only_fasttext_knows_a_word_by_its_parts(made):
    vectors, folder = made
    (row,) = registry.open_backbone(str(folder)).encode(["replayer"])
    assert row.any() == (vectors.kind == "fasttext")


def test_the_same_texts_give_the_same_bytes_and_texts_stay(made, tmp_path):
    vectors, folder = made
    before = list(TEXTS)
    again = trained(vectors.kind).save(tmp_path)
    assert before == TEXTS
    for file in ("vectors.safetensors", "words.json", "config.json"):
        assert (again / file).read_bytes() == (folder / file).read_bytes()
    other = train_word_vectors(TEXTS, kind=vectors.kind, skip_gram=SkipGram(dim=12, epochs=2, random_state=1))
    assert not np.array_equal(other.vectors, vectors.vectors)


def test_words_are_counted_and_rare_ones_left_out():
    found = train_word_vectors(["b a a", "b a c"], min_count=2, skip_gram=SkipGram(dim=4))
    assert found.words == ("a", "b")
    with pytest.raises(InputError, match="occur at least 3 times, got none in 2 texts"):
        train_word_vectors(["a b", "c"], min_count=3)
    with pytest.raises(InputError, match=r"kind word2vec or fasttext, got 'glove'; min_count of at least 1"):
        train_word_vectors(["a b"], kind="glove", min_count=0)


def test_english_is_cut_as_for_glove_and_chinese_into_characters():
    from headstart.backbones.word_vectors import _TOKEN

    for text in ("Don't you; (what)? 3.5 naïve_word's", "What is the capital of France ?"):
        assert word_tokens(text) == _TOKEN.findall(text.lower())
    assert word_tokens("我爱北京abc") == ["我", "爱", "北", "京", "abc"]


def test_the_pieces_of_a_word_are_those_of_the_paper():
    from zlib import crc32

    wanted = [crc32(piece.encode()) % 10**6 for piece in ("<wh", "whe", "her", "ere", "re>")]
    assert char_ngrams("where", min_n=3, max_n=3, n_buckets=10**6) == wanted
    assert char_ngrams("京", min_n=3, max_n=6, n_buckets=10**6) == []


def test_damaged_folders_are_told(made, tmp_path):
    vectors, _ = made
    folder = vectors.save(tmp_path / "v")
    card = registry.get_card(str(folder))
    tensors = load_file(folder / "vectors.safetensors")
    tensors["words"] = tensors["words"] + 1
    save_file(tensors, folder / "vectors.safetensors")
    assert registry.get_card(str(folder)).weights_id != card.weights_id
    from headstart.backbones import own_word_vectors

    with pytest.raises(IntegrityError, match="sha256"):
        own_word_vectors.encode(card, ["a"])
    (folder / "words.json").write_text(json.dumps(["too", "few"]), encoding="utf-8")
    with pytest.raises(IntegrityError, match="whole files"):
        registry.open_backbone(str(folder)).encode(["a"])
    (folder / "words.json").unlink()
    with pytest.raises(InputError, match="words.json"):
        registry.open_backbone(str(folder))


def test_a_word_is_the_mean_of_itself_and_its_different_pieces():
    from headstart.backbones._word_vectors.train import _parts

    buckets = np.array([2, 5, 9])
    found = _parts([[5, 2, 5], [], [9]], buckets).toarray()
    wanted = np.zeros((3, 6), np.float32)
    wanted[0, [0, 3, 4]] = 1 / 3
    wanted[1, 1] = 1
    wanted[2, [2, 5]] = 1 / 2
    np.testing.assert_allclose(found, wanted)


def test_vectors_are_learnt_on_the_spot_and_saved_in_a_bundle(tmp_path):
    import headstart as hs

    rng = np.random.default_rng(0)
    warm, cold = ["sun", "beach", "heat", "palm"], ["snow", "ice", "frost", "fir"]
    texts = [" ".join(rng.choice(warm if i % 2 else cold, 5)) for i in range(120)]
    labels = ["warm" if i % 2 else "cold" for i in range(120)]
    with pytest.raises(InputError, match="learnt from examples first"):
        hs.Encoder("own_word2vec", cache=False).transform(texts)
    run = hs.fit(texts, labels, backbones=["own_fasttext"], heads=["prototypes"], out=tmp_path / "run")
    names = {row.backbone for row in run.leaderboard}
    assert "own_fasttext" in names
    encoder = hs.Encoder("own_fasttext", cache=False).fit(texts)
    rows = encoder.transform(["sun beach", "ice frost", "sunbeach"])
    assert rows.any(axis=1).all()  # FastText knows the pieces of an unknown word
    from headstart.backbones.own_word_vectors import from_files

    files = encoder.learnt_.provider.saved_files(encoder.learnt_.card)
    again = from_files(files)
    assert again.card == encoder.learnt_.card
    np.testing.assert_array_equal(again.encode(["sun beach", "ice frost", "sunbeach"]), rows)
