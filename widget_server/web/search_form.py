"""The filters of a list as a plain GET form: what can be chosen, what is fixed, and what is said about a typed text."""

from dataclasses import dataclass, field
from typing import Final

from widget_server.domain.answer import Answer
from widget_server.domain.cards import CONTRACTS, LEVELS
from widget_server.domain.query import RADIUS_CHOICES_KM, Area, SearchRequest
from widget_server.web import wording
from widget_server.web.document import Link
from widget_server.web.language import Language
from widget_server.web.links import Urls
from widget_server.web.typed import JOB_FIELD, PLACE_FIELD, Choice, Typed

_TEXT_IN_SENTENCES: Final = 60


@dataclass(frozen=True, kw_only=True)
class Option:
    """One choice of a field."""

    value: str
    label: str
    on: bool
    count: str | None = None


@dataclass(frozen=True, kw_only=True)
class TextField:
    """A job or place field, and what is said about the text in it."""

    name: str
    label: str
    value: str
    suggest: str
    hint: str | None = None
    wrong: bool = False
    others: tuple[Link, ...] = ()


@dataclass(frozen=True, kw_only=True)
class Form:
    """The filters, as a plain GET form. None or empty: that field is not shown."""

    action: str
    hidden: tuple[tuple[str, str], ...]
    fields: tuple[TextField, ...]
    radius: tuple[Option, ...] = ()
    kinds: tuple[Option, ...] = ()
    level: tuple[Option, ...] = ()
    contract: tuple[Option, ...] = ()
    fixed: tuple[str, ...] = ()
    open: bool = False

    @property
    def editable(self) -> bool:
        """Something is left to choose; a partner may have locked everything."""
        return bool(self.fields or self.radius or self.kinds or self.level or self.contract)


@dataclass(frozen=True, kw_only=True)
class _Asked:
    """A job or a place as the form shows it: its name, what was typed, and the codes behind it."""

    missing: bool
    shown: str
    typed: Typed | None
    given: list[tuple[str, str]]


def search_form(
    t: Language, request: SearchRequest, answer: Answer, urls: Urls, *, job: Typed | None, place: Typed | None
) -> Form | None:
    """The whole form, or only the fields that are missing when the partner wants none. `job`, `place`: typed texts."""
    full = request.look.get("form", "full") == "full"
    texts = {
        "romes": _Asked(
            missing=not request.romes,
            shown=wording.jobs(t, answer.occupations),
            typed=job,
            given=[("romes", ",".join(request.romes))] if request.romes else [],
        ),
        "place": _Asked(
            missing=request.place is None,
            shown=answer.place.label if answer.place else "",
            typed=place,
            given=[(key, str(value)) for key, value in request.place.given] if request.place else [],
        ),
    }
    if not full and not any(asked.missing for asked in texts.values()):
        return None
    hidden = [*urls.look]
    fields: list[TextField] = []
    fixed: list[str] = []
    for name, asked in texts.items():
        hidden += asked.given
        if asked.missing or (full and name not in request.lock):
            fields.append(_job_field(t, asked, urls) if name == "romes" else _place_field(t, asked, urls))
        elif full:
            fixed.append(
                t("Métier : {name}", name=asked.shown) if name == "romes" else t("Lieu : {name}", name=asked.shown)
            )
    chosen = [
        ("radius", _radius(t, request), [str(request.radius_km)], t("Rayon : {km} km", km=request.radius_km)),
        (
            "kinds",
            _kinds(t, request, answer),
            list(request.kinds),
            wording.upper(wording.listed(t, [t(wording.kind_words(kind).many) for kind in request.kinds])),
        ),
        ("level", _levels(t, request), [str(request.level or "")], wording.level_name(t, request.level)),
        ("contract", _contracts(t, request), [request.contract or ""], _contract_name(t, request.contract)),
    ]
    shown: dict[str, tuple[Option, ...]] = {}
    # While the job or the place is missing there is nothing to filter, and the question must not be out of sight.
    known = not any(asked.missing for asked in texts.values())
    for name, options, values, text in chosen:
        if full and known and options and name not in request.lock:
            shown[name] = options
            continue
        hidden += [(name, value) for value in [",".join(values)] if value and value != request.terms.default(name)]
        if full and options and name in request.lock:
            fixed.append(text)
    if request.limit != int(request.terms.default("limit")):
        hidden.append(("limit", str(request.limit)))
    return Form(
        action=urls.list_path,
        hidden=tuple(hidden),
        # What is missing comes first.
        fields=tuple(sorted(fields, key=lambda item: bool(item.value))),
        radius=shown.get("radius", ()),
        kinds=shown.get("kinds", ()),
        level=shown.get("level", ()),
        contract=shown.get("contract", ()),
        fixed=tuple(fixed),
        open=any(asked.missing or asked.typed is not None for asked in texts.values()),
    )


def _job_field(t: Language, asked: _Asked, urls: Urls) -> TextField:
    text = asked.typed.text[:_TEXT_IN_SENTENCES] if asked.typed else ""
    nothing = t("Aucun métier ne correspond à « {text} ». Essayez un mot plus courant.", text=text)
    example = t("Par exemple : boulanger, mécanique, développeur web")
    return _field(t, asked, urls, JOB_FIELD, t("Métier"), "jobs", nothing, example)


def _place_field(t: Language, asked: _Asked, urls: Urls) -> TextField:
    text = asked.typed.text[:_TEXT_IN_SENTENCES] if asked.typed else ""
    nothing = t("Aucun lieu ne correspond à « {text} ». Essayez une ville ou un code postal.", text=text)
    example = t("Par exemple : Rennes, 35000, Ille-et-Vilaine")
    return _field(t, asked, urls, PLACE_FIELD, t("Lieu"), "places", nothing, example)


def _field(
    t: Language,
    asked: _Asked,
    urls: Urls,
    name: str,
    label: str,
    suggest: str,
    nothing: str,
    example: str,
) -> TextField:
    value = asked.shown or (asked.typed.text if asked.typed else "")
    said = _understood(t, asked.typed, urls, nothing)
    # A field that is filled in and understood needs no line under it.
    hint = said.error or said.help or (None if value else example)
    return TextField(
        name=name,
        label=label,
        value=value,
        suggest=suggest,
        hint=hint,
        wrong=said.error is not None,
        others=said.others,
    )


@dataclass(frozen=True, kw_only=True)
class _Understood:
    """What is said under a field about the text that was in it."""

    help: str | None = None
    error: str | None = None
    others: tuple[Link, ...] = field(default=())


def _understood(t: Language, typed: Typed | None, urls: Urls, nothing: str) -> _Understood:
    if typed is None:
        return _Understood()
    if typed.taken is None:
        return _Understood(error=nothing)
    if typed.exact or not typed.others:
        return _Understood()
    said = t("« {text} » peut aussi vouloir dire :", text=typed.text[:_TEXT_IN_SENTENCES])
    return _Understood(help=said, others=tuple(_link(choice, urls) for choice in typed.others))


def _link(choice: Choice, urls: Urls) -> Link:
    return Link(label=choice.label, href=urls.choice(choice))


def _radius(t: Language, request: SearchRequest) -> tuple[Option, ...]:
    if isinstance(request.place, Area):
        return ()
    choices = sorted({*RADIUS_CHOICES_KM, request.radius_km})
    return tuple(
        Option(
            value=str(km),
            label=t("{km} km", km=km) if km else t("Cette commune seulement"),
            on=km == request.radius_km,
        )
        for km in choices
    )


def _kinds(t: Language, request: SearchRequest, answer: Answer) -> tuple[Option, ...]:
    known = bool(request.romes) and request.place is not None
    options = []
    for kind in request.terms.kinds:
        on = kind in request.kinds
        count = t.number(answer.counts[kind]) if known and on and kind in answer.counts else None
        options.append(Option(value=kind, label=wording.upper(t(wording.kind_words(kind).many)), on=on, count=count))
    return tuple(options)


def _levels(t: Language, request: SearchRequest) -> tuple[Option, ...]:
    every = Option(value="", label=wording.level_name(t, None), on=request.level is None)
    return (
        every,
        *(Option(value=str(n), label=wording.level_name(t, n), on=request.level == n) for n in LEVELS),
    )


def _contracts(t: Language, request: SearchRequest) -> tuple[Option, ...]:
    return tuple(
        Option(value=name or "", label=_contract_name(t, name), on=request.contract == name)
        for name in (None, *CONTRACTS)
    )


def _contract_name(t: Language, name: str | None) -> str:
    return t(wording.CONTRACT_CHOICES[name]) if name else t("Tous les contrats")
