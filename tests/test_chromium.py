"""The page of an explanation in a real browser: headless Chromium (Debian's package), as wide as a telephone and as a desk."""

from __future__ import annotations

import json
import shutil
import struct
import subprocess
from pathlib import Path

import pytest
import torch

import torchweights as tw

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")
needs_chromium = pytest.mark.skipif(CHROMIUM is None, reason="no chromium: apt-get install chromium")
#: asks the page what it is like, and leaves the answer in its title
PROBE = """<script>
const regions = [...document.querySelectorAll('[tabindex="0"]')];
regions.forEach(one => one.focus());
document.title = JSON.stringify({
  wider: document.documentElement.scrollWidth - document.documentElement.clientWidth,
  focused: document.activeElement === regions[regions.length - 1],
  regions: regions.length,
  pictures: [...document.images].every(one => one.complete && one.naturalWidth > 0),
  total: document.getElementById('total').textContent,
});
</script></body>"""


def page(folder: Path) -> tuple[Path, tw.Explanation]:
    generator = torch.Generator().manual_seed(1)
    y_pred, y_true = torch.randn(2, 5, 16, 16, generator=generator), torch.randint(5, (2, 16, 16), generator=generator)
    found = tw.explain(tw.SparseCategoricalCrossentropy(from_logits=True, axis=1), y_pred, y_true)
    path = folder / "page.html"
    found.to_html(path)
    return path, found


def chromium(*arguments: str) -> str:
    assert CHROMIUM is not None
    command = [
        CHROMIUM,
        "--headless",
        "--no-sandbox",
        "--disable-gpu",
        "--hide-scrollbars",
        "--disable-dev-shm-usage",
        *arguments,
    ]
    return subprocess.run(command, capture_output=True, text=True, timeout=120, check=True).stdout


@needs_chromium
@pytest.mark.parametrize("width", [500, 1200])
def test_a_browser_shows_the_page(tmp_path: Path, width: int) -> None:
    path, found = page(tmp_path)
    path.write_text(path.read_text(encoding="utf-8").replace("</body>", PROBE), encoding="utf-8")
    shown = chromium(f"--window-size={width},900", "--dump-dom", path.as_uri())
    said = json.loads(shown.split("<title>")[1].split("</title>")[0].replace("&quot;", '"'))
    assert said["total"] == f"{found.total:.6g}"
    assert said["wider"] <= 0, "the page must not scroll sideways"
    assert said["regions"] >= 3
    assert said["focused"], "what scrolls can be reached with the keyboard"
    assert said["pictures"]


@needs_chromium
def test_a_screenshot_is_not_blank(tmp_path: Path) -> None:
    path, _ = page(tmp_path)
    shot = tmp_path / "shot.png"
    chromium("--window-size=500,900", f"--screenshot={shot}", path.as_uri())
    width, height = struct.unpack(">II", shot.read_bytes()[16:24])
    assert (width, height) == (500, 900)
    assert shot.stat().st_size > 20_000
