"""What each reference table in use holds, of which date, from whom."""

from widget_server.reference.tables import FOLDER, SHIPPED, Tables, Vintage, read_vintages


def vintages(tables: Tables = SHIPPED) -> list[Vintage]:
    """Every table's vintage, for `doctor` and for manifests; a refreshed table stands for the one that ships."""
    shipped = {each.name: each for each in read_vintages(FOLDER)}
    return list((shipped | {each.name: each for each in tables.refreshed}).values())
