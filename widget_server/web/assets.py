"""The built files that browsers receive, read once at start: templates stay with page.py."""

import base64
import hashlib
from pathlib import Path
from typing import Final

import msgspec

_TYPES: Final = {".js": "text/javascript; charset=utf-8", ".css": "text/css; charset=utf-8"}


class Asset(msgspec.Struct, frozen=True, kw_only=True):
    """One file with its precompressed form, its type and the hash that names it in a Content-Security-Policy."""

    name: str
    body: bytes
    brotli: bytes | None
    media_type: str

    @property
    def text(self) -> str:
        """The file as text, to be inlined."""
        return self.body.decode()

    @property
    def csp_hash(self) -> str:
        """'sha256-…' of the exact bytes."""
        return csp_hash(self.text)


class Released(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A loader that was released: it is served for ever, byte for byte, since partners' pages name its hash.

    file        "<version>/embed.<hash>.js"
    integrity   "sha384-…", as the attribute of a script element
    date        ISO 8601 day
    """

    version: str
    file: str
    integrity: str
    protocol: str
    date: str


class Assets(msgspec.Struct, frozen=True, kw_only=True):
    """Everything built: the loader that partners paste, the bridge and style that the page inlines, its scripts.

    released   every released loader with its file, newest first
    """

    loader: Asset
    bridge: Asset
    style: Asset
    script: Asset
    files: dict[str, Asset]
    released: dict[Released, Asset] = msgspec.field(default_factory=dict)

    def built(self, name: str, suffix: str) -> Asset:
        """A file that has the hash of its contents in its name. `KeyError` when there is none."""
        for found, asset in self.files.items():
            if found.startswith(f"{name}.") and found.endswith(suffix) and found != f"{name}{suffix}":
                return asset
        raise KeyError(f"{name}.<hash>{suffix}")


def csp_hash(text: str) -> str:
    """The source expression that allows exactly this inline text."""
    return "'sha256-" + base64.b64encode(hashlib.sha256(text.encode()).digest()).decode() + "'"


def assets_folder() -> tuple[Path, Path]:
    """(widget_assets, embed): beside the package in a checkout, inside it in a wheel."""
    inside = Path(__file__).parent / "assets_shipped"
    if inside.is_dir():
        return inside / "widget_assets", inside / "embed"
    root = Path(__file__).parents[2]
    return root / "widget_assets", root / "embed"


def read_assets() -> Assets:
    """Read the built files. `FileNotFoundError` names what is missing: `make assets` builds them."""
    widget, embed = assets_folder()
    files = {path.name: _read(path) for path in sorted((widget / "dist").iterdir()) if path.suffix in _TYPES}
    script = next(asset for name, asset in files.items() if name.startswith("list.") and name.endswith(".js"))
    released = msgspec.json.decode((embed / "releases" / "manifest.json").read_bytes(), type=list[Released])
    return Assets(
        loader=_read(embed / "dist" / "v1.js"),
        bridge=files["bridge.js"],
        style=files["neutral.css"],
        script=script,
        files=files,
        released={row: _read(embed / "releases" / row.file) for row in released},
    )


def fingerprint(assets: Assets) -> str:
    """Names what pages are made of: two builds with one fingerprint make the same pages."""
    digest = hashlib.blake2b(digest_size=12)
    # Of the others a page holds only the name, which changes with what they hold.
    for asset in (assets.style, assets.bridge, assets.script):
        digest.update(asset.name.encode() + asset.body)
    digest.update(" ".join(sorted(assets.files)).encode())
    folder = assets_folder()[0]
    for path in sorted([*(folder / "templates").glob("*.html"), *(folder / "locale").rglob("*.mo")]):
        digest.update(path.read_bytes())
    return digest.hexdigest()


def _read(path: Path) -> Asset:
    packed = path.with_name(path.name + ".br")
    return Asset(
        name=path.name,
        body=path.read_bytes(),
        brotli=packed.read_bytes() if packed.is_file() else None,
        media_type=_TYPES[path.suffix],
    )
