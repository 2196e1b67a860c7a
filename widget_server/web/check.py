"""`/v1/check`: may this page show the widget, and if not, why, and what to do. As JSON, or as a page for people.

Everything that it tells is public: the origins of a partner are in the headers of every page that it frames.
"""

from collections.abc import Iterator
from difflib import get_close_matches
from typing import Literal

import msgspec
from starlette.requests import Request
from starlette.responses import Response

from widget_server.web.integrators import CHECK_PATH, tool_page
from widget_server.web.origins import canonical_origin
from widget_server.web.partners import PARTNER_ID, Partner, Partners
from widget_server.web.pasted import csp_lines
from widget_server.web.replies import JSON, OPEN, ErrorRow, reply
from widget_server.web.site import base_url, site_of

Verdict = Literal["allowed", "refused", "incomplete"]


class Finding(msgspec.Struct, frozen=True, kw_only=True):
    """One thing that was looked at. `remedy` says what to do about it; "" when nothing."""

    code: str
    ok: bool
    told: str
    remedy: str = ""


class Check(msgspec.Struct, frozen=True, kw_only=True):
    """The answer. `origin` is that of the page as browsers say it; `csp` what the page’s own policy has to allow."""

    partner: str | None
    origin: str | None
    verdict: Verdict
    findings: tuple[Finding, ...]
    csp: tuple[str, ...]
    notices: tuple[ErrorRow, ...]


async def check(request: Request) -> Response:
    """Look at a partner, an origin, and at whatever other parameters the page would send."""
    site = site_of(request)
    query = request.query_params
    told = query.get("partner", query.get("caller", "")).strip()
    page = query.get("origin", "").strip()
    partner = site.partners.introduce(query.multi_items()).partner
    origin = canonical_origin(page)
    findings = (*_partner(site.partners, told, partner), *_origin(page, origin, partner))
    asked = [(name, value) for name, value in query.multi_items() if name != "origin"]
    others = any(name not in ("partner", "caller") for name, _ in asked)
    problems = site.parse(asked).problems if others else ()
    complete = bool(told and page)
    verdict: Verdict = "incomplete" if not complete else "allowed" if all(row.ok for row in findings) else "refused"
    answer = Check(
        partner=partner.id if partner else None,
        origin=origin,
        verdict=verdict,
        findings=findings if (told or page) else (),
        csp=csp_lines(base_url(request)),
        notices=tuple(ErrorRow(param=row.param, value=row.value, code=row.code, hint=row.hint) for row in problems),
    )
    headers = {"Cache-Control": "no-cache", "Vary": "Accept"}
    if "text/html" in request.headers.get("accept", ""):
        title = "Vérifier une page"
        return tool_page(
            request, "check.html", title=title, path=CHECK_PATH, headers=headers, check=answer, told=told, page=page
        )
    return reply(request, msgspec.json.encode(answer), JSON, headers=OPEN | headers)


def _partner(partners: Partners, told: str, partner: Partner | None) -> Iterator[Finding]:
    if partner is not None:
        yield Finding(code="partner_known", ok=True, told=f"« {partner.id} » est enregistré : {partner.name}.")
        return
    if not told:
        remedy = 'Ajoutez partner=… à l’adresse du cadre, ou partner="…" à l’élément.'
        yield Finding(code="partner_missing", ok=False, told="Aucun partenaire n’est donné.", remedy=remedy)
        return
    near = get_close_matches(told.casefold(), list(partners.by_id), n=1)
    if near:
        remedy = f"Voulez-vous dire « {near[0]} » ?"
    elif not PARTNER_ID.fullmatch(told):
        remedy = "Un identifiant a 3 à 40 caractères : a à z, 0 à 9 et le tiret."
    else:
        remedy = "Vérifiez l’identifiant, ou demandez l’enregistrement de votre site."
    yield Finding(code="partner_unknown", ok=False, told=f"« {told[:60]} » n’est pas enregistré.", remedy=remedy)


def _origin(page: str, origin: str | None, partner: Partner | None) -> Iterator[Finding]:
    if not page:
        remedy = "Donnez l’adresse de la page qui montrera la liste."
        yield Finding(code="origin_missing", ok=False, told="Aucune page n’est donnée.", remedy=remedy)
        return
    if page == "null" or page.startswith(("file:", "data:", "about:", "blob:")):
        told = "Cette page n’a pas d’origine : elle est ouverte depuis un fichier, ou dans un cadre isolé (sandbox)."
        remedy = "Ouvrez-la par https://, ou par http://localhost pour un essai ; ajoutez allow-same-origin au cadre."
        yield Finding(code="origin_opaque", ok=False, told=told, remedy=remedy)
        return
    if origin is None:
        told, remedy = f"« {page[:80]} » n’est pas une adresse de page.", "Écrivez par exemple https://www.mon-site.fr."
        yield Finding(code="origin_malformed", ok=False, told=told, remedy=remedy)
        return
    if partner is None:
        told = f"L’origine de la page est {origin} ; sans partenaire connu, rien ne dit si elle est permise."
        yield Finding(code="origin_unchecked", ok=False, told=told, remedy="Corrigez d’abord le partenaire.")
        return
    if partner.allows(origin):
        yield Finding(code="origin_allowed", ok=True, told=f"{origin} est enregistrée pour ce partenaire.")
        return
    told = f"{origin} n’est pas enregistrée pour « {partner.id} »."
    yield Finding(code="origin_refused", ok=False, told=told, remedy=_remedy(origin, partner))


def _remedy(origin: str, partner: Partner) -> str:
    """The difference that people overlook, when it is one; else the registered origins themselves."""
    scheme, _, host = origin.partition("://")
    name, _, port = host.partition(":")
    bare = name.removeprefix("www.")
    tries = (
        (f"https://{host}", "Servez la page par https:// : http:// et https:// sont deux origines."),
        (f"{scheme}://{name}", f"Retirez le port {port}, ou faites-le enregistrer."),
        (f"{scheme}://www.{host}", "Ouvrez la page avec « www. », ou faites enregistrer l’adresse sans « www. »."),
        (f"{scheme}://{bare}", "Ouvrez la page sans « www. », ou faites enregistrer l’adresse avec « www. »."),
    )
    if any(pattern.removeprefix("https://*.") == name for pattern in partner.origins):
        return f"Le motif https://*.{name} ne couvre pas {name} lui-même : faites-le enregistrer aussi."
    for other, remedy in tries:
        if other != origin and partner.allows(other):
            return remedy
    return f"Faites enregistrer cette origine. Aujourd’hui sont enregistrées : {', '.join(partner.origins)}."
