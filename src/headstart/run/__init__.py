"""``hs.fit``: the route from top to bottom, readable as a story; and the folder a run lives in."""
