"""URIs of documents: the base that relative ones start from, and the files behind them (RFC 3986, H0)."""

from __future__ import annotations

import re
from pathlib import Path
from urllib.parse import unquote, urldefrag, urljoin, urlsplit

from arazzo_runner.documents.files import exists
from arazzo_runner.documents.object_checks import version_of
from arazzo_runner.documents.reader import Document

_SCHEME = re.compile(r"([A-Za-z][A-Za-z0-9+.\-]+):")  # two characters at least: 'C:' is a drive
_HIERARCHICAL = ("file", "http", "https")


def scheme_of(reference: str) -> str:
    """The scheme of a URI, in lower case; empty for a relative reference."""
    match = _SCHEME.match(reference)
    return match.group(1).lower() if match else ""


def resolve(base: str, reference: str) -> str:
    """The absolute URI of a reference (RFC 3986, section 5.2), without its fragment.

    A reference with another scheme than ``file`` or ``http(s)`` is given back as it is.

    Raises:
        ValueError: it is not a URI (``http://[``).
    """
    uri = urldefrag(reference).url
    match scheme_of(uri):
        case "":
            return urljoin(base, uri)
        case scheme if scheme in _HIERARCHICAL:
            parts = urlsplit(uri)
            return urljoin(f"{scheme}://{parts.netloc}", parts._replace(scheme="", netloc="").geturl())
        case _:
            return uri


def self_uri(document: Document) -> str | None:
    """The absolute URI that a document gives itself (``$self``, 1.1), its identity; None when it gives none."""
    data = document.data
    own = data.get("$self") if isinstance(data, dict) and version_of(data.get("arazzo")) >= (1, 1) else None
    try:
        return resolve(document.uri, own) if isinstance(own, str) and own else None
    except ValueError:  # no URI: the loader has reported it, and it names nothing
        return None


def base_uri(document: Document) -> str:
    """Return the base of a document's relative references: ``$self``, otherwise where it was found.

    A ``$self`` that is only a name (``urn:…``) gives no base (RFC 3986, section 5.1: the next source is used).
    """
    own = self_uri(document)
    return own if own and scheme_of(own) in _HIERARCHICAL else document.uri


def file_of(uri: str) -> Path | None:
    """The file behind a ``file:`` URI; None for any other."""
    if scheme_of(uri) != "file":
        return None
    written = urlsplit(uri).path
    decoded = Path(unquote(written))
    # A name that holds a bare '%' was never encoded.
    return Path(written) if not exists(decoded) and exists(written) else decoded


def shown(path: Path) -> str:
    """A file as a person would type it: relative to the current directory when it is below."""
    here = Path.cwd()
    return str(path.relative_to(here)) if path.is_relative_to(here) else str(path)
