"""Write what partners' tools take from the parameter table: `python -m embed.parameters`.

The attributes that the loader observes, the TypeScript types, and the table of the partner guide. A test fails when one
of them is not what the table says.
"""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from widget_server.domain.query import PARAMETERS, PROBLEM_CODES, Parameter

FOLDER: Final = Path(__file__).parent
_ORIGIN: Final = "Generated from the parameter table (widget_server/domain/query.py): do not edit by hand."
_TABLE: Final = re.compile(r"(<!-- parameters -->\n).*?(<!-- /parameters -->)", re.DOTALL)


def written() -> dict[Path, str]:
    """Every generated file with the text that it must have."""
    guide = FOLDER / "README.md"
    return {
        FOLDER / "src" / "attributes.js": attributes(),
        FOLDER / "parameters.d.ts": types(),
        guide: _TABLE.sub(lambda found: f"{found[1]}\n{table()}\n{found[2]}", guide.read_text("utf-8")),
    }


def attributes() -> str:
    """The attributes that change the search or the look. Sorted, and one text to split: both are smaller to send."""
    names = sorted(row.attribute for row in PARAMETERS if row.attribute and row.group != "host")
    return f"// {_ORIGIN}\nexport const ATTRIBUTES = '{' '.join(names)}'.split(' ');\n"


def types() -> str:
    """The query parameters and the codes of what can be wrong with them."""
    rows = [row for row in PARAMETERS if row.group != "host" and row.name != "origin"]
    lines = [
        f"// {_ORIGIN}",
        "/** Query parameters as the page receives them: every value is text. */",
        "export interface AlternanceParams {",
        *(line for row in rows for line in (f"  /** {row.help} */", f"  {row.name}?: string;")),
        "}",
        "",
        "/** Attributes of the element; each may also be written with `data-` before it, which wins. */",
        "export interface AlternanceAttributes {",
        *(
            line
            for row in PARAMETERS
            if row.attribute
            for line in (f"  /** {row.help} */", f"  '{row.attribute}'?: string | number;")
        ),
        "}",
        "",
        "/** What can be wrong with a parameter. */",
        "export type ParameterProblem =",
        *(line for code, text in PROBLEM_CODES.items() for line in (f"  /** {text} */", f"  | '{code}'")),
    ]
    return "\n".join(lines) + ";\n"


def table() -> str:
    """The table of the guide, in Markdown."""
    head = ["| Attribut | Paramètre d’adresse | Valeurs | Par défaut | Rôle |", "|---|---|---|---|---|"]
    return "\n".join([*head, *(_row(row) for row in PARAMETERS if row.name != "origin")])


def _row(row: Parameter) -> str:
    names = ", ".join(f"`{name}`" for name in (row.name, *row.aliases)) if row.group != "host" else "–"
    attribute = f"`{row.attribute}`" if row.attribute else "–"
    default = f"`{row.default}`" if row.default else "–"
    return f"| {attribute} | {names} | {', '.join(_values(row))} | {default} | {row.help} |"


def _values(row: Parameter) -> Iterator[str]:
    if row.choices:
        yield from (f"`{choice}`" for choice in row.choices)
    elif row.minimum is not None and row.maximum is not None:
        yield f"{row.minimum:g} à {row.maximum:g}"
    else:
        yield f"par exemple `{row.example}`"


def main() -> None:
    """Write every file that differs."""
    for path, text in written().items():
        if not path.is_file() or path.read_text("utf-8") != text:
            path.write_text(text, "utf-8")


if __name__ == "__main__":
    main()
