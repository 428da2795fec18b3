import numpy as np

from headstart.report.record import Thumb
from headstart.report.tiles import MAX_TILES, gallery, truth_caption


def _thumb(name, truth="ant"):
    return Thumb(id=name, example=np.zeros((4, 4, 3), dtype=np.uint8), truth=truth, kind="image")


def test_a_name_is_shown_by_its_end_where_paths_differ():
    markup = gallery([_thumb("/a/long/way/to/the/photos/ants/0013035.jpg")], truth_caption)
    assert ">…/ants/0013035.jpg<" in markup
    assert 'title="/a/long/way/to/the/photos/ants/0013035.jpg"' in markup


def test_a_page_shows_so_many_and_escapes_all_of_them():
    markup = gallery([_thumb(f"<{number}>", truth="<b>") for number in range(MAX_TILES + 3)], truth_caption)
    assert markup.count("<figure>") == MAX_TILES
    assert "<b>" not in markup
    assert "<3>" not in markup
