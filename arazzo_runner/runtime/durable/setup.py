"""Setups of runs: all that a later process needs to plan a run again, except its secrets.

A secret that the user can give again is not in it; where it came from is, so that it can be taken from there again.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from msgspec import Struct, ValidationError, convert, field
from msgspec.structs import asdict, replace

from arazzo_runner.documents.reader import absolute_uri
from arazzo_runner.documents.sources import SourceOptions
from arazzo_runner.engine.plan import Level, RunOptions
from arazzo_runner.errors import InvalidState, UsageError
from arazzo_runner.openapi.auth.credentials import Credentials
from arazzo_runner.runtime.http.options import TransportOptions
from arazzo_runner.runtime.serialization import plain, revived
from arazzo_runner.secrecy import without_credentials

FORMAT = "arazzo-setup/1"


class Origin(Struct, frozen=True):
    """The origin of a secret.

    Attributes:
        said: for a person: ``the file token.txt``, ``ARAZZO_INPUT_hfToken``, ``the command line``.
        word: of the command line, which gives it again (``hfToken=@/home/ann/token.txt``); empty for none.
        line: of the file of a batch that ``word`` then names; 0 for any other origin.
    """

    said: str
    word: str = ""
    line: int = 0


class RunSetup(Struct, frozen=True):
    """The setup of a run.

    Attributes:
        number: drawn for the run, for its placeholders.
        document: as the user named it.
        entry: URI of the document.
        workflow_id: of the workflow that was asked for.
        sources: what the user said about sources, places absolute.
        options: how it behaves; without credentials.
        inputs: those that are not asked for again.
        asked: the inputs that are asked for again, by name, and where each came from.
        credentials: where credentials came from, by ``--auth SCHEME``, variable or file.
        check: the level of ``--check``.
        transport: how requests are sent; its paths absolute.
        branch_of, branch_at: the run whose answers it has kept, and the number of the attempt that it was first to make
            itself; empty and 0 for a run of its own.
        carried: ``client`` or ``app`` when one of the process that started it carries its requests; empty for none.
    """

    number: str
    document: str
    entry: str
    workflow_id: str
    sources: SourceOptions = field(default_factory=SourceOptions)
    options: RunOptions = field(default_factory=RunOptions)
    inputs: Mapping[str, Any] = field(default_factory=dict)
    asked: Mapping[str, Origin] = field(default_factory=dict)
    credentials: Mapping[str, Origin] = field(default_factory=dict)
    check: Level = "off"
    transport: TransportOptions = field(default_factory=TransportOptions)
    carried: str = ""
    branch_of: str = ""
    branch_at: int = 0

    def to_json(self) -> str:
        """The setup as JSON text, no credential in it."""
        options = replace(self.options, credentials=Credentials(certificate=self.options.credentials.certificate))
        data = asdict(replace(self, options=options)) | {"sources": asdict(self.sources)}
        data |= {name: {key: asdict(o) for key, o in data[name].items()} for name in ("asked", "credentials")}
        return json.dumps({"format": FORMAT, "setup": plain(data)})

    @classmethod
    def from_json(cls, text: str) -> RunSetup:
        """The setup that ``to_json`` wrote.

        Raises:
            InvalidState: the text is not one of those.
        """
        try:
            kept = json.loads(text)
            if kept["format"] != FORMAT:
                raise InvalidState(f"not a run's setup of this version (expected {FORMAT})")
            return convert(revived(kept["setup"]), cls)
        except (ValueError, KeyError, TypeError, ValidationError) as error:
            raise InvalidState(f"not a run's setup: {error}") from None


def absolute_sources(options: SourceOptions) -> SourceOptions:
    """Return what the user says about sources, valid in every directory."""
    overrides = {name: absolute_uri(place) for name, place in options.overrides.items()}
    base = None if options.base_dir is None else str(Path(options.base_dir).absolute())
    return SourceOptions(overrides, base)


def absolute_transport(options: TransportOptions) -> TransportOptions:
    """Return the options of a transport, valid in every directory."""
    bundle = options.ca_bundle and str(Path(options.ca_bundle).absolute())
    certificate = None
    if options.client_cert is not None:
        paths = options.client_cert.split(":", 1)
        certificate = ":".join(str(Path(path).absolute()) for path in paths if path)
    return replace(options, ca_bundle=bundle, client_cert=certificate)


def refuse_credentials(options: RunOptions, transport: TransportOptions, documents: Iterable[str]) -> None:
    """Refuse credentials in URLs that are stored: they could neither be stored nor be asked for again.

    Args:
        documents: the URIs that the documents were read from.

    Raises:
        UsageError: with what to type instead.
    """
    server = "give it as a credential: --auth SCHEME=user:password"
    document = "save the document to a file, and name that; for a source: --source NAME=PATH"
    kept = [("its --server", url, server) for url in options.servers.urls.values()]
    kept += [("its --proxy", transport.proxy or "", "put it in the environment instead: HTTPS_PROXY=…")]
    kept += [("where its documents came from", uri, document) for uri in documents]
    for _source, name, _value in options.headers:
        if options.secret_names.has(name):
            hint = "give it as a credential: --auth SCHEME=…"
            raise UsageError(f"a durable run keeps its --header, and {name} holds a secret", hint=hint)
    for what, url, hint in kept:
        if without_credentials(url) != url:
            raise UsageError(f"a durable run keeps {what}, and {url} holds a password or token", hint=hint)
