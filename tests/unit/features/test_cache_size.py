"""Sizes as people write them."""

import pytest

from headstart.errors import InputError
from headstart.features.cache_size import default_max_bytes, format_size, parse_size


@pytest.mark.parametrize(
    ("text", "size_bytes"),
    [("0", 0), ("20GB", 20 * 10**9), (" 1.5 mib ", 3 * 2**19), ("7b", 7), ("2T", 2 * 10**12), (12, 12), ("3k", 3000)],
)
def test_sizes_are_read(text, size_bytes):
    assert parse_size(text) == size_bytes


@pytest.mark.parametrize("text", ["", "GB", "-1", "1e9", "20 parsecs", "1,5GB", "nan", -1])
def test_other_text_is_refused_with_an_example(text):
    with pytest.raises(InputError, match=r"max_bytes needs a number of bytes, got .*Write it like 20GB"):
        parse_size(text, who="max_bytes")


@pytest.mark.parametrize(
    ("size_bytes", "text"),
    [(0, "0 B"), (999, "999 B"), (1000, "1 KB"), (999_999, "1 MB"), (13_434_880, "13.4 MB"), (2 * 10**13, "20 TB")],
)
def test_sizes_are_written(size_bytes, text):
    assert format_size(size_bytes) == text


def test_the_environment_sets_the_cap(monkeypatch):
    monkeypatch.delenv("HEADSTART_CACHE_MAX", raising=False)
    assert default_max_bytes() == 20 * 10**9
    monkeypatch.setenv("HEADSTART_CACHE_MAX", "5 GiB")
    assert default_max_bytes() == 5 * 2**30
    monkeypatch.setenv("HEADSTART_CACHE_MAX", "lots")
    with pytest.raises(InputError, match="HEADSTART_CACHE_MAX needs"):
        default_max_bytes()
