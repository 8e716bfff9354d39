"""The built pages in _build/html: read as files, then opened in a browser.

`make site` builds them. The browser is the Chromium of this machine: without one these tests are
skipped, except in CI, where they fail.
"""

import os
import re
import shutil
import threading
from pathlib import Path
from urllib.parse import unquote, urlsplit

import pytest
from bs4 import BeautifulSoup

ROOT = Path(__file__).resolve().parents[2]
SITE = ROOT / "_build" / "html"
SCREENSHOTS = ROOT / "_build" / "screenshots"

pytestmark = pytest.mark.site

DESKTOP = {"width": 1280, "height": 900}
PHONE = {"width": 390, "height": 844}


@pytest.fixture(scope="module")
def pages() -> dict[Path, BeautifulSoup]:
    if not (SITE / "index.html").exists():
        pytest.fail("the site is not built: run `make site`")
    return {
        path: BeautifulSoup(path.read_text("utf-8"), "html.parser")
        for path in sorted(SITE.rglob("*.html"))
        if "_static" not in path.parts
    }


@pytest.fixture(scope="module")
def chapters(book) -> tuple[str, ...]:
    return book.load(ROOT / "book.toml").chapters


def is_foreign(address: str) -> bool:
    return bool(urlsplit(address.strip()).netloc)


# --- The pages as files ---------------------------------------------------------------------


def test_every_chapter_has_its_page(pages, chapters):
    names = {path.stem for path in pages}
    assert names >= {"index", "models", "claims", "glossary", "teaching", *chapters}


def test_no_page_loads_anything_from_another_host(pages):
    loading = {"src", "srcset", "data", "poster"}
    found = []
    for path, page in pages.items():
        for tag in page.find_all(True):
            addresses = [tag[name] for name in loading & tag.attrs.keys() if name in tag.attrs]
            if tag.name == "link" and "canonical" not in tag.get("rel", []):
                addresses.append(tag.get("href", ""))
            addresses += css_addresses(tag.get("style", ""))
            if tag.name == "style":
                addresses += css_addresses(tag.string or "")
            found += [(path.name, tag.name, one) for one in addresses if is_foreign(one)]
    assert found == []


def test_no_stylesheet_loads_anything_from_another_host(pages):
    found = [
        (path.name, address)
        for path in SITE.rglob("*.css")
        for address in css_addresses(path.read_text("utf-8"))
        if is_foreign(address)
    ]
    assert found == []


def css_addresses(css: str) -> list[str]:
    """What a stylesheet loads: url(...) and @import, outside comments."""
    css = re.sub(r"/\*.*?\*/", "", css, flags=re.DOTALL)
    quoted = re.findall(r"""(?:url\(|@import)\s*["']([^"']+)["']""", css)
    return quoted + re.findall(r"""url\(\s*([^"')\s]+)\s*\)""", css)


def test_every_internal_link_and_anchor_leads_somewhere(pages):
    anchors = {
        path: {tag["id"] for tag in page.find_all(id=True)} | {"", "top"}
        for path, page in pages.items()
    }
    broken = []
    for path, page in pages.items():
        for tag in page.find_all("a", href=True):
            link = urlsplit(tag["href"])
            if link.scheme or link.netloc:
                continue
            target = (path.parent / unquote(link.path)).resolve() if link.path else path
            anchor = unquote(link.fragment)
            if not target.exists() or (target in anchors and anchor not in anchors[target]):
                broken.append((path.name, tag["href"]))
    assert broken == []


def test_every_image_has_alt_text(pages):
    missing = [
        (path.name, image.get("src", "")[:80])
        for path, page in pages.items()
        for image in page.select("article img")
        if not image.get("alt", "").strip() or image["alt"] == image.get("src")
    ]
    assert missing == []


def test_alt_text_of_a_figure_is_more_than_its_repr(pages):
    """Without alt text in a cell's metadata a reader hears nothing, or `<Figure size ...>`."""
    lazy = [
        (path.name, image["alt"])
        for path, page in pages.items()
        for image in page.select("article img[alt]")
        if re.match(r"<|\.?/?_images/|[0-9a-f]{32}", image["alt"])
    ]
    assert lazy == []


# --- The pages in a browser -----------------------------------------------------------------


@pytest.fixture(scope="module")
def address(pages, serve) -> str:
    """The site on a local port, served as `make book` serves it."""
    with serve.open_server(SITE, 0) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}/"
        server.shutdown()


@pytest.fixture(scope="module")
def browser():
    names = ("chromium", "chromium-browser", "google-chrome")
    executable = next((found for name in names if (found := shutil.which(name))), None)
    if executable is None:
        message = f"no Chromium on this machine (looked for {', '.join(names)})"
        if os.environ.get("CI"):
            pytest.fail(message)
        pytest.skip(message)
    from playwright.sync_api import sync_playwright

    quiet = ("background-networking", "component-update", "sync")
    arguments = ["--no-sandbox", "--no-first-run", *(f"--disable-{name}" for name in quiet)]
    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=executable, args=arguments)
        yield chromium
        chromium.close()


@pytest.fixture
def visit(browser, address):
    """Open a page; when the test ends, whatever went wrong on the way fails it."""
    contexts, problems = [], []

    def visit(name: str, viewport=DESKTOP, scheme="light"):
        context = browser.new_context(viewport=viewport, color_scheme=scheme)
        contexts.append(context)
        tab = context.new_page()

        def note_request(request):
            if not request.url.startswith((address, "data:", "blob:")):
                problems.append(f"{name}: asks another host: {request.url}")

        def note_console(message):
            if message.type == "error":
                problems.append(f"{name}: console: {message.text}")

        def note_response(response):
            if response.status >= 400:
                problems.append(f"{name}: {response.status} for {response.url}")

        tab.on("request", note_request)
        tab.on("console", note_console)
        tab.on("response", note_response)
        tab.on("pageerror", lambda error: problems.append(f"{name}: {error}"))
        tab.on("requestfailed", lambda one: problems.append(f"{name}: failed: {one.url}"))
        tab.goto(f"{address}{name}.html", wait_until="networkidle")
        return tab

    yield visit
    for context in contexts:
        context.close()
    assert problems == []


def names_of(pages) -> list[str]:
    return [path.relative_to(SITE).with_suffix("").as_posix() for path in pages]


@pytest.mark.browser
def test_every_page_opens_without_errors_and_with_its_maths_and_widgets(pages, visit):
    for name, page in zip(names_of(pages), pages.values(), strict=True):
        tab = visit(name)
        if page.select("article .math"):
            tab.wait_for_selector("article .math mjx-container")
            formulas = tab.locator("article .math").count()
            assert tab.locator("article .math:has(mjx-container)").count() == formulas, name
            assert tab.locator("article [data-mml-node=merror]").count() == 0, name
        views = page.select('script[type="application/vnd.jupyter.widget-view+json"]')
        if views:
            tab.wait_for_selector("article .jupyter-widgets", state="attached")
            assert tab.locator("article .widget-subarea").count() >= len(views), name


@pytest.mark.browser
def test_a_slider_turns_the_page_without_a_kernel(visit):
    """By keyboard too: the arrow keys move it, and another frame is shown."""
    tab = visit("05_vqvae")
    widget = tab.locator("article .widget-subarea").first
    handle = widget.locator(".noUi-handle").first
    handle.wait_for()
    picture = "img => img.src"
    before = widget.locator("img:visible").first.evaluate(picture)
    handle.focus()
    tab.keyboard.press("ArrowRight")
    tab.wait_for_timeout(300)
    shown = widget.locator("img:visible")
    assert shown.count() == 1
    assert "of all tokens" in shown.first.get_attribute("alt")
    assert shown.first.evaluate(picture) != before


@pytest.mark.browser
def test_a_quiz_answers_from_the_keyboard(chapters, visit):
    """Enter opens an option; of one question's options one is open at a time."""
    for name in chapters:
        options = visit(name).locator("article .quiz details")
        assert options.count() >= 15, name
        for i in (0, 1):
            options.nth(i).locator("summary").press("Enter")
            assert options.nth(i).locator("p").is_visible(), name
        assert not options.nth(0).locator("p").is_visible(), name


@pytest.mark.browser
def test_a_claim_leads_to_its_answer(visit):
    tab = visit("claims")
    tab.locator("article table a").first.click()
    tab.wait_for_load_state()
    box = tab.locator(tab.evaluate("location.hash"))
    assert "claim" in box.get_attribute("class").split()
    assert box.locator(".admonition-title").inner_text().startswith("B1 ·")


@pytest.mark.browser
def test_the_plane_of_codes_moves_by_keyboard_button_and_mouse(visit):
    tab = visit("02_concepts")
    plane = tab.locator("article .vq-voronoi")
    readout = plane.locator("[role=status]")

    def error():
        return float(re.search(r"error ([\d.]+)\.$", readout.inner_text())[1])

    start, code = error(), plane.locator(".vq-code").nth(2)
    printed = tab.locator("article .output").filter(has_text="from the bad start:").first
    assert f"{start:.4f}" in printed.inner_text()  # what Python says of the same start
    place = code.get_attribute("aria-label")
    assert re.match(r"code 3 at −?\d\.\d\d, −?\d\.\d\d$", place)
    code.focus()
    tab.keyboard.press("ArrowRight")
    assert code.get_attribute("aria-label") != place
    assert error() != start
    plane.get_by_role("button", name="Reset").click()
    assert (code.get_attribute("aria-label"), error()) == (place, start)
    points = plane.locator(".vq-point")
    assert plane.locator(".vq-point[tabindex='0']").count() == 1  # one stop for the Tab key
    points.first.focus()
    tab.keyboard.press("PageDown")
    there = points.nth(1).get_attribute("aria-label")
    assert re.match(r"point 2 at −?\d\.\d\d, −?\d\.\d\d, of code \d$", there)
    tab.keyboard.press("ArrowUp")
    assert points.nth(1).get_attribute("aria-label") != there
    assert error() != start
    plane.get_by_role("button", name="Reset").click()
    plane.get_by_role("button", name="Move the codes once").click()
    assert error() < start
    assert readout.inner_text().startswith("Codes moved 1 time.")
    plane.get_by_role("button", name="Run to the end").click()
    tab.wait_for_timeout(3000)
    stuck = error()
    box = code.locator("text").bounding_box()  # drag it over to the lonely clumps on the right
    frame = plane.locator("svg").bounding_box()
    tab.mouse.move(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
    tab.mouse.down()
    tab.mouse.move(frame["x"] + 0.8 * frame["width"], frame["y"] + 0.2 * frame["height"], steps=5)
    tab.mouse.up()
    assert error() < stuck
    plane.get_by_role("button", name="Run to the end").click()
    tab.wait_for_timeout(3000)
    assert error() < stuck / 2


@pytest.mark.browser
def test_no_page_is_wider_than_a_phone(pages, visit):
    wide = {}
    for name in names_of(pages):
        tab = visit(name, PHONE)
        tab.evaluate("document.querySelectorAll('details').forEach(one => one.open = true)")
        width = tab.evaluate("document.documentElement.scrollWidth")
        if width > PHONE["width"]:
            wide[name] = width
    assert wide == {}


@pytest.mark.browser
def test_dark_mode_switches(visit):
    background = "getComputedStyle(document.body).backgroundColor"
    tab = visit("index")
    light = tab.evaluate(background)
    tab.locator("button.theme-switch-button:visible").first.click()
    tab.locator("button.theme-change-button[data-mode=dark]:visible").first.click()
    assert tab.evaluate(background) != light
    assert visit("index", scheme="dark").evaluate(background) != light


CONTRASTS = """() => {
  const numbers = (color) => (color.match(/[\\d.]+/g) || []).map(Number);
  const light = (color) => {
    const [r, g, b] = numbers(color).slice(0, 3).map((v) => v / 255)
      .map((v) => (v <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4));
    return 0.2126 * r + 0.7152 * g + 0.0722 * b;
  };
  const ground = (node) => {
    for (let at = node; at; at = at.parentElement) {
      const color = getComputedStyle(at).backgroundColor;
      const alpha = numbers(color)[3];
      if (alpha === undefined || alpha > 0.9) return color;
    }
    return "rgb(255, 255, 255)";
  };
  const written = (node) =>
    [...node.childNodes].some((c) => c.nodeType === 3 && c.textContent.trim());
  return [...document.querySelectorAll("div.cell_output .text_html *")]
    .filter((node) => node.checkVisibility() && written(node))
    .map((node) => {
      const [a, b] = [light(getComputedStyle(node).color), light(ground(node))];
      const ratio = (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05);
      return [node.textContent.trim().slice(0, 30), ratio];
    });
}"""


@pytest.mark.browser
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_what_cells_show_as_html_can_be_read(chapters, visit, scheme):
    """Text stands out from its ground as WCAG 2 asks, 4.5 to 1."""
    faint = {}
    for name in chapters:
        found = visit(name, scheme=scheme).evaluate(CONTRASTS)
        assert found, name  # the quiz at least
        if weak := [one for one in found if one[1] < 4.5]:
            faint[name] = weak[:3]
    assert faint == {}


@pytest.mark.browser
def test_search_finds_a_term(visit):
    tab = visit("search")
    tab.goto(f"{tab.url}?q=quantiser")
    tab.wait_for_selector("#search-results .search li a")
    tab.wait_for_load_state("networkidle")  # each result fetches its page, for the summary
    tab.locator("#search-results .search li a").first.click()
    tab.wait_for_selector("article h1")
    assert "quantis" in tab.locator("article").inner_text().lower()


@pytest.mark.browser
def test_folded_solutions_open(chapters, visit):
    for name in chapters:
        tab = visit(name)
        for i in range(tab.locator("article details").count()):
            folded = tab.locator("article details").nth(i)
            if folded.get_attribute("open") is not None:
                continue  # an animation, which one may close
            body = folded.locator(":scope > :not(summary)").first
            assert not body.is_visible(), name
            folded.locator("summary").first.click()
            assert body.is_visible(), name
            assert len(folded.locator("summary").first.inner_text().strip()) > 3, name


@pytest.mark.browser
@pytest.mark.parametrize("size", ["desktop", "phone"])
def test_screenshots(chapters, visit, size):
    """Four pages as a reader sees them, in _build/screenshots, to be looked at."""
    SCREENSHOTS.mkdir(parents=True, exist_ok=True)
    for name in ("index", "claims", chapters[0], chapters[-1]):
        tab = visit(name, DESKTOP if size == "desktop" else PHONE)
        file = SCREENSHOTS / f"{name}-{size}.png"
        tab.screenshot(path=file, full_page=True)
        assert file.stat().st_size > 10_000
