"""A picture of each state of the page: `python -m tests.browser.screenshots FOLDER [STATE…]`.

Three widths, a light and a dark scheme, and for the list also text of twice the size and forced colours. Look at them.
"""

import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from playwright.sync_api import Browser, sync_playwright

from tests.browser.site import launch
from tests.pages import STATES

WIDTHS = (320, 768, 1280)
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


def take(browser: Browser, picture: Picture, folder: Path) -> None:
    """Write one picture of the whole page, however long."""
    page = browser.new_page(
        viewport={"width": picture.width, "height": 900}, forced_colors="active" if picture.forced else "none"
    )
    page.set_content(STATES[picture.state]({"scheme": picture.scheme}).html.decode())
    if picture.twice:
        page.add_style_tag(content=TWICE)
    page.screenshot(path=folder / picture.name, full_page=True)
    page.close()


def main(arguments: list[str]) -> None:
    """Write every picture of the named states, or of all of them."""
    folder, *states = arguments
    target = Path(folder)
    target.mkdir(parents=True, exist_ok=True)
    with sync_playwright() as playwright:
        browser = launch(playwright)
        for picture in pictures(states or list(STATES)):
            take(browser, picture, target)
        browser.close()


if __name__ == "__main__":
    main(sys.argv[1:])
