"""The inert JSON block in the page, from which the bridge tells the host page what is shown."""

import json
from collections.abc import Mapping, Sequence

from widget_server.domain.answer import Answer
from widget_server.web.document import Shell
from widget_server.web.origins import pattern_of


def bridge_state(
    shell: Shell,
    received: Mapping[str, str],
    answer: Answer | None = None,
    codes: Sequence[Mapping[str, object]] = (),
    *,
    widened_from_km: int | None = None,
) -> str:
    """The state, ready to stand in a script element. `origin` stays out: the page is the same for every host page."""
    told: dict[str, object] = {
        "origins": pattern_of(shell.origins),
        "version": shell.version,
        "params": {name: value for name, value in received.items() if name != "origin"},
        "results": None,
        "notices": list(codes),
    }
    if answer is not None:
        told["results"] = {
            "total": answer.total,
            "counts": answer.counts,
            "page": answer.page,
            "radius_km": answer.place.radius_km if answer.place else None,
            **({} if widened_from_km is None else {"widened_from_km": widened_from_km}),
            "params": told["params"],
            "sources": [
                {"name": source.name, "status": source.status, "count": source.count, "age_s": source.age_s}
                for source in answer.sources
            ],
        }
        told["notices"] = [
            {"code": notice.code, "param": notice.param, "value": notice.value, "hint": notice.hint}
            for notice in answer.notices
        ] + list(codes)
    text = json.dumps(told, ensure_ascii=False, separators=(",", ":"))
    # Inside a script element only "<" and "&" could mean something else than JSON.
    text = text.replace("<", "\\u003c").replace("&", "\\u0026")
    return text.replace("\u2028", "\\u2028").replace("\u2029", "\\u2029")
