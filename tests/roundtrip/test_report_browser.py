"""The report in a real browser: nothing sticks out at any width, light and dark are both readable, no script runs."""

import json
import os
import re
import shutil
import subprocess
from html import unescape

import numpy as np
import pytest

from headstart.report.page import page_markup
from headstart.report.record import (
    AuditFinding,
    ClassRow,
    CostRow,
    Curve,
    DomainRow,
    FeatureMap,
    Histogram,
    LeaderboardRow,
    MetricRow,
    Reliability,
    ReportRecord,
    Thumb,
)
from headstart.types import Guess, Score

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
WIDTHS = (1280, 800, 390, 320)
LONG = "a_file_name_without_any_place_to_break_" * 4 + ".png"

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(CHROMIUM is None, reason="needs chromium to look at the page"),
]

# Runs in a copy of the page whose policy was taken out; the page itself allows no script.
PROBE = """<script>
addEventListener("load", () => {
  const channels = text => {
    const found = /^rgba?\\(([\\d.]+), ([\\d.]+), ([\\d.]+)(?:, ([\\d.]+))?\\)$/.exec(text);
    return found && found.slice(1).map(part => part === undefined ? 1 : Number(part));
  };
  const light = ([r, g, b]) => {
    const [x, y, z] = [r, g, b].map(v => v / 255).map(v => v <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4);
    return 0.2126 * x + 0.7152 * y + 0.0722 * z;
  };
  const ground = node => {
    for (let at = node; at; at = at.parentElement) {
      const colour = channels(getComputedStyle(at).backgroundColor);
      if (colour && colour[3] === 1) return colour;
    }
    return [255, 255, 255, 1];
  };
  const faint = [];
  for (const node of document.querySelectorAll("body *:not(svg):not(svg *)")) {
    const words = [...node.childNodes].filter(child => child.nodeType === 3 && child.data.trim());
    if (!words.length || !node.checkVisibility()) continue;
    const ink = channels(getComputedStyle(node).color);
    if (!ink) continue;
    const [a, b] = [light(ink), light(ground(node))].sort((p, q) => q - p);
    const contrast = (a + 0.05) / (b + 0.05);
    if (contrast < 4.5) faint.push(`${node.tagName}.${node.className} ${contrast.toFixed(2)} ${words[0].data}`);
  }
  const root = document.documentElement;
  const sticking = [...document.querySelectorAll("body *")]
    .filter(node => !node.closest(".scroll, pre, .skip") && node.getBoundingClientRect().right > root.clientWidth + 1)
    .map(node => `${node.tagName}.${node.getAttribute("class")}`);
  parent.postMessage({
    width: innerWidth, inner: root.clientWidth, scroll: Math.max(root.scrollWidth, document.body.scrollWidth),
    ground: light(ground(document.body)), faint: faint.slice(0, 5), sticking: sticking.slice(0, 5),
    sections: document.querySelectorAll("main > section").length,
    pictures: [...document.images].filter(image => image.naturalWidth > 0).length,
  }, "*");
});
</script>"""

WRAPPER = """<!DOCTYPE html><html><head><title>waiting</title></head><body><script>
const seen = [];
addEventListener("message", event => { seen.push(event.data); document.title = JSON.stringify(seen); });
</script>%s</body></html>"""


def score(value):
    return Score(value, value - 0.04, value + 0.03, "honest: test part, read once")


def build_record(k):
    rng = np.random.default_rng(k)
    names = tuple(f"class {i} with a name" for i in range(k - 1)) + (LONG,)
    centres, sizes = np.linspace(0.05, 0.95, 10), np.array([20, 100, 1000])
    picture = rng.integers(0, 255, (90, 140, 3), dtype=np.uint8)
    thumbs = tuple(Thumb(picture, name, names[0], names[-1], 0.9) for name in ("a.png", LONG))
    kinds = ("transfer", "untransferred", "baseline")
    return ReportRecord(
        title=LONG,
        created="2025-03-14T09:26:53+00:00",
        version="0.1.0",
        verdict_sentence=f"Transfer helped on {LONG}.",
        verdict_kind=("helped", "tie", "hurt")[k % 3],
        metric="Macro-F1",
        score=score(0.85),
        facts=(("Photographs", "2,624"), ("Folder", LONG)),
        leaderboard=tuple(
            LeaderboardRow(
                f"{kind} {LONG}",
                kind,
                LONG,
                "logistic",
                score(0.8),
                score(0.79),
                3600.0 * i,
                "given",
                kind == "transfer",
            )
            for i, kind in enumerate(kinds)
        ),
        classes=names,
        confusion=rng.integers(0, 99, (k, k)),
        per_class=tuple(ClassRow(name, 0.5, 0.5, 0.5, 9, (0.4, 0.6)) for name in names),
        reliability=tuple(
            Reliability(name, centres, centres, centres, rng.integers(0, 9, 10), 0.1) for name in ("before", "after")
        ),
        curves=tuple(
            Curve(kind, sizes, at := np.array([0.4, 0.6, 0.8]) - i / 10, at - 0.1, at + 0.1, i == 0)
            for i, kind in enumerate(("with", "without"))
        ),
        labels_saved="100 labels saved.",
        feature_map=FeatureMap(
            rng.normal(size=(200, 2)),
            np.arange(200) % k,
            np.arange(200) % 9 == 0,
            np.array(["a", LONG])[np.arange(200) % 2],
        ),
        errors=thumbs,
        suspicious=thumbs,
        outliers=thumbs,
        findings=tuple(AuditFinding(level, LONG, 9, (LONG,)) for level in ("error", "warning", "note")),
        guesses=(Guess("Label", LONG, LONG, LONG),),
        class_counts={"train": rng.integers(0, 900, k), "test": rng.integers(0, 90, k)},
        sizes=Histogram("short side, pixels", np.arange(9) * 1000, np.arange(8)),
        domains=(DomainRow("a", 9, score(0.5)), DomainRow(LONG, 9, score(0.6))),
        cost=(CostRow("Encode", 3.0, 0.3, LONG), CostRow(LONG, 7.0, 0.7)),
        settings={"data": LONG, "folds": 5},
        command=f"headstart fit {LONG} --out {LONG}",
        metrics=(MetricRow("Accuracy", score(0.9), LONG), MetricRow(LONG, Score(0.9, 0.8, 1, "oracle: threshold"))),
        notes=(LONG,),
    )


def dumped_title(page, profile, *flags):
    command = [CHROMIUM, "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run"]
    command += ["--disable-background-networking", "--disable-component-update", "--disable-sync"]
    command += [f"--user-data-dir={profile}", "--window-size=1400,900", "--virtual-time-budget=4000", *flags]
    ran = subprocess.run(
        [*command, "--dump-dom", page.as_uri()],
        capture_output=True,
        text=True,
        timeout=120,
        check=True,
        env={**os.environ, "HOME": str(profile)},
    )
    return unescape(re.search(r"<title>(.*?)</title>", ran.stdout, re.DOTALL).group(1))


def probed(markup):
    without_policy = re.sub(r'<meta http-equiv="Content-Security-Policy"[^>]*>', "", markup)
    assert without_policy != markup
    return without_policy.replace("</body>", PROBE + "</body>")


@pytest.mark.parametrize("scheme", ["dark", "light"])
@pytest.mark.parametrize("k", [2, 12, 40])
def test_page_fits_every_width_and_is_readable(k, scheme, tmp_path):
    (tmp_path / "page.html").write_text(probed(page_markup(build_record(k))), encoding="utf-8")
    frames = "".join(
        f'<iframe src="page.html" width="{width}" height="900" style="border:0"></iframe>' for width in WIDTHS
    )
    wrapper = tmp_path / "wrapper.html"
    wrapper.write_text(WRAPPER % frames, encoding="utf-8")
    flag = f"--blink-settings=preferredColorScheme={0 if scheme == 'dark' else 1}"
    seen = {one["width"]: one for one in json.loads(dumped_title(wrapper, tmp_path / "profile", flag))}
    assert sorted(seen) == sorted(WIDTHS)
    for width, one in seen.items():
        assert one["scroll"] <= one["inner"], (width, one)
        assert one["sticking"] == []
        assert one["faint"] == []
        assert one["sections"] == 15
        assert one["pictures"] == 6
        assert (one["ground"] < 0.1) == (scheme == "dark")


def test_the_page_as_written_runs_no_script(tmp_path):
    markup = page_markup(build_record(2))
    page = tmp_path / "page.html"
    page.write_text(markup.replace("</body>", '<script>document.title = "ran"</script></body>'), encoding="utf-8")
    assert dumped_title(page, tmp_path / "profile").endswith("headstart report")
