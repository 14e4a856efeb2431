"""``arazzo auth``: what a workflow's steps need to be let in, and that typing what it says is enough (H5)."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import Arazzo, Result
from tests.servers.secured import CLIENT, USER, SecuredApi

pytestmark = pytest.mark.network

SECRET = "sEcReT-that-nobody-sees"
SCHEMES: dict[str, dict[str, Any]] = {
    "key": {"type": "apiKey", "in": "header", "name": "X-Key"},
    "basic": {"type": "http", "scheme": "Basic"},
    "my token": {"type": "http", "scheme": "bearer"},
    "client": {"type": "oauth2", "flows": {"clientCredentials": {"tokenUrl": "https://a.example/t", "scopes": {}}}},
    "person": {"type": "oauth2", "flows": {"authorizationCode": {"tokenUrl": "https://a.example/t", "scopes": {}}}},
    "provider": {"type": "openIdConnect", "openIdConnectUrl": "https://a.example/.well-known/openid-configuration"},
    "certificate": {"type": "mutualTLS"},
}


def written(tmp_path: Path, *security: Any, parameters: tuple[dict[str, Any], ...] = (), **schemes: Any) -> str:
    """A document whose one step calls an operation with that ``security``."""
    api = {
        "openapi": "3.1.0",
        "info": {"title": "Secured", "version": "1"},
        "servers": [{"url": "https://api.example"}],
        "paths": {"/items": {"get": {"operationId": "read", "security": list(security), "responses": {}}}},
        "components": {"securitySchemes": schemes or SCHEMES},
    }
    step = {"stepId": "first", "operationId": "read", "parameters": list(parameters)}
    arazzo = {
        "arazzo": "1.0.1",
        "info": {"title": "Read", "version": "1"},
        "sourceDescriptions": [{"name": "api", "url": "api.json", "type": "openapi"}],
        "workflows": [{"workflowId": "read", "inputs": {"type": "object"}, "steps": [step]}],
    }
    (tmp_path / "api.json").write_text(json.dumps(api), "utf-8")
    (tmp_path / "read.json").write_text(json.dumps(arazzo), "utf-8")
    return str(tmp_path / "read.json")


def schemes_of(result: Result) -> dict[str, dict[str, Any]]:
    """The schemes of the one step, by name."""
    (step,) = json.loads(result.out)["steps"]
    return {scheme["scheme"]: scheme for alternative in step["alternatives"] for scheme in alternative}


@pytest.mark.parametrize(
    ("scheme", "options"),
    [
        ("key", ["--auth key=KEY"]),
        ("basic", ["--auth basic=USER:PASSWORD"]),
        ("my token", ["--auth 'my token=TOKEN'"]),
        ("client", ["--auth client=TOKEN", "--auth client=ID:SECRET"]),
        ("person", ["--auth person=TOKEN"]),
        ("provider", ["--auth provider=TOKEN", "--auth provider=ID:SECRET"]),
        ("certificate", ["--client-cert FILE"]),
    ],
)
def test_what_to_type_for_each_kind_of_scheme(arazzo: Arazzo, tmp_path: Path, scheme: str, options: list[str]) -> None:
    document = written(tmp_path, {scheme: []})
    missing = arazzo("auth", document, "--json")
    assert missing.status == 1
    assert schemes_of(missing)[scheme]["options"] == options
    assert schemes_of(missing)[scheme]["standing"] == "missing"
    text = arazzo("auth", document)
    assert text.status == 1
    assert all(option in text.out for option in options)


@pytest.mark.parametrize("scheme", [name for name in SCHEMES if name != "certificate"])
def test_typing_the_option_or_setting_the_variable_is_enough(
    arazzo: Arazzo, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, scheme: str
) -> None:
    document = written(tmp_path, {scheme: []})
    missing = schemes_of(arazzo("auth", document, "--json"))[scheme]
    value = f"ann:{SECRET}" if scheme == "basic" else SECRET
    given = arazzo("auth", document, "--auth", f"{scheme}={value}", "--json")
    assert (given.status, schemes_of(given)[scheme]["origin"]) == (0, "--auth")
    monkeypatch.setenv(missing["variable"], value)
    by_variable = arazzo("auth", document)
    assert by_variable.status == 0
    assert f"given by {missing['variable']}" in by_variable.out
    assert SECRET not in given.out + given.err + by_variable.out + by_variable.err


def test_a_file_and_a_certificate_are_named_as_the_origin(arazzo: Arazzo, tmp_path: Path) -> None:
    document = written(tmp_path, {"key": [], "certificate": []})
    file = tmp_path / "credentials.yaml"
    file.write_text(f"key: {SECRET}\n", "utf-8")
    file.chmod(0o600)
    result = arazzo("auth", document, "--credentials", str(file), "--client-cert", "me.pem", "--json")
    assert result.status == 0
    assert {name: scheme["origin"] for name, scheme in schemes_of(result).items()} == {
        "key": str(file),
        "certificate": "--client-cert",
    }
    assert SECRET not in result.out


def test_the_alternative_that_is_used_is_marked(arazzo: Arazzo, tmp_path: Path) -> None:
    document = written(tmp_path, {"key": [], "basic": []}, {"my token": ["read"]})
    result = arazzo("auth", document, "--auth", f"my token={SECRET}")
    assert result.status == 0
    assert "key (apiKey in header X-Key): missing and basic (http basic): missing" in result.out
    assert "or my token (http bearer, scopes read): given by --auth  (used)" in result.out


def test_what_the_step_itself_sends_is_not_asked_for(arazzo: Arazzo, tmp_path: Path) -> None:
    sent = ({"name": "x-key", "in": "header", "value": "$inputs.key"},)
    result = arazzo("auth", written(tmp_path, {"key": []}, parameters=sent))
    assert result.status == 0
    assert "the step sends it itself" in result.out


def test_a_credential_that_does_not_fit_says_why(arazzo: Arazzo, tmp_path: Path) -> None:
    result = arazzo("auth", written(tmp_path, {"basic": []}), "--auth", f"basic={SECRET}")
    assert result.status == 1
    assert "does not fit: basic takes USER:PASSWORD" in result.out
    assert SECRET not in result.out


def test_an_id_and_secret_for_a_flow_that_takes_a_person_do_not_fit(arazzo: Arazzo, tmp_path: Path) -> None:
    document = written(tmp_path, {"person": []})
    result = arazzo("auth", document, "--auth", f"person=me:{SECRET}")
    assert result.status == 1
    assert "does not fit: no token for the scheme 'person'" in result.out
    assert "--auth person=TOKEN" in result.out
    assert SECRET not in result.out
    assert arazzo("auth", document, "--auth", f"person={SECRET}").status == 0


def test_a_token_for_a_scheme_that_takes_a_certificate_does_not_fit(arazzo: Arazzo, tmp_path: Path) -> None:
    result = arazzo("auth", written(tmp_path, {"certificate": []}), "--auth", f"certificate={SECRET}")
    assert result.status == 1
    assert "given by --auth, which does not fit: certificate takes a client certificate" in result.out
    assert SECRET not in result.out + result.err


def test_scopes_that_are_no_list_are_none(arazzo: Arazzo, tmp_path: Path) -> None:
    result = arazzo("auth", written(tmp_path, {"client": 5}, {"key": "read"}), "--json")
    assert result.status == 1
    assert [scheme["scopes"] for scheme in schemes_of(result).values()] == [[], []]


def test_an_undefined_scheme_is_named_and_cannot_be_met_alone(arazzo: Arazzo, tmp_path: Path) -> None:
    result = arazzo("auth", written(tmp_path, {"nowhere": []}))
    assert result.status == 1
    assert "nowhere: its description does not define it" in result.out


@pytest.mark.parametrize("security", [(), ({},)])
def test_a_step_that_needs_nothing_has_what_it_needs(arazzo: Arazzo, tmp_path: Path, security: Any) -> None:
    result = arazzo("auth", written(tmp_path, *security))
    assert result.status == 0
    assert "every step has what it needs" in result.out


def test_what_auth_says_is_what_a_run_does(arazzo: Arazzo, tmp_path: Path) -> None:
    with SecuredApi() as api:
        flows = {"clientCredentials": {"tokenUrl": f"{api.url}/token", "scopes": {"read": ""}}}
        document = written(tmp_path, {"auth": ["read"]}, auth={"type": "oauth2", "flows": flows})
        missing = arazzo("auth", document)
        assert "--auth auth=ID:SECRET" in missing.out
        without = arazzo("run", document, "--server", api.url)
        assert without.status == 1
        typed = ("--auth", f"auth={':'.join(CLIENT)}")
        assert arazzo("auth", document, *typed).status == 0
        result = arazzo("run", document, "--server", api.url, *typed)
    assert result.status == 0, result.err


def test_all_workflows_of_a_document_are_looked_at_when_none_is_named(arazzo: Arazzo, tmp_path: Path) -> None:
    document = Path(written(tmp_path, {"key": []}))
    data = json.loads(document.read_text("utf-8"))
    data["workflows"].append(data["workflows"][0] | {"workflowId": "again"})
    document.write_text(json.dumps(data), "utf-8")
    both = json.loads(arazzo("auth", str(document), "--json").out)
    one = json.loads(arazzo("auth", str(document), "again", "--json").out)
    assert [step["workflowId"] for step in both["steps"]] == ["read", "again"]
    assert [step["workflowId"] for step in one["steps"]] == ["again"]


# Names that no description has


def test_a_misspelt_scheme_of_the_command_line_is_refused(arazzo: Arazzo, tmp_path: Path) -> None:
    document = written(tmp_path, {"basic": []})
    for verb in (["auth"], ["run"], ["run", "--dry-run"], ["record", "--case", "x", "--cassettes", str(tmp_path)]):
        result = arazzo(*verb, document, "--auth", f"basci=ann:{SECRET}")
        assert result.status == 2
        assert "has a security scheme 'basci'" in result.err
        assert "did you mean basic?" in result.err
        assert SECRET not in result.err


def test_a_file_of_many_apis_is_only_warned_of(arazzo: Arazzo, tmp_path: Path) -> None:
    with SecuredApi() as api:
        document = written(tmp_path, {"auth": []}, auth={"type": "http", "scheme": "digest"})
        file = tmp_path / "credentials.yaml"
        file.write_text(f"auth: {':'.join(USER)}\nautj: {SECRET}\n", "utf-8")
        file.chmod(0o600)
        text = Path(tmp_path / "api.json").read_text("utf-8").replace("/items", "/digest")
        (tmp_path / "api.json").write_text(text, "utf-8")
        result = arazzo("run", document, "--server", api.url, "--credentials", str(file))
    assert result.status == 0, result.err
    assert "no source of" in result.err
    assert "'autj'; did you mean auth?" in result.err
    assert SECRET not in result.err


def test_a_scheme_of_a_source_that_the_workflow_does_not_use_is_known(arazzo: Arazzo, tmp_path: Path) -> None:
    document = Path(written(tmp_path, {"key": []}))
    other = json.loads((tmp_path / "api.json").read_text("utf-8"))
    other["components"]["securitySchemes"] = {"elsewhere": {"type": "http", "scheme": "bearer"}}
    (tmp_path / "other.json").write_text(json.dumps(other), "utf-8")
    data = json.loads(document.read_text("utf-8"))
    data["sourceDescriptions"].append({"name": "other", "url": "other.json", "type": "openapi"})
    data["workflows"][0]["steps"][0]["operationId"] = "$sourceDescriptions.api.read"
    document.write_text(json.dumps(data), "utf-8")
    result = arazzo("auth", str(document), "--auth", "key=abcd", "--auth", "elsewhere=abcd")
    assert (result.status, result.err) == (0, "")
