"""The description of the Inference Endpoints API: valid, complete, and the seed's schema but for listed differences."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any, NamedTuple

import jsonschema_rs
import pytest
import yaml
from openapi_spec_validator import OpenAPIV31SpecValidator

from tests.support.repository import ROOT

SEED_SCHEMA = ROOT.parent / "shared" / "seed" / "inference-endpoint.schema.json"


class Difference(NamedTuple):
    """A place where the `Endpoint` component is not what the seed's schema says, what it is instead, and why."""

    pointer: str
    change: str
    reason: str


COMPUTE, MODEL, STATUS = (
    "/properties/compute/properties",
    "/properties/model/properties",
    "/properties/status/properties",
)
IMAGE = f"{MODEL}/image"
CUSTOM = f"{IMAGE}/properties/custom"
TASKS = ["text-generation", "text-classification", "feature-extraction", "text-to-image", "custom"]

CLIENT_SENDS = "the huggingface_hub client sends it, so answers show it"
RECORDED = "in the answers that huggingface_hub's own tests hold"

DIFFERENCES = (
    Difference("/$schema", "removed", "OpenAPI 3.1's own dialect is 2020-12 already"),
    Difference("/$id", "removed", "an $id would give the component's references another base"),
    Difference("/required", "added 'healthRoute'", "the client reads it from every answer"),
    Difference("/required", "added 'status'", "the client reads it from every answer"),
    Difference("/properties/accountId/type", "added 'null'", f"null {RECORDED}"),
    Difference("/properties/type/enum", "added 'authenticated'", "the present name of `protected` in the client"),
    Difference("/properties/type/default", "'protected' is 'authenticated'", "`protected` is no longer accepted"),
    Difference("/properties/healthRoute", "added", "the client reads it from every answer"),
    Difference("/properties/route", "added", CLIENT_SENDS),
    Difference("/properties/cacheHttpResponses", "added", CLIENT_SENDS),
    Difference("/properties/tags", "added", CLIENT_SENDS),
    Difference(f"{COMPUTE}/accelerator/enum", "added 'neuron'", "the client documents it (AWS Inferentia)"),
    Difference(f"{COMPUTE}/scaling/properties/measure", "added", CLIENT_SENDS),
    Difference(f"{COMPUTE}/scaling/properties/scaleToZeroTimeout/type", "added 'null'", "the client sends null: never"),
    Difference(
        f"{COMPUTE}/scaling/properties/scaleToZeroTimeout/default",
        "15 is None",
        "the client documents no scaling to zero as the default",
    ),
    Difference("/properties/model/required", "added 'revision'", "the client reads it from every answer"),
    Difference("/properties/model/required", "added 'framework'", "the client reads it from every answer"),
    Difference("/properties/model/required", "added 'image'", "the client says that an endpoint always has one"),
    Difference(f"{MODEL}/revision/type", "added 'null'", "the client sends null when none is chosen"),
    Difference(f"{MODEL}/task/enum", "removed", "the client takes any task, and the service documents more than these"),
    Difference(f"{MODEL}/task/examples", f"added {TASKS!r}", "some of what the removed list held"),
    Difference(f"{MODEL}/framework/enum", "added 'llamacpp'", "clients deploy GGUF models with it"),
    Difference(f"{MODEL}/command", "added", CLIENT_SENDS),
    Difference(f"{MODEL}/args", "added", CLIENT_SENDS),
    Difference(f"{MODEL}/env", "added", CLIENT_SENDS),
    Difference(f"{IMAGE}/minProperties", "added 1", "the client documents a union keyed by its variant"),
    Difference(f"{IMAGE}/maxProperties", "added 1", "the client documents a union keyed by its variant"),
    Difference(f"{IMAGE}/additionalProperties", "added", "variants are named by engine, and more are added"),
    Difference(f"{CUSTOM}/required", "added ['url']", "the client documents `url` as required by the service"),
    Difference(f"{CUSTOM}/properties/url/format", "removed", "an image's name (`ghcr.io/x/y:1`) is not a URI"),
    Difference(f"{CUSTOM}/properties/health_route", "removed", "the client spells it `healthRoute`"),
    Difference(f"{CUSTOM}/properties/healthRoute", "added", "the client spells it so"),
    Difference(f"{CUSTOM}/properties/credentials", "added", CLIENT_SENDS),
    Difference(
        "/properties/status/required",
        "added ['state', 'createdAt', 'updatedAt']",
        "the client reads these three from every answer",
    ),
    Difference(f"{STATUS}/state/enum", "added 'updateFailed'", "a state that the client knows"),
    Difference(f"{STATUS}/createdBy", "added", RECORDED),
    Difference(f"{STATUS}/updatedBy", "added", RECORDED),
    Difference(f"{STATUS}/private", "added", RECORDED),
)

OPERATIONS = {
    ("get", "/endpoint/{namespace}"): ("listEndpoints", {"200", "401"}),
    ("post", "/endpoint/{namespace}"): ("createEndpoint", {"201", "400", "401", "409"}),
    ("get", "/endpoint/{namespace}/{endpoint_name}"): ("getEndpoint", {"200", "400", "401", "404"}),
    ("put", "/endpoint/{namespace}/{endpoint_name}"): ("updateEndpoint", {"200", "400", "401", "404"}),
    ("delete", "/endpoint/{namespace}/{endpoint_name}"): ("deleteEndpoint", {"200", "400", "401", "404"}),
    ("post", "/endpoint/{namespace}/{endpoint_name}/pause"): ("pauseEndpoint", {"200", "400", "401", "404"}),
    ("post", "/endpoint/{namespace}/{endpoint_name}/resume"): ("resumeEndpoint", {"200", "400", "401", "404"}),
    ("post", "/endpoint/{namespace}/{endpoint_name}/scale-to-zero"): (
        "scaleToZeroEndpoint",
        {"200", "400", "401", "404"},
    ),
    ("get", "/endpoint/{namespace}/{endpoint_name}/logs"): ("getEndpointLogs", {"200", "401", "404"}),
    ("get", "/endpoint/{namespace}/{endpoint_name}/metrics"): ("getEndpointMetrics", {"200", "401", "404"}),
    ("get", "/provider"): ("listProviders", {"200", "401"}),
    ("get", "/provider/{namespace}"): ("listNamespaceProviders", {"200", "401"}),
}


def resolved(document: Any, node: Any) -> Any:
    """`node` with every local reference replaced by what it names; members beside a `$ref` win."""
    if isinstance(node, list):
        return [resolved(document, item) for item in node]
    if not isinstance(node, dict):
        return node
    target: dict[str, Any] = {}
    if isinstance(reference := node.get("$ref"), str):
        found = document
        for token in reference.removeprefix("#/").split("/"):
            found = found[token.replace("~1", "/").replace("~0", "~")]
        target = resolved(document, found)
    return {**target, **{key: resolved(document, value) for key, value in node.items() if key != "$ref"}}


def differences(seed: Any, ours: Any, pointer: str = "") -> Iterator[tuple[str, str]]:
    """Every place where `ours` is not `seed`, with what changed there. Sets of names are compared member by member."""
    keyword = pointer.rpartition("/")[2]
    if isinstance(seed, dict) and isinstance(ours, dict):
        for key in sorted(seed.keys() | ours.keys()):
            place = f"{pointer}/{key}"
            if key not in seed:
                yield place, "added" if isinstance(ours[key], dict) else f"added {ours[key]!r}"
            elif key not in ours:
                yield place, "removed"
            else:
                yield from differences(seed[key], ours[key], place)
    elif keyword in {"type", "enum", "required"}:
        before, after = ([each] if isinstance(each, str) else each for each in (seed, ours))
        yield from ((pointer, f"removed {name!r}") for name in before if name not in after)
        yield from ((pointer, f"added {name!r}") for name in after if name not in before)
    elif seed != ours:
        yield pointer, f"{seed!r} is {ours!r}"


@pytest.fixture(scope="module")
def description() -> Any:
    text = (ROOT / "openapi" / "hugging-face-inference-endpoints-api.yml").read_text(encoding="utf-8")
    return yaml.safe_load(text)


@pytest.fixture(scope="module")
def found(description: Any) -> set[tuple[str, str]]:
    """The differences that there are."""
    if not SEED_SCHEMA.exists():
        pytest.skip(f"the seed's schema is not beside this repository: {SEED_SCHEMA}")
    seed = json.loads(SEED_SCHEMA.read_text(encoding="utf-8"))
    return set(differences(seed, resolved(description, description["components"]["schemas"]["Endpoint"])))


def validator(description: Any, component: str) -> jsonschema_rs.Draft202012Validator:
    schema = {"$ref": f"#/components/schemas/{component}", "components": description["components"]}
    return jsonschema_rs.Draft202012Validator(schema, validate_formats=True)


def test_the_description_is_valid_openapi(description: Any) -> None:
    problems = [f"{list(each.path)}: {each.message}" for each in OpenAPIV31SpecValidator(description).iter_errors()]
    assert problems == []


def test_every_difference_from_the_seed_is_listed(found: set[tuple[str, str]]) -> None:
    assert found - {(each.pointer, each.change) for each in DIFFERENCES} == set()


def test_every_listed_difference_is_one(found: set[tuple[str, str]]) -> None:
    assert {(each.pointer, each.change) for each in DIFFERENCES} - found == set()


def test_every_listed_difference_has_a_reason_and_is_listed_once() -> None:
    assert all(each.reason for each in DIFFERENCES)
    assert len({(each.pointer, each.change) for each in DIFFERENCES}) == len(DIFFERENCES)


@pytest.mark.parametrize(("method", "path"), OPERATIONS)
def test_an_operation_has_its_id_and_exactly_its_statuses(description: Any, method: str, path: str) -> None:
    operation = description["paths"][path][method]
    assert (operation["operationId"], set(operation["responses"])) == OPERATIONS[method, path]


def test_there_are_no_other_operations(description: Any) -> None:
    methods = {"get", "put", "post", "delete", "patch", "head", "options", "trace"}
    there = {(method, path) for path, item in description["paths"].items() for method in item.keys() & methods}
    assert there == set(OPERATIONS)


def test_every_response_describes_its_content(description: Any) -> None:
    without = [
        (path, method, status)
        for method, path in OPERATIONS
        for status, response in description["paths"][path][method]["responses"].items()
        if not resolved(description, response).get("content")
    ]
    assert without == []


def test_every_example_is_valid(description: Any) -> None:
    problems = []
    for method, path in OPERATIONS:
        operation = resolved(description, description["paths"][path][method])
        for carrier in [operation.get("requestBody", {}), *operation["responses"].values()]:
            for media_type in carrier.get("content", {}).values():
                check = jsonschema_rs.Draft202012Validator(media_type["schema"], validate_formats=True)
                for name, example in media_type.get("examples", {}).items():
                    problems += [(path, method, name, error.message) for error in check.iter_errors(example["value"])]
    assert problems == []


def test_the_server_and_the_bearer_token_are_those_of_the_service(description: Any) -> None:
    assert [server["url"] for server in description["servers"]] == ["https://api.endpoints.huggingface.cloud/v2"]
    scheme = description["components"]["securitySchemes"]["hfToken"]
    assert (scheme["type"], scheme["scheme"], description["security"]) == ("http", "bearer", [{"hfToken": []}])


def deployment_request() -> dict[str, Any]:
    """The body that the deployment workflow sends, its inputs filled in."""
    workflow = yaml.safe_load(
        (ROOT / "workflows" / "hugging-face-deploy-inference-endpoint-workflow.yml").read_text("utf-8")
    )
    workflow = workflow["workflows"][0]
    inputs = {name: schema.get("default") for name, schema in workflow["inputs"]["properties"].items()}
    inputs |= {"name": "my-endpoint", "repository": "gpt2", "instanceType": "intel-icl", "instanceSize": "x2"}

    def filled(node: Any) -> Any:
        if isinstance(node, dict):
            return {key: filled(value) for key, value in node.items()}
        return inputs[node.removeprefix("$inputs.")] if isinstance(node, str) and node.startswith("$inputs.") else node

    body: dict[str, Any] = filled(workflow["steps"][0]["requestBody"]["payload"])
    return body


def test_the_deployment_workflows_request_is_valid(description: Any) -> None:
    assert [
        error.message for error in validator(description, "EndpointRequest").iter_errors(deployment_request())
    ] == []


@pytest.mark.parametrize("field", ["instanceType", "instanceSize"])
def test_a_request_without_an_instance_is_not_valid(description: Any, field: str) -> None:
    request = deployment_request()
    del request["compute"][field]
    assert not validator(description, "EndpointRequest").is_valid(request)


def test_protected_may_be_answered_but_not_requested(description: Any) -> None:
    assert not validator(description, "EndpointRequest").is_valid({**deployment_request(), "type": "protected"})
    answer = description["components"]["examples"]["runningEndpoint"]["value"]
    assert validator(description, "Endpoint").is_valid({**answer, "type": "protected"})


@pytest.mark.parametrize("name", ["deploy-inference", "pause-resume", "delete"])
def test_a_workflow_uses_operations_of_this_description(name: str) -> None:
    file = ROOT / "workflows" / f"hugging-face-{name}-endpoint-workflow.yml"
    document = yaml.safe_load(file.read_text(encoding="utf-8"))
    described = {operation for operation, _ in OPERATIONS.values()}
    used = {step["operationId"] for workflow in document["workflows"] for step in workflow["steps"]}
    assert (file.parent / document["sourceDescriptions"][0]["url"]).exists()
    assert used <= described
