"""A host page in a browser, with everything that it hears: what the tests of the loader and of the frame look at."""

import json
import time
from dataclasses import dataclass, field

from playwright.sync_api import BrowserContext, Frame, Page, Route, expect

from tests.browser.hosts import Host, Pasted, document

PATIENT_S = 30
"""A busy machine is slow, not wrong."""
TYPES = ["ready", "resize", "results", "select", "apply", "scroll", "error"]
RECORD = f"""
window.heard = [];
window.violations = [];
for (const type of {json.dumps(TYPES)}) {{
  document.addEventListener('alternance:' + type, (event) => heard.push([type, event.detail]));
}}
addEventListener('securitypolicyviolation', (event) => violations.push(event.violatedDirective));
window.loads = 0;
document.addEventListener('load', ({{ target }}) => {{ loads += target.localName === 'iframe'; }}, true);
window.listeners = 0;
const [add, remove] = [window.addEventListener, window.removeEventListener];
window.addEventListener = function (type, ...rest) {{
  listeners += type === 'message';
  add.call(this, type, ...rest);
}};
window.removeEventListener = function (type, ...rest) {{
  listeners -= type === 'message';
  remove.call(this, type, ...rest);
}};
"""
"""What the host page hears, which policies it broke, how many frames came, how many listeners for messages it has."""
REGISTRY = """
[[partner]]
id = "essai"
name = "Partenaire d'essai (fictif)"
origins = ["{origin}"]

[[partner]]
id = "double"
name = "Partenaire à deux adresses (fictif)"
origins = ["https://ailleurs.example", "{origin}"]

[[partner]]
id = "demo-lycee"
name = "Lycée imaginaire des Tilleuls (fictif)"
origins = ["{origin}"]

[[partner]]
id = "ailleurs"
name = "Partenaire d'une autre adresse (fictif)"
origins = ["https://ailleurs.example"]
"""


@dataclass
class Scene:
    """A host page in a browser."""

    host: Host
    paste: Pasted
    context: BrowserContext
    wrong: list[str] = field(default_factory=list)

    def open(self, body: str, *, path: str = "/", height: int = 900) -> Page:
        self.host.pages[path] = document(body)
        page = self.context.new_page()
        page.set_viewport_size({"width": 800, "height": height})
        page.on("pageerror", lambda error: self.wrong.append(str(error)))
        page.on("console", lambda said: self.wrong.append(said.text) if said.type == "error" else None)
        # Not `load`: a test may hold the frame back.
        page.goto(self.host.origin + path, wait_until="domcontentloaded")
        return page


def until(page: Page | Frame, true: str, arg: object = None) -> None:
    """Wait until an expression is true. Playwright's own way to wait needs `eval`, which a policy may forbid."""
    last = time.monotonic() + PATIENT_S
    while not page.evaluate(true, arg):
        assert time.monotonic() < last, f"never true: {true}"
        time.sleep(0.02)


def arrived(page: Page, held: list[Route]) -> Route:
    """Wait until a request is held back by a test; gives it."""
    last = time.monotonic() + PATIENT_S
    while not held:
        assert time.monotonic() < last, "nothing was asked for"
        page.evaluate("0")  # what the browser tells is heard while it is asked something
    return held[0]


def element(page: Page, number: int = 0):
    return page.locator("alternance-widget").nth(number)


def frame_of(page: Page, number: int = 0) -> Frame:
    found = element(page, number).locator("iframe").element_handle().content_frame()
    assert found is not None
    return found


def height_of(page: Page, number: int = 0) -> float:
    return element(page, number).locator("iframe").evaluate("frame => frame.getBoundingClientRect().height")


def heard(page: Page, kind: str) -> list[dict]:
    return [detail for name, detail in page.evaluate("heard") if name == kind]


def settled(page: Page, number: int = 0) -> float:
    """Wait until a frame is exactly as high as its list, which is said to be there; gives the height."""
    inside = element(page, number).locator("iframe").content_frame
    expect(inside.locator("article").first).to_be_visible()
    expect(inside.locator("html")).to_have_js_property("ownerDocument.readyState", "complete")
    until(page, "(count) => heard.filter(([type]) => type === 'ready').length >= count", number + 1)
    last = time.monotonic() + PATIENT_S
    while True:
        # A frame of another origin is another process: it hears of its size later than the page does.
        outside = (
            element(page, number)
            .locator("iframe")
            .evaluate("({ offsetWidth, offsetHeight: high }) => [offsetWidth, high]")
        )
        *seen, high = frame_of(page, number).evaluate(
            "[innerWidth, innerHeight, Math.ceil(document.querySelector('main').getBoundingClientRect().height)]"
        )
        if outside == seen and high == outside[1]:
            return high
        assert time.monotonic() < last, f"the frame is {outside} px, knows of {seen} px, and its list is {high} px high"
        time.sleep(0.02)


def quiet(page: Page) -> None:
    """Wait until every message that was sent has arrived: from each frame, one of ours comes after them."""
    for number, frame in enumerate(page.frames):
        page.evaluate(
            """(number) => {
              window.last = new Promise((done) => {
                addEventListener('message', ({ data }) => data === 'last' + number && done(true));
              });
            }""",
            number,
        )
        frame.evaluate("number => { parent.postMessage('last' + number, '*'); }", number)
        assert page.evaluate("last")
