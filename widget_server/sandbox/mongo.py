"""The part of MongoDB's filters and projections that the trainings catalogue lets its callers use."""

import re
from collections.abc import Callable, Mapping
from typing import Final

Document = Mapping[str, object]


def fields_of(query: object) -> set[str]:
    """The fields that a filter looks at."""
    found: set[str] = set()
    if isinstance(query, dict):
        for name, value in query.items():
            if name in ("$or", "$and", "$nor"):
                for part in value if isinstance(value, list) else []:
                    found |= fields_of(part)
            else:
                found.add(name)
    return found


def matches(document: Document, query: object) -> bool:
    """Whether a document passes a filter. An operator that is not allowed is a field that nobody has."""
    if not isinstance(query, dict):
        return False
    for name, wanted in query.items():
        if name in _LOGIC:
            parts = wanted if isinstance(wanted, list) else []
            if not _LOGIC[name]([matches(document, part) for part in parts]):
                return False
        elif not _field(document.get(name), wanted, present=name in document):
            return False
    return True


def project(document: Document, select: object, hidden: frozenset[str]) -> dict[str, object]:
    """The fields asked for (1), or all but those refused (0); without either all but the hidden ones."""
    if not isinstance(select, dict) or not select:
        return {name: value for name, value in document.items() if name not in hidden}
    kept = {name for name, value in select.items() if value}
    if kept - {"_id"}:
        if select.get("_id", 1):
            kept.add("_id")
        return {name: value for name, value in document.items() if name in kept}
    return {name: value for name, value in document.items() if name not in select and name not in hidden}


_LOGIC: Final[Mapping[str, Callable[[list[bool]], bool]]] = {
    "$or": any,
    "$and": all,
    "$nor": lambda results: not any(results),
}


def _field(value: object, wanted: object, *, present: bool) -> bool:
    if not (isinstance(wanted, dict) and any(name.startswith("$") for name in wanted)):
        return _equal(value, wanted)
    for name, operand in wanted.items():
        if name == "$exists":
            passed = present == bool(operand)
        elif name == "$not":
            passed = not _field(value, operand, present=present)
        elif name == "$regex":
            passed = _regex(value, operand, wanted.get("$options"))
        elif name == "$options":
            passed = True
        elif name in _OPERATORS:
            passed = _OPERATORS[name](value, operand)
        else:
            passed = False  # "$where" becomes "_where", a field of no document
        if not passed:
            return False
    return True


def _equal(value: object, wanted: object) -> bool:
    return value == wanted or (isinstance(value, list) and wanted in value)


def _in(value: object, wanted: object) -> bool:
    return isinstance(wanted, list) and any(_equal(value, each) for each in wanted)


def _compare(test: Callable[[int], bool]) -> Callable[[object, object], bool]:
    def compared(value: object, wanted: object) -> bool:
        for each in value if isinstance(value, list) else [value]:
            order = _order(each, wanted)
            if order is not None and test(order):
                return True
        return False

    return compared


def _order(value: object, wanted: object) -> int | None:
    """-1, 0 or 1; None for values of different types, which have no order."""
    if isinstance(value, str) and isinstance(wanted, str):
        return (value > wanted) - (value < wanted)
    if isinstance(value, int | float) and isinstance(wanted, int | float):
        return (value > wanted) - (value < wanted)
    return None


def _regex(value: object, pattern: object, options: object) -> bool:
    try:
        found = re.compile(str(pattern), re.IGNORECASE if isinstance(options, str) and "i" in options else 0)
    except re.error:
        return False
    return any(isinstance(each, str) and found.search(each) for each in (value if isinstance(value, list) else [value]))


def _element(value: object, wanted: object) -> bool:
    return isinstance(value, list) and any(
        matches(each, wanted) if isinstance(each, dict) else _field(each, wanted, present=True) for each in value
    )


_OPERATORS: Final[Mapping[str, Callable[[object, object], bool]]] = {
    "$eq": _equal,
    "$ne": lambda value, wanted: not _equal(value, wanted),
    "$in": _in,
    "$nin": lambda value, wanted: not _in(value, wanted),
    "$gt": _compare(lambda order: order > 0),
    "$gte": _compare(lambda order: order >= 0),
    "$lt": _compare(lambda order: order < 0),
    "$lte": _compare(lambda order: order <= 0),
    "$all": lambda value, wanted: isinstance(wanted, list) and all(_equal(value, each) for each in wanted),
    "$size": lambda value, wanted: isinstance(value, list) and len(value) == wanted,
    "$elemMatch": _element,
}
