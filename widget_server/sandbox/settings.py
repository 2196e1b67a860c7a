"""How the sandbox behaves when nothing is wrong: credentials, quotas and windows, each as the real service has it."""

from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class SandboxSettings:
    """The settings; tests make windows and quotas small.

    client_id, client_secret   the one application that the token end point knows; they protect nothing
    token_ttl_s                life of a token
    offers_rate_per_s          calls of France Travail that flow back each second, and how many may come at once
    first_positions            the last position that a page of offers may start at
    page                       offers on one page
    api_key                    the one key of API Apprentissage that works
    file_life_s                how long the address of the export file lives
    catalogue_rate_per_s       calls to the catalogue in one second
    export_per_minute, search_per_minute   quotas of API Apprentissage
    labonneboite_per_s         quota of La Bonne Boîte
    geocoding_per_s            calls to the Géoplateforme in one second
    rows_at_once               rows written in one piece of a stream
    """

    client_id: str = "PAR_demo"
    client_secret: str = "demo"  # noqa: S105 - opens nothing but this sandbox
    token_ttl_s: int = 1499
    offers_rate_per_s: float = 10.0
    offers_burst: int = 10
    first_positions: int = 3000
    page: int = 150
    api_key: str = "demo"
    file_life_s: float = 120.0
    catalogue_rate_per_s: float = 50.0
    export_per_minute: int = 2
    search_per_minute: int = 60
    labonneboite_per_s: float = 2.0
    geocoding_per_s: int = 50
    rows_at_once: int = 100
