"""From an establishment to its ROME codes: what its NAF hires for, bent by what it hired for itself."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, TypeVar

import duckdb
import numpy as np

from widget_server.forecast.scorers import MIX_WIDTH, Flags, Hires, Integers, Mix, Numbers, Population, Singles, Texts

KAPPAS: Final = (1.0, 3.0, 10.0, 30.0, 100.0)
"""How many hires the mix of the NAF may weigh."""
KAPPA: Final = 10.0
"""Where no later hire tells which weight is best."""
_LEAST_SHARE: Final = 1e-4  # what nobody foresaw happens all the same; without a floor one hire would decide on kappa
_CHUNK: Final = 20_000
_Keys = TypeVar("_Keys", Texts, Integers)


@dataclass(frozen=True, kw_only=True)
class Affinity:
    """What a NAF hires for: shares of ROME codes that add up to 1.

    romes      sorted; the columns
    nafs       sorted; the rows
    share      [NAF, ROME]
    divisions  two digits, sorted, with their shares: for a NAF that the matrix does not know
    country    [ROME]: for a division that it does not know either
    """

    romes: Texts
    nafs: Texts
    share: Numbers
    divisions: Texts
    division_share: Numbers
    country: Numbers

    def of(self, nafs: Texts) -> Numbers:
        """The shares for each of some NAF codes, [len(nafs), ROME]; by division or country where it is unknown."""
        found = np.tile(self.country, (len(nafs), 1))
        divisions = nafs.astype("U2")
        for known, shares, asked in (
            (self.divisions, self.division_share, divisions),
            (self.nafs, self.share, nafs),
        ):
            if len(known):
                at, there = _places(known, asked)
                found[there] = shares[at[there]]
        return found

    def places(self, romes: Texts) -> tuple[Integers, Flags]:
        """The column of each ROME code, and whether there is one."""
        return _places(self.romes, romes)


def read_affinity(database: duckdb.DuckDBPyConnection) -> Affinity:
    """The matrix of the clean table `rome_naf`; ROME codes that only past hires name have a column of zeros."""
    columns = database.execute(
        "SELECT DISTINCT rome FROM (SELECT rome FROM rome_naf UNION ALL SELECT rome FROM hires) "
        "WHERE rome IS NOT NULL ORDER BY rome"
    ).fetchnumpy()
    romes = columns["rome"].astype(np.str_)
    rows = database.execute("SELECT naf, rome, hires FROM rome_naf ORDER BY naf, rome").fetchnumpy()
    return affinity(romes, rows["naf"].astype(np.str_), rows["rome"].astype(np.str_), rows["hires"].astype(np.float64))


def affinity(romes: Texts, naf: Texts, rome: Texts, hires: Numbers) -> Affinity:
    """The matrix of some (NAF, ROME, hires); `romes` are its columns, sorted, at least those of `rome`."""
    at, _ = _places(romes, rome)

    def shares(keys: Texts) -> tuple[Texts, Numbers]:
        names, rows = np.unique(keys, return_inverse=True)
        counts = np.zeros((len(names), len(romes)))
        np.add.at(counts, (rows, at), hires)
        return names, counts / counts.sum(axis=1, keepdims=True)

    nafs, share = shares(naf)
    divisions, division_share = shares(naf.astype("U2"))
    country = shares(np.full(len(naf), "", dtype="U1"))[1]
    return Affinity(
        romes=romes,
        nafs=nafs,
        share=share,
        divisions=divisions,
        division_share=division_share,
        country=country[0] if len(country) else np.zeros(len(romes)),
    )


def pair_p(p_any: Numbers, expected_hires: Numbers, share: Numbers) -> Numbers:
    """P(at least one hire in a ROME): `p_any * (1 - (1 - share)^(E / p_any))` with `E = max(expected_hires, p_any)`.

    An establishment that hires at all makes E / p_any hires on the mean, each of them in the ROME with its share.
    """
    with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
        hires = np.maximum(expected_hires, p_any) / p_any
        found = p_any * -np.expm1(hires * np.log1p(-np.minimum(share, 1.0)))
    p: Numbers = np.where(p_any > 0, np.where(share > 0, found, 0.0), 0.0)
    return p


def naf_mix(matrix: Affinity, population: Population) -> Mix:
    """The mix of each establishment's NAF."""
    nafs, rows = np.unique(population.naf, return_inverse=True)
    code, share = _largest(matrix.of(nafs))
    return Mix(romes=matrix.romes, code=code[rows], share=share[rows])


def own_mix(matrix: Affinity, population: Population, kappa: float) -> Mix:
    """`share(i, r) = (n(i, r) + kappa * affinity(naf, r)) / (n(i) + kappa)`: the NAF's mix bent by its own hires."""
    found = naf_mix(matrix, population)
    past = population.past
    rows, starts = np.unique(past.row, return_index=True)
    bounds = np.append(starts, len(past.row))
    for first in range(0, len(rows), _CHUNK):
        some = rows[first : first + _CHUNK]
        span = slice(bounds[first], bounds[min(first + _CHUNK, len(rows))])
        part = Hires(row=past.row[span], rome=past.rome[span], n=past.n[span])
        code, share = _largest(_shrunk(matrix, population.naf, some, part, kappa))
        found.code[some], found.share[some] = code, share
    return found


def top_shares(romes: Texts, shares: Numbers) -> Mix:
    """The mix of dense shares [N, len(romes)]; `romes` sorted."""
    code, share = _largest(shares)
    return Mix(romes=romes, code=code, share=share)


def share_of(mix: Mix, rows: Integers, romes: Texts) -> Numbers:
    """The share of a ROME at an establishment, for each of some pairs; 0 where it is not among its largest."""
    at, there = _places(mix.romes, romes)
    hit = (mix.code[rows] == at[:, None]) & there[:, None]
    found: Numbers = np.where(hit, mix.share[rows], 0.0).sum(axis=1)
    return found


def choose_kappa(matrix: Affinity, populations: Sequence[Population]) -> tuple[float, dict[str, float]]:
    """The weight with the least log-loss of the ROME of later hires, and the mean loss of each weight.

    `populations` know what came after their day. Without one later hire whose ROME is known it is KAPPA.
    """
    losses = dict.fromkeys(KAPPAS, 0.0)
    hires = 0
    for population in populations:
        future = population.future
        if future is None:
            raise ValueError(f"the population of {population.origin} does not know its future")
        hires += int(future.n.sum())
        column, there = matrix.places(future.rome)
        if not there.all():
            raise ValueError("a ROME of the future is not a column of the matrix")
        # What somebody without a past hires for tells nothing about kappa, but is a part of the loss all the same.
        nafs, naf_rows = np.unique(population.naf, return_inverse=True)
        base = matrix.of(nafs)[naf_rows[future.row], column]
        known = np.bincount(population.past.row, weights=population.past.n, minlength=len(population))[future.row]
        same = _matching(population.past, future)
        for kappa in KAPPAS:
            share = (same + kappa * base) / (known + kappa)
            losses[kappa] -= float((future.n * np.log(np.maximum(share, _LEAST_SHARE))).sum())
    if not hires:
        return KAPPA, {}
    best = min(KAPPAS, key=lambda kappa: (losses[kappa], kappa))
    return best, {f"{kappa:g}": losses[kappa] / hires for kappa in KAPPAS}


def _matching(past: Hires, future: Hires) -> Numbers:
    """For each entry of the future, how many hires the past has of the same establishment and ROME."""
    romes = np.unique(np.concatenate([past.rome, future.rome]))
    width = max(1, len(romes))
    keys = past.row * width + np.searchsorted(romes, past.rome)
    asked = future.row * width + np.searchsorted(romes, future.rome)
    order = np.argsort(keys)
    at, there = _places(keys[order], asked)
    found = np.zeros(len(asked))
    found[there] = past.n[order][at[there]]
    return found


def _shrunk(matrix: Affinity, nafs: Texts, rows: Integers, part: Hires, kappa: float) -> Numbers:
    known, back = np.unique(nafs[rows], return_inverse=True)
    counts = kappa * matrix.of(known)[back]
    column, there = matrix.places(part.rome)
    if not there.all():
        raise ValueError("a ROME of the past is not a column of the matrix")
    np.add.at(counts, (np.searchsorted(rows, part.row), column), part.n)
    found: Numbers = counts / counts.sum(axis=1, keepdims=True)
    return found


def _largest(shares: Numbers) -> tuple[np.ndarray[tuple[int, int], np.dtype[np.int16]], Singles]:
    """The places and the values of the largest shares of each row; equal ones in the order of their codes."""
    width = min(MIX_WIDTH, shares.shape[1])
    code = np.zeros((len(shares), MIX_WIDTH), dtype=np.int16)
    share = np.zeros((len(shares), MIX_WIDTH), dtype=np.float32)
    for start in range(0, len(shares), _CHUNK):
        some = shares[start : start + _CHUNK].astype(np.float32)
        order = np.argsort(-some, axis=1, kind="stable")[:, :width]
        code[start : start + _CHUNK, :width] = order
        share[start : start + _CHUNK, :width] = np.take_along_axis(some, order, axis=1)
    return code, share


def _places(known: _Keys, asked: _Keys) -> tuple[Integers, Flags]:
    if not len(known):
        return np.zeros(len(asked), dtype=np.int64), np.zeros(len(asked), dtype=np.bool_)
    at = np.minimum(np.searchsorted(known, asked), len(known) - 1)
    return at, known[at] == asked
