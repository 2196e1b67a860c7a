"""The document that every page stands in: inlined style and colours, the hashes that allow them, nothing else.

Pure: data in, bytes out.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache, lru_cache
from typing import Final

from jinja2 import Environment, FunctionLoader, StrictUndefined
from markupsafe import Markup

from widget_server.domain.colour import DEFAULT_ACCENT, Palette, Scheme, make_palette
from widget_server.domain.query import BY_NAME, SearchRequest
from widget_server.web.assets import assets_folder, csp_hash
from widget_server.web.language import LANGUAGES, Language, language, typeset, typeset_markup
from widget_server.web.tiles import Tiles
from widget_server.web.visits import LIST_PATH

_FONTS: Final[Mapping[str, str]] = {
    "system": '-apple-system,BlinkMacSystemFont,"Segoe UI",Roboto,"Helvetica Neue",Arial,sans-serif',
    "serif": 'Georgia,"Times New Roman",serif',
}
CARD_PATH: Final = "/v1/widget/cards/"
HOME_PATH: Final = "/"
HOME_CARD_PATH: Final = "/fiche/"
METHOD_PATH: Final = "/methode"
ACCESSIBILITY_PATH: Final = "/accessibilite"
LOOK: Final = ("title", "heading_level", "theme", "scheme", "accent", "corner", "font", "lang", "view", "form")


@dataclass(frozen=True, kw_only=True)
class Link:
    """Somewhere to go. `new` opens a new window, and the name of the link says so."""

    label: str
    href: str
    new: bool = False


@dataclass(frozen=True, kw_only=True)
class Picture:
    """A picture of our own; its size is told, so that nothing moves when it comes."""

    href: str
    width_px: int
    height_px: int


@dataclass(frozen=True, kw_only=True)
class Shell:
    """What every page of one server and one partner has in common.

    css, bridge   sources that are inlined
    script_url    the script that improves the list; None leaves it out
    origins       the partner's origins, which the bridge may talk to
    tiles         the map that a visitor may ask for
    public_url    how browsers reach the server from anywhere, for the addresses that leave this page
    partner_name  None on the page that no partner frames: it then is a document of its own, with a first-level heading
    list_path, card_path   where the list and its cards are, since a page may stand in a frame or by itself
    logo          the partner's, from our own copy
    contact       whom a candidate may ask when nothing is found
    """

    base_url: str
    css: str
    bridge: str
    version: str
    script_url: str | None = None
    origins: tuple[str, ...] = ()
    public_url: str = ""
    tiles: Tiles | None = None
    partner_name: str | None = None
    list_path: str = LIST_PATH
    card_path: str = CARD_PATH
    logo: Picture | None = None
    contact: Link | None = None

    @property
    def alone(self) -> bool:
        """The page stands by itself, in no frame: it has an address that people share."""
        return self.list_path == HOME_PATH


@dataclass(frozen=True, kw_only=True)
class Head:
    """What search engines and people who share the address read. `canonical` None: the page is not to be indexed."""

    description: str
    canonical: str | None = None
    languages: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, kw_only=True)
class Rendered:
    """A page and the source expressions that its Content-Security-Policy needs."""

    html: bytes
    style_hashes: tuple[str, ...]
    script_hashes: tuple[str, ...]
    image_origins: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True)
class Look:
    """What the partner chose, validated: the style of custom properties, and the level of the first heading."""

    tokens: str
    heading: int
    adjusted: bool


def document(
    template: str,
    shell: Shell,
    t: Language,
    look: Look,
    state: str | None,
    *,
    head: Head | None = None,
    oembed: str | None = None,
    **context: object,
) -> Rendered:
    """Fill in a template in a language; without a state the page is inert and gets no script.

    `oembed` is the address of its oEmbed description.
    """
    html = (
        _templates(t.code)
        .get_template(template)
        .render(
            css=Markup(shell.css),  # noqa: S704 - our own, validated
            tokens=Markup(look.tokens),  # noqa: S704 - our own, validated
            bridge=Markup(shell.bridge) if state is not None else None,  # noqa: S704 - our own
            state=Markup(state) if state is not None else None,  # noqa: S704 - encoded by _state
            script_url=shell.script_url if state is not None else None,
            level=look.heading,
            head=head,
            oembed=oembed,
            logo=shell.logo,
            partner_name=shell.partner_name,
            contact=shell.contact,
            accessibility=Link(
                label=t("Accessibilité : non conforme (non auditée)"),
                href=in_language(ACCESSIBILITY_PATH, t.code),
                new=not shell.alone,
            ),
            method=Link(
                label=t("Comment cette liste est filtrée et ordonnée"),
                href=in_language(METHOD_PATH, t.code),
                new=not shell.alone,
            ),
            **context,
        )
    )
    return Rendered(
        html=html.encode(),
        style_hashes=(csp_hash(shell.css), csp_hash(look.tokens)),
        script_hashes=(csp_hash(shell.bridge),) if state is not None and shell.bridge else (),
        image_origins=(shell.tiles.origin,) if shell.tiles else (),
    )


@cache
def _templates(code: str) -> Environment:
    folder = assets_folder()[0] / "templates"

    def read(name: str) -> str:
        # Indentation is for whoever edits a template; visitors need not load it.
        return typeset_markup(re.sub(r"\n\s*", "\n", (folder / name).read_text("utf-8")))

    made = Environment(
        loader=FunctionLoader(read),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        auto_reload=False,
    )
    # What came with the data is French on every page, and says so on a page that is not.
    data = Markup("") if code == LANGUAGES[0] else Markup(' lang="fr"')
    made.globals |= {"t": language(code), "data": data}
    made.filters["typeset"] = typeset
    return made


def in_language(path: str, code: str) -> str:
    """The address of a page of ours in a language; French is what it says when nobody asks."""
    return path if code == LANGUAGES[0] else f"{path}?lang={code}"


def language_of(request: SearchRequest) -> Language:
    """The language that a request asks for."""
    return language(request.look.get("lang", LANGUAGES[0]))


def look_of(request: SearchRequest, shell: Shell) -> Look:
    """The look that a request asks for, every value validated by the parser."""
    asked = {row.name: row.default for row in BY_NAME.values() if row.name in LOOK} | request.look
    scheme, accent = asked["scheme"], asked["accent"]
    heading = int(asked["heading_level"]) if shell.partner_name else 1
    # A dark scheme always lightens an accent that was made for a white page: only worth a word on a light one.
    adjusted = scheme != "dark" and accent != DEFAULT_ACCENT and make_palette(accent, "light").adjusted
    return Look(tokens=_tokens(scheme, accent, asked["corner"], asked["font"]), heading=heading, adjusted=adjusted)


@lru_cache(maxsize=1024)
def _tokens(scheme: str, accent: str, corner: str, font: str) -> str:
    """Custom properties at :root, made of validated values only."""
    first: Scheme = "dark" if scheme == "dark" else "light"
    more = f"--corner:{int(corner)}px;--font:{_FONTS[font]}"
    tokens = f":root{{color-scheme:{first};{_colours(make_palette(accent, first))};{more}}}"
    if scheme == "auto":
        dark = _colours(make_palette(accent, "dark"))
        tokens += f"@media (prefers-color-scheme:dark){{:root{{color-scheme:dark;{dark}}}}}"
    return tokens


def _colours(palette: Palette) -> str:
    surfaces = palette.surfaces
    named = {
        "page": surfaces.page,
        "panel": surfaces.panel,
        "text": surfaces.text,
        "muted": surfaces.muted,
        "border": surfaces.border,
        "line": surfaces.line,
        "accent": palette.accent,
        "on-accent": palette.on_accent,
        "accent-text": palette.accent_text,
        "accent-edge": palette.accent_edge,
    }
    return ";".join(f"--{name}:#{value}" for name, value in named.items())


def plain_look(scheme: str = "light") -> Look:
    """The look of a page that belongs to no partner and to no search; `auto` for one that stands in no frame."""
    return Look(tokens=_tokens(scheme, DEFAULT_ACCENT, "6", "system"), heading=1, adjusted=False)
