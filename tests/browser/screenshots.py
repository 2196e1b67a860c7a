"""A picture of each state of the page: `python -m tests.browser.screenshots FOLDER [STATE…]`.

Three widths, a light and a dark scheme, text of twice the size, forced colours. Look at them. With `--examples URL`
the example pages of a running demo instead.
"""

import argparse
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from playwright.sync_api import Browser, sync_playwright

from tests.browser.site import launch
from tests.pages import STATES

WIDTHS = (320, 768, 1280)
EXAMPLES = ("form-a", "form-b-events", "form-c", "strict-csp", "two-widgets")
TWICE = "html{font-size:200%}"


@dataclass(frozen=True)
class Picture:
    """One way to look at a state."""

    state: str
    width: int
    scheme: str = "light"
    twice: bool = False
    forced: bool = False

    @property
    def name(self) -> str:
        """Its file."""
        more = [self.scheme, *(["twice"] if self.twice else []), *(["forced"] if self.forced else [])]
        return f"{self.state.replace(' ', '-')}-{self.width}-{'-'.join(more)}.png"


def pictures(states: list[str]) -> Iterator[Picture]:
    """Every picture of these states."""
    for state in states:
        for width in WIDTHS:
            yield Picture(state, width)
            yield Picture(state, width, scheme="dark")
        yield Picture(state, 320, twice=True)
        yield Picture(state, 768, forced=True)


def take(browser: Browser, picture: Picture, folder: Path, *, whole: bool = True) -> None:
    """Write one picture of the whole page, however long, or of what a window shows."""
    page = browser.new_page(
        viewport={"width": picture.width, "height": 900}, forced_colors="active" if picture.forced else "none"
    )
    page.set_content(STATES[picture.state]({"scheme": picture.scheme}).html.decode())
    if picture.twice:
        page.add_style_tag(content=TWICE)
    page.screenshot(path=folder / picture.name, full_page=whole)
    page.close()


def take_example(browser: Browser, address: str, name: str, width: int, folder: Path) -> None:
    """Write one picture of an example page, from the widget on; the window only."""
    page = browser.new_page(viewport={"width": width, "height": 900})
    page.goto(f"{address.rstrip('/')}/{name}/")
    widget = page.locator("alternance-widget").first
    widget.scroll_into_view_if_needed()
    page.frame_locator("alternance-widget iframe").first.locator("article").first.wait_for()
    # A little of the host page above, to see where it ends.
    widget.evaluate("element => scrollTo(0, element.getBoundingClientRect().top + scrollY - 150)")
    page.screenshot(path=folder / f"{name}-{width}.png")
    page.close()


def main(arguments: list[str]) -> None:
    """Write every picture that was asked for."""
    parser = argparse.ArgumentParser(prog="python -m tests.browser.screenshots", description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("states", nargs="*", metavar="STATE", help="every state unless some are named")
    parser.add_argument("--examples", metavar="URL", help="the example pages of a running demo, instead of states")
    parser.add_argument("--window", action="store_true", help="only what a window shows, not the whole page")
    told = parser.parse_args(arguments)
    unknown = set(told.states) - set(STATES)
    if unknown:
        parser.error(f"no state {', '.join(sorted(unknown))}; there are: {', '.join(STATES)}")
    told.folder.mkdir(parents=True, exist_ok=True)
    with sync_playwright() as playwright:
        browser = launch(playwright.chromium)
        if told.examples:
            for name in EXAMPLES:
                for width in WIDTHS:
                    take_example(browser, told.examples, name, width, told.folder)
        else:
            for picture in pictures(told.states or list(STATES)):
                take(browser, picture, told.folder, whole=not told.window)
        browser.close()


if __name__ == "__main__":
    main(sys.argv[1:])
