from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace

from arazzo_runner.documents.loader import load_description
from arazzo_runner.documents.model import ArazzoDescription
from arazzo_runner.documents.reader import read_document
from arazzo_runner.documents.similar_files import similar_files
from arazzo_runner.documents.sources import Library, SourceOptions, source_type
from arazzo_runner.documents.uris import base_uri, file_of, resolve
from arazzo_runner.errors import PlanError, Problem, UnreadableDocument
from tests.support.repository import SHARED

CORPUS = SHARED / "corpus"


def text(url: str, *, own: str = "", kind: str = "openapi") -> str:
    return (
        f"arazzo: 1.1.0\n{own}\n"
        "info: {title: Buy a pet, version: 1.0.0}\n"
        f"sourceDescriptions:\n- name: pets\n  url: '{url}'\n  type: {kind}\n"
        "workflows: [{workflowId: w, steps: [{stepId: s, operationId: o}]}]\n"
    )


def describe(url: str, uri: str = "file:///work/flows/buy.yaml", *, own: str = "") -> ArazzoDescription:
    description, _ = load_description(read_document(text(url, own=own), "buy.yaml", uri=uri))
    assert description is not None
    return description


def location(description: ArazzoDescription, **options: Any) -> str:
    return Library(options=SourceOptions(**options)).location(description, description.source_descriptions[0])


def refusal(library: Library, description: ArazzoDescription) -> Problem:
    with pytest.raises(PlanError) as caught:
        library.source(description, "pets")
    (problem,) = caught.value.problems
    return problem


class Web:
    """Pages by URL, and the URLs that were asked for."""

    def __init__(self, **pages: bytes) -> None:
        self.pages = {f"https://example.com/{name}": page for name, page in pages.items()}
        self.asked: list[str] = []

    def __call__(self, url: str) -> bytes:
        self.asked.append(url)
        if url not in self.pages:
            raise OSError("404 Not Found")
        return self.pages[url]


@pytest.mark.parametrize(
    ("uri", "own", "url", "expected"),
    [
        ("file:///u/flows/buy.yaml", "", "../specs/pets.yaml", "file:///u/specs/pets.yaml"),
        ("file:///u/flows/buy.yaml", "", "pets.yaml#/paths", "file:///u/flows/pets.yaml"),
        ("file:///u/flows/buy.yaml", "", "file:///other/pets.yaml", "file:///other/pets.yaml"),
        ("file:///u/flows/buy.yaml", "", "https://example.com/a/../b.yaml", "https://example.com/b.yaml"),
        (
            "file:///u/flows/buy.yaml",
            "$self: https://a.com/w/buy.yaml",
            "../specs/pets.yaml",
            "https://a.com/specs/pets.yaml",
        ),
        (
            "https://a.com/v2/api.yaml",
            "$self: workflows/buy.yaml",
            "../specs/pets.yaml",
            "https://a.com/v2/specs/pets.yaml",
        ),
        ("https://a.com/v2/api.yaml", "", "//b.com/pets.yaml", "https://b.com/pets.yaml"),
        ("file:///u/flows/buy.yaml", "$self: 'urn:example:buy'", "pets.yaml", "file:///u/flows/pets.yaml"),
        ("file:///u/flows/buy.yaml", "$self: 'http://['", "pets.yaml", "file:///u/flows/pets.yaml"),
    ],
)
def test_a_url_is_resolved_against_self_and_else_the_document(uri: str, own: str, url: str, expected: str) -> None:
    assert location(describe(url, uri, own=own)) == expected


def test_self_is_no_field_of_a_1_0_document() -> None:
    document = read_document("arazzo: 1.0.1\n$self: https://a.com/b", "a.yaml", uri="file:///a.yaml")

    assert base_uri(document) == "file:///a.yaml"


def test_an_override_replaces_the_url() -> None:
    description = describe("https://example.com/pets.yaml")

    assert location(description, overrides={"pets": "/data/my pets.yaml"}) == "file:///data/my%20pets.yaml"
    assert location(description, overrides={"pets": "https://b.com/p.yaml"}) == "https://b.com/p.yaml"
    assert location(description, overrides={"other": "/data/p.yaml"}) == "https://example.com/pets.yaml"


def test_a_base_dir_is_where_relative_urls_start_from() -> None:
    assert location(describe("../pets.yaml"), base_dir="/data/specs") == "file:///data/pets.yaml"
    assert location(describe("https://a.com/pets.yaml"), base_dir="/data") == "https://a.com/pets.yaml"


@pytest.mark.parametrize("name", ["pets.yaml", "my pets.yaml", "100%.yaml", "pets#1.yaml", "caf\u00e9.yaml"])
def test_a_file_is_found_again_from_its_uri(tmp_path: Path, name: str) -> None:
    (tmp_path / name).write_text("openapi: 3.1.0")

    assert Library().entry(str(tmp_path / name)).data == {"openapi": "3.1.0"}
    assert file_of((tmp_path / name).as_uri()) == tmp_path / name


@pytest.mark.parametrize("url", ["my pets.yaml", "my%20pets.yaml"])
def test_a_space_in_a_url_may_be_encoded_or_not(tmp_path: Path, url: str) -> None:
    (tmp_path / "my pets.yaml").write_text("openapi: 3.1.0")
    description = describe(url, (tmp_path / "buy.yaml").as_uri())

    assert Library().source(description, "pets").data == {"openapi": "3.1.0"}


def test_a_document_is_read_once() -> None:
    web = Web(pets=b"openapi: 3.1.0")
    library = Library(fetch=web)
    first = library.source(describe("https://example.com/pets"), "pets")
    second = library.source(describe("pets", "https://example.com/buy"), "pets")

    assert first is second
    assert web.asked == ["https://example.com/pets"]
    assert (first.path, first.uri) == ("https://example.com/pets", "https://example.com/pets")


def test_a_source_is_read_only_when_it_is_asked_for() -> None:
    web = Web()
    library = Library(fetch=web)
    library.add(describe("https://example.com/pets").document)

    assert web.asked == []


def test_a_document_that_calls_itself_by_the_url_is_the_source() -> None:
    web = Web()
    library = Library(fetch=web)
    other = read_document(text("x", own="$self: https://example.com/other"), "other.yaml", uri="file:///o/other.yaml")
    library.add(other)

    assert library.source(describe("https://example.com/other"), "pets") is other
    assert web.asked == []


def test_a_document_that_came_from_elsewhere_is_known_by_what_it_calls_itself() -> None:
    web = Web(mirror=text("x", own="$self: https://example.com/canonical").encode())
    library = Library(fetch=web)

    assert library.open("https://example.com/mirror") is library.open("https://example.com/canonical")


@pytest.mark.parametrize("url", ["file:///etc/hosts", "FILE:///etc/hosts"])
def test_a_document_from_the_network_names_no_local_files(url: str) -> None:
    problem = refusal(Library(fetch=Web()), describe(url, "https://example.com/buy"))

    assert (problem.rule, problem.hint) == (
        "source-from-afar",
        "If you trust it, say which file to use: --source pets=PATH",
    )


def test_a_document_from_the_network_cannot_call_itself_local() -> None:
    description = describe("hosts", "https://example.com/buy", own="$self: file:///etc/buy")

    assert refusal(Library(fetch=Web()), description).rule == "source-from-afar"


def test_the_user_may_give_a_document_from_the_network_a_local_file(tmp_path: Path) -> None:
    (tmp_path / "pets.yaml").write_text("openapi: 3.1.0")
    options = SourceOptions({"pets": str(tmp_path / "pets.yaml")})

    assert Library(options=options).source(describe("x", "https://example.com/buy"), "pets").data


@pytest.mark.parametrize("url", ["ftp://example.com/a.yaml", "data:text/yaml,a", "urn:example:pets"])
def test_other_schemes_are_refused(url: str) -> None:
    assert refusal(Library(fetch=Web()), describe(url)).rule == "source-scheme"


@pytest.mark.parametrize("url", ["http://[", "http://[x]/a.yaml"])
def test_what_is_no_url_is_refused(url: str) -> None:
    assert refusal(Library(fetch=Web()), describe(url)).rule == "uri-reference"


@pytest.mark.parametrize("url", ["%00", "%00/a.yaml", "."])
def test_what_no_file_can_be_is_not_there(tmp_path: Path, url: str) -> None:
    assert refusal(Library(), describe(url, (tmp_path / "a.yaml").as_uri())).rule == "document-not-found"


def test_without_fetch_nothing_comes_from_the_network() -> None:
    problem = refusal(Library(), describe("https://example.com/pets.yaml"))

    assert "https://example.com/pets.yaml: fetching from the network is turned off" in problem.message


def test_a_missing_source_is_told_with_the_url_the_place_and_the_option_that_mends_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "flows").mkdir()
    (tmp_path / "openapi" / "_original").mkdir(parents=True)
    (tmp_path / "openapi" / "_original" / "my pets.yaml").write_text("openapi: 3.1.0")
    monkeypatch.chdir(tmp_path)
    description = describe("../openapi/my%20pets.yaml", (tmp_path / "flows" / "buy.yaml").as_uri())
    problem = refusal(Library(), description)

    assert problem.rule == "document-not-found"
    assert f"there is no file at {tmp_path.as_uri()}/openapi/my%20pets.yaml" in problem.message
    assert problem.hint == "Say where it is: --source 'pets=openapi/_original/my pets.yaml'"
    assert (problem.place.path, problem.place.line, problem.place.column) == ("buy.yaml", 6, 8)


def test_a_missing_url_is_looked_for_beside_the_document(tmp_path: Path) -> None:
    (tmp_path / "pets.yaml").write_text("openapi: 3.1.0")
    description = describe("https://example.com/v1/pets.yaml?raw=true", (tmp_path / "buy.yaml").as_uri())
    problem = refusal(Library(fetch=Web()), description)

    assert "404 Not Found" in problem.message
    assert problem.hint.endswith(f"--source pets={tmp_path / 'pets.yaml'}")


def test_similar_files_come_in_the_order_of_their_likeness(tmp_path: Path) -> None:
    for name in (
        "sub/pets-api.yaml",
        "pets-api.json",
        "pets-api-v2.yaml",
        "unlike.yaml",
        "pets-api.txt",
        ".x/pets-api.yaml",
    ):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text("")
    found = similar_files(tmp_path / "pets-api.yaml", tmp_path)

    assert [str(f.relative_to(tmp_path)) for f in found] == ["sub/pets-api.yaml", "pets-api.json", "pets-api-v2.yaml"]


def test_a_missing_document_names_those_near_it(tmp_path: Path) -> None:
    (tmp_path / "deploy.arazzo.yaml").write_text("")
    with pytest.raises(UnreadableDocument) as caught:
        Library().entry(str(tmp_path / "depoly.arazzo.yaml"))

    assert caught.value.problems[0].hint == f"Did you mean {tmp_path / 'deploy.arazzo.yaml'}?"


def test_an_arazzo_document_is_not_offered_for_a_description_nor_the_other_way_round(tmp_path: Path) -> None:
    own = tmp_path / "pets-workflow.yaml"
    own.write_text(text("pets.yaml"), "utf-8")
    (tmp_path / "pets2.json").write_text('{"arazzo": "1.0.1"}', "utf-8")
    description = describe("pets.yaml", own.as_uri())
    assert refusal(Library(), description).hint == "Say where it is: --source pets=PATH"
    (tmp_path / "pets3.json").write_text('{"openapi": "3.1.0"}', "utf-8")
    assert refusal(Library(), description).hint == f"Say where it is: --source pets={tmp_path / 'pets3.json'}"
    with pytest.raises(UnreadableDocument) as caught:
        Library().entry(str(tmp_path / "pets4.json"))
    assert caught.value.problems[0].hint == f"Did you mean {tmp_path / 'pets2.json'}?"


def test_a_source_that_cannot_be_read_is_told_as_it_is() -> None:
    web = Web(pets=b"<!DOCTYPE html><html></html>")
    with pytest.raises(UnreadableDocument) as caught:
        Library(fetch=web).source(describe("https://example.com/pets"), "pets")

    assert caught.value.problems[0].rule == "html-page"


def test_a_name_that_is_no_source_is_a_key_error() -> None:
    with pytest.raises(KeyError):
        Library().source(describe("x"), "shop")


class Kept:
    def __init__(self) -> None:
        self.data: dict[str, Any] = {}

    def get(self, content_digest: str) -> Any:
        return self.data.get(content_digest)

    def put(self, content_digest: str, data: Any) -> None:
        self.data[content_digest] = data


def test_parsed_data_is_kept_by_content_and_places_still_work() -> None:
    cache = Kept()
    web = Web(a=b"a:\n  b: 1\n", b=b"a:\n  b: 1\n")
    first = Library(fetch=web, cache=cache).open("https://example.com/a")
    second = Library(fetch=web, cache=cache).open("https://example.com/b")

    assert list(cache.data) == [hashlib.sha256(b"a:\n  b: 1\n").hexdigest()]
    assert second.data is first.data
    assert (second.place("/a/b").path, second.place("/a/b").line) == ("https://example.com/b", 2)


@pytest.mark.parametrize(
    ("declared", "content", "expected"),
    [
        ("arazzo", "openapi: 3.1.0", "arazzo"),
        (None, "openapi: 3.1.0", "openapi"),
        (None, "swagger: '2.0'", "openapi"),
        (None, "arazzo: 1.0.1", "arazzo"),
        (None, "asyncapi: 3.0.0", "asyncapi"),
        (None, "[]", None),
    ],
)
def test_the_type_of_a_source_is_what_it_says_or_shows(
    declared: str | None, content: str, expected: str | None
) -> None:
    source = describe("x").source_descriptions[0]
    source = replace(source, type=declared)

    assert source_type(source, read_document(content, "x")) == expected


def test_resolving_drops_the_fragment() -> None:
    assert resolve("https://a.com/b/c", "d#e") == "https://a.com/b/d"


@pytest.mark.skipif(not CORPUS.exists(), reason=f"the corpus is not there: {CORPUS}")
def test_dead_urls_of_the_corpus_name_the_file_that_is_meant() -> None:
    looked_at = 0
    for path in sorted(CORPUS.glob("api-evangelist+h*/arazzo/*.yml")):
        library = Library()
        description, _ = load_description(library.entry(str(path)))
        assert description is not None
        for source in description.source_descriptions:
            wanted = file_of(library.location(description, source))
            assert wanted is not None
            meant = wanted.parent / "_original" / wanted.name
            if wanted.exists() or not meant.exists():
                continue
            with pytest.raises(PlanError) as caught:
                library.source(description, source.name)
            assert caught.value.problems[0].hint == f"Say where it is: --source {source.name}={meant}"
            fixed = Library(options=SourceOptions({source.name: str(meant)}))
            assert "openapi" in fixed.source(description, source.name).data
            looked_at += 1
    assert looked_at > 30
