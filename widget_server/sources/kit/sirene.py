"""The numbers of SIRENE: what makes one valid."""

import re
from typing import Final

_SIRET: Final = re.compile(r"[0-9]{14}")
_SIREN: Final = re.compile(r"[0-9]{9}")
_LA_POSTE: Final = "356000000"


def is_siret(told: str) -> bool:
    """Fourteen digits whose Luhn sum holds; the establishments of La Poste follow a rule of their own."""
    if not _SIRET.fullmatch(told) or not int(told):
        return False
    if told.startswith(_LA_POSTE) and sum(map(int, told)) % 5 == 0:
        return True
    return _luhn(told)


def is_siren(told: str) -> bool:
    """Nine digits whose Luhn sum holds."""
    return _SIREN.fullmatch(told) is not None and int(told) > 0 and _luhn(told)


def mistyped(told: str) -> bool:
    """Whether a number of a company has a check digit that does not fit."""
    number = told.replace(" ", "")
    return not (is_siret(number) or is_siren(number))


def _luhn(told: str) -> bool:
    doubled = [sum(divmod(2 * int(digit), 10)) for digit in told[-2::-2]]
    return (sum(doubled) + sum(map(int, told[-1::-2]))) % 10 == 0
