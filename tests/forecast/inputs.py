"""A small, valid folder of input files, and what a test changes in it."""

import csv
import gzip
import io

from widget_server.forecast.ingest import Reference

REFERENCE = Reference(
    communes={"35238": (48.1118, -1.6819), "75056": (48.8566, 2.3522), "97411": (-20.8789, 55.4481)},
    romes={"D1102": "D1102", "D1103": "D1102", "F1703": "F1703", "M1805": "M1805"},
    departements=["35", "75", "06", "2A", "974"],
)
REQUEST = 'day = 2026-07-01\nlag_months = 0\nestablishments_as_of = 2026-07-01\nsource = "test"\n'


def siret(number):
    """A SIRET with a right check digit; the last digit is not doubled, so it is the one that mends the sum."""
    body = f"{number:013d}"
    total = sum(sum(divmod(int(digit) * (2 if place % 2 == 0 else 1), 10)) for place, digit in enumerate(body))
    return body + str(-total % 10)


def establishment(number, **changes):
    """A row of the SIRENE stock, with its own column names."""
    return {
        "siret": siret(number),
        "statutDiffusionEtablissement": "O",
        "dateCreationEtablissement": "2012-03-05",
        "trancheEffectifsEtablissement": "11",
        "anneeEffectifsEtablissement": "2024",
        "etablissementSiege": "true",
        "numeroVoieEtablissement": "3",
        "typeVoieEtablissement": "RUE",
        "libelleVoieEtablissement": "DES ESSAIS",
        "codePostalEtablissement": "35000",
        "libelleCommuneEtablissement": "RENNES",
        "codeCommuneEtablissement": "35238",
        "coordonneeLambertAbscisseEtablissement": "351800.5",
        "coordonneeLambertOrdonneeEtablissement": "6789900.2",
        "dateDebut": "2012-03-05",
        "etatAdministratifEtablissement": "A",
        "enseigne1Etablissement": f"ESSAI {number}",
        "denominationUsuelleEtablissement": "",
        "activitePrincipaleEtablissement": "10.71C",
        "nomenclatureActivitePrincipaleEtablissement": "NAFRev2",
        "caractereEmployeurEtablissement": "O",
    } | changes


def hire(number, month="2025-09", rome="D1102", n=1, **changes):
    return {"siret": siret(number), "month": month, "rome": rome, "n": str(n)} | changes


def need(fap="S0Z20", departement="35", basin="3501", met="100", xmet="40", smet="10", annee="2025"):
    """A row of the tension survey, with its own column names."""
    year = annee[2:4]
    return {
        "annee": annee, "Code métier BMO": fap, "Nom métier BMO": "Boulangers", "Famille_met": "S",
        "Lbl_fam_met": "Autres", "REG": "53", "NOM_REG": "Bretagne", "Dept": departement, "NomDept": "Essai",
        f"BE{year}": basin, f"NOMBE{year}": "BASSIN", "met": met, "xmet": xmet, "smet": smet,
    }  # fmt: skip


def mix(rome="D1102", naf="1071C", hires="10"):
    return {"rome": rome, "naf": naf, "hires": hires}


def text_of(rows, delimiter=";"):
    stream = io.StringIO()
    writer = csv.DictWriter(stream, list(rows[0]), delimiter=delimiter)
    writer.writeheader()
    writer.writerows(rows)
    return stream.getvalue()


def write(path, rows, delimiter=";"):
    body = text_of(rows, delimiter).encode()
    path.write_bytes(gzip.compress(body) if path.suffix == ".gz" else body)


def folder(path, *, establishments=None, hires=None, request=REQUEST, **tables):
    """The smallest complete folder; tables by name, as rows. A name with `__` has a part: `hires__2024`."""
    path.mkdir(parents=True, exist_ok=True)
    (path / "inputs.toml").write_text(request)
    given = {
        "establishments": establishments or [establishment(number) for number in range(1, 6)],
        "hires": hires or [hire(number) for number in range(1, 4)],
        "rome_naf": [mix()],
    } | tables
    for name, rows in given.items():
        if rows:
            write(path / f"{name.replace('__', '-')}.csv", rows)
    return path
