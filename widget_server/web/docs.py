"""`/docs`: the documentation for integrators, in French, made from the tables that the code itself reads."""

from dataclasses import dataclass, replace
from typing import Final

from starlette.requests import Request
from starlette.responses import Response

from widget_server.domain.query import MAX_PER_KIND, MAX_ROMES, PARAMETERS, PROBLEM_CODES, REMARKS, Group, Parameter
from widget_server.web.integrators import DOCS_PATH, tool_page
from widget_server.web.openapi import STATUSES
from widget_server.web.pasted import Pasted, csp_lines
from widget_server.web.protocol import CODES, COMMANDS, EVENTS, PROTOCOL
from widget_server.web.site import base_url, site_of

_GROUPS: Final[dict[Group, str]] = {
    "job": "Le métier",
    "place": "Le lieu",
    "list": "La liste",
    "look": "La présentation",
    "host": "Le cadre, dans votre page",
}
EXAMPLE: Final = (("partner", "mon-site"), ("romes", "D1102"), ("insee", "35238"))
_TITLE: Final = "Offres et formations en alternance\u00a0: boulangerie, Rennes"


@dataclass(frozen=True, kw_only=True)
class ParameterRow:
    """One parameter in words."""

    name: str
    aliases: tuple[str, ...]
    attribute: str | None
    values: str
    choices: tuple[str, ...]
    default: str
    help: str
    example: str


async def docs(request: Request) -> Response:
    """The page."""
    site, base = site_of(request), base_url(request)
    newest = next(iter(site.assets.released), None)
    pinned = (f"{base}/embed/{newest.file}", newest.integrity) if newest else None
    pasted = Pasted(base=base, query=EXAMPLE, title=_TITLE, height_px=3400)
    return tool_page(
        request,
        "docs.html",
        title="Documentation",
        path=DOCS_PATH,
        groups=[
            (label, [parameter_row(row) for row in PARAMETERS if row.group == group and row.name != "origin"])
            for group, label in _GROUPS.items()
        ],
        pasted=pasted,
        pinned=replace(pasted, pinned=pinned).script() if pinned else None,
        csp=csp_lines(base),
        protocol=PROTOCOL,
        events=EVENTS,
        commands=COMMANDS,
        codes=[
            *((code, text, "") for code, text in CODES.items()),
            *((code, text, "remarque" if code in REMARKS else "400") for code, text in PROBLEM_CODES.items()),
        ],
        statuses=STATUSES,
        quota=site.settings.quota_per_minute,
        max_romes=MAX_ROMES,
        most=MAX_PER_KIND,
    )


def parameter_row(row: Parameter) -> ParameterRow:
    """What a person reads of a row of the table."""
    return ParameterRow(
        name=row.name,
        aliases=row.aliases,
        attribute=row.attribute,
        values=_values(row),
        choices=row.choices,
        default=row.default,
        help=row.help,
        example=row.example,
    )


def _values(row: Parameter) -> str:
    match row.type:
        case "integer":
            return f"nombre entier, de {row.minimum or 0:.0f} à {row.maximum or 0:.0f}"
        case "number":
            return f"nombre, de {row.minimum or 0:.0f} à {row.maximum or 0:.0f}"
        case "choice":
            return "un mot parmi"
        case "csv":
            return "des mots parmi, séparés par des virgules" if row.choices else "des codes séparés par des virgules"
        case "colour":
            return "6 chiffres hexadécimaux"
        case "code":
            return "un code"
        case _:
            return f"un texte de {row.max_length} caractères au plus"
