"""The emulator as huggingface_hub's own client sees it; every answer is checked against the description."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx2
import pytest
from huggingface_hub import HfApi, InferenceEndpoint, InferenceEndpointError, constants
from huggingface_hub.errors import BadRequestError, HfHubHTTPError
from openapi_core import Config, OpenAPI
from openapi_core.testing import MockRequest, MockResponse

from tests.servers.inference_endpoints import Behaviour, InferenceEndpointsEmulator, description

pytestmark = pytest.mark.network

NAMESPACE = "my-org"
SERVICE = "https://api.endpoints.huggingface.cloud"


@pytest.fixture(scope="module")
def contract() -> OpenAPI:
    return OpenAPI.from_dict(description(), config=Config(spec_validator_cls=None))  # type: ignore[arg-type]  # None means none


@pytest.fixture
def emulator(contract: OpenAPI, monkeypatch: pytest.MonkeyPatch) -> Iterator[InferenceEndpointsEmulator]:
    """A running emulator that the client is pointed at; afterwards each of its answers must be a described one."""
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", False)
    monkeypatch.setattr(constants, "HF_HUB_DISABLE_TELEMETRY", True)
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    with InferenceEndpointsEmulator() as running:
        monkeypatch.setattr(constants, "INFERENCE_ENDPOINTS_ENDPOINT", running.url)
        yield running
    for exchange in running.requests:
        if exchange.path.startswith("/v2/"):
            assert_described(contract, exchange.method, exchange.path, exchange.status, exchange.answer)


def assert_described(contract: OpenAPI, method: str, path: str, status: int, answer: Any) -> None:
    text = isinstance(answer, str)
    body = answer if text else json.dumps(answer)
    response = MockResponse(body.encode(), status, content_type="text/plain" if text else "application/json")
    contract.validate_response(MockRequest(SERVICE, method.lower(), path), response)


@pytest.fixture
def http(emulator: InferenceEndpointsEmulator) -> Iterator[httpx2.Client]:
    headers = {"Authorization": f"Bearer {emulator.token}"}
    with httpx2.Client(base_url=emulator.url, headers=headers, trust_env=False) as client:
        yield client


def create(emulator: InferenceEndpointsEmulator, name: str = "my-endpoint", **changes: Any) -> InferenceEndpoint:
    settings: dict[str, Any] = {
        "repository": "gpt2",
        "framework": "pytorch",
        "accelerator": "cpu",
        "instance_size": "x2",
        "instance_type": "intel-icl",
        "region": "us-east-1",
        "vendor": "aws",
        "task": "text-generation",
        "namespace": NAMESPACE,
        "token": emulator.token,
    }
    return HfApi().create_inference_endpoint(name, **{**settings, **changes})


def existing(emulator: InferenceEndpointsEmulator, state: str = "running") -> InferenceEndpoint:
    emulator.add(NAMESPACE, "my-endpoint", state=state)
    return HfApi().get_inference_endpoint("my-endpoint", namespace=NAMESPACE, token=emulator.token)


def states(endpoint: InferenceEndpoint, count: int) -> list[str]:
    return [str(endpoint.fetch().raw["status"]["state"]) for _ in range(count)]


def wait(endpoint: InferenceEndpoint) -> InferenceEndpoint:
    return endpoint.wait(timeout=10, refresh_every=0.01)  # type: ignore[arg-type]  # a float does as well


def test_a_created_endpoint_is_pending_and_has_no_url(emulator: InferenceEndpointsEmulator) -> None:
    endpoint = create(emulator)
    assert (endpoint.status, endpoint.url, emulator.requests[-1].status) == ("pending", None, 201)


def test_polls_move_an_endpoint_from_pending_to_running(emulator: InferenceEndpointsEmulator) -> None:
    emulator.behaviour = Behaviour(polls_pending=2, polls_initializing=1)
    assert states(create(emulator), 5) == ["pending", "pending", "initializing", "running", "running"]


def test_waiting_ends_when_the_health_route_of_the_url_answers(emulator: InferenceEndpointsEmulator) -> None:
    endpoint = wait(create(emulator))
    assert endpoint.url == f"{emulator.url.removesuffix('/v2')}/endpoints/my-endpoint"
    assert emulator.requests[-1].path == "/endpoints/my-endpoint/health"


def test_waiting_for_a_failing_endpoint_raises(emulator: InferenceEndpointsEmulator) -> None:
    emulator.behaviour = Behaviour(fail=True)
    with pytest.raises(InferenceEndpointError, match="failed to deploy"):
        wait(create(emulator))


def test_an_endpoint_can_be_made_to_fail_by_its_name(emulator: InferenceEndpointsEmulator) -> None:
    assert states(create(emulator, "fail-this"), 3)[-1] == "failed"


def test_a_paused_endpoint_has_no_url(emulator: InferenceEndpointsEmulator) -> None:
    endpoint = existing(emulator).pause()
    assert states(endpoint, 2) == ["updating", "paused"]
    assert endpoint.url is None


def test_pausing_a_paused_endpoint_changes_nothing(emulator: InferenceEndpointsEmulator) -> None:
    assert existing(emulator, "paused").pause().status == "paused"


def test_a_resumed_endpoint_runs_again(emulator: InferenceEndpointsEmulator) -> None:
    endpoint = existing(emulator, "paused").resume()
    assert states(endpoint, 2) == ["initializing", "running"]


def test_a_resumed_endpoint_can_fail(emulator: InferenceEndpointsEmulator) -> None:
    emulator.behaviour = Behaviour(fail=True, polls_resuming=0)
    assert states(existing(emulator, "paused").resume(), 1) == ["failed"]


def test_resuming_a_running_endpoint_is_fine_for_the_client(emulator: InferenceEndpointsEmulator) -> None:
    assert existing(emulator).resume().status == "running"
    assert [each.status for each in emulator.requests[-2:]] == [400, 200]


def test_resuming_a_running_endpoint_is_refused_when_that_matters(emulator: InferenceEndpointsEmulator) -> None:
    with pytest.raises(BadRequestError, match="Endpoint 'my-endpoint' is already running"):
        existing(emulator).resume(running_ok=False)


def test_an_endpoint_scaled_to_zero_wakes_when_asked(emulator: InferenceEndpointsEmulator, http: httpx2.Client) -> None:
    endpoint = existing(emulator).scale_to_zero()
    assert states(endpoint, 2) == ["updating", "scaledToZero"]
    assert endpoint.url is not None
    assert http.get(f"{endpoint.url}/health").status_code == 503
    assert states(endpoint, 2) == ["initializing", "running"]


def test_scaling_a_paused_endpoint_to_zero_is_refused(emulator: InferenceEndpointsEmulator) -> None:
    with pytest.raises(BadRequestError, match="is paused"):
        existing(emulator, "paused").scale_to_zero()


def test_an_update_changes_only_what_it_names(emulator: InferenceEndpointsEmulator) -> None:
    endpoint = existing(emulator).update(max_replica=4, revision="v2")
    assert endpoint.raw["compute"]["scaling"] == {"minReplica": 1, "maxReplica": 4}
    assert (endpoint.revision, endpoint.repository) == ("v2", "gpt2")


def test_an_endpoint_goes_on_serving_while_it_is_updated(emulator: InferenceEndpointsEmulator) -> None:
    endpoint = existing(emulator).update(max_replica=4)
    assert endpoint.url is not None
    assert states(endpoint, 2) == ["updating", "running"]


def test_a_failed_update_makes_waiting_raise(emulator: InferenceEndpointsEmulator) -> None:
    emulator.behaviour = Behaviour(fail_update=True)
    with pytest.raises(InferenceEndpointError, match="failed to update"):
        wait(existing(emulator).update(max_replica=4))


def test_a_paused_endpoint_stays_paused_when_updated(emulator: InferenceEndpointsEmulator) -> None:
    assert existing(emulator, "paused").update(max_replica=4).status == "paused"


def test_a_deleted_endpoint_is_gone_after_the_polls_of_its_deletion(emulator: InferenceEndpointsEmulator) -> None:
    endpoint = existing(emulator)
    endpoint.delete()
    endpoint.fetch()
    with pytest.raises(HfHubHTTPError, match="Endpoint 'my-endpoint' not found") as caught:
        endpoint.fetch()
    assert caught.value.response.status_code == 404


def test_the_name_of_a_deleted_endpoint_is_free_again(emulator: InferenceEndpointsEmulator) -> None:
    emulator.behaviour = Behaviour(polls_deleting=0)
    create(emulator).delete()
    assert create(emulator).status == "pending"


def test_a_list_has_the_endpoints_of_one_namespace(emulator: InferenceEndpointsEmulator) -> None:
    create(emulator)
    create(emulator, namespace="another")
    listed = HfApi().list_inference_endpoints(NAMESPACE, token=emulator.token)
    assert [(each.name, each.namespace) for each in listed] == [("my-endpoint", NAMESPACE)]


def test_the_hardware_of_a_namespace_can_be_listed(emulator: InferenceEndpointsEmulator) -> None:
    hardware = HfApi().list_inference_endpoints_hardware(namespace=NAMESPACE, token=emulator.token)
    assert ("aws", "intel-icl", "x2") in {(each.vendor, each.instance_type, each.instance_size) for each in hardware}


@pytest.mark.parametrize(
    ("token", "words"),
    [("hf_unknown", "Invalid credentials in Authorization header"), (False, "Missing Authorization header")],
)
def test_a_wrong_or_missing_token_is_refused(
    emulator: InferenceEndpointsEmulator, token: str | bool, words: str
) -> None:
    with pytest.raises(HfHubHTTPError, match=words) as caught:
        create(emulator, token=token)
    assert caught.value.response.status_code == 401


def test_a_route_that_is_not_the_health_route_is_not_found(
    emulator: InferenceEndpointsEmulator, http: httpx2.Client
) -> None:
    assert http.get(f"{existing(emulator).url}/nothing").status_code == 404


def test_any_token_does_when_any_is_accepted(emulator: InferenceEndpointsEmulator) -> None:
    emulator.accept_any = True
    assert create(emulator, token="hf_unknown").status == "pending"


def test_a_taken_name_is_refused(emulator: InferenceEndpointsEmulator) -> None:
    create(emulator)
    with pytest.raises(HfHubHTTPError, match="Endpoint 'my-endpoint' already exists") as caught:
        create(emulator)
    assert caught.value.response.status_code == 409


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"accelerator": "abacus"}, "compute.accelerator: "),
        ({"max_replica": 0}, "compute.scaling.maxReplica: "),
        ({"instance_type": None}, "compute.instanceType: "),
        ({"vendor": "attic"}, "provider.vendor: "),
    ],
)
def test_a_refused_request_names_the_field(
    emulator: InferenceEndpointsEmulator, changes: dict[str, Any], words: str
) -> None:
    with pytest.raises(BadRequestError, match=words):
        create(emulator, **changes)


def test_a_name_that_is_not_allowed_is_refused(emulator: InferenceEndpointsEmulator) -> None:
    with pytest.raises(BadRequestError, match="name: "):
        create(emulator, "Not_Allowed")


@pytest.mark.parametrize("content", [b"", b"{", b"[]"])
def test_a_body_that_is_no_json_object_is_refused(http: httpx2.Client, content: bytes) -> None:
    assert http.post(f"/endpoint/{NAMESPACE}", content=content).status_code == 400


@pytest.mark.parametrize(("required", "status"), [(True, 400), (False, 201)])
def test_an_instance_may_be_left_out_when_none_is_required(
    emulator: InferenceEndpointsEmulator, http: httpx2.Client, required: bool, status: int
) -> None:
    emulator.require_instance = required
    request = {
        "name": "my-endpoint",
        "type": "public",
        "provider": {"vendor": "aws", "region": "us-east-1"},
        "compute": {"accelerator": "cpu", "scaling": {"minReplica": 1, "maxReplica": 1}},
        "model": {"repository": "gpt2"},
    }
    assert http.post(f"/endpoint/{NAMESPACE}", json=request).status_code == status


def test_secrets_and_registry_passwords_are_not_answered(emulator: InferenceEndpointsEmulator) -> None:
    endpoint = create(
        emulator,
        secrets={"KEY": "a-secret"},
        custom_image={"url": "registry.example/image:1", "healthRoute": "/up"},
        container_registry_username="someone",
        container_registry_password="a-password",
    )
    assert "a-secret" not in str(endpoint.raw)
    assert "a-password" not in str(endpoint.raw)
    assert endpoint.health_route == "/up"


def test_logs_tell_the_states_passed_through(emulator: InferenceEndpointsEmulator, http: httpx2.Client) -> None:
    states(create(emulator), 3)
    assert [
        line.split(" ", 1)[1] for line in http.get(f"/endpoint/{NAMESPACE}/my-endpoint/logs").text.splitlines()
    ] == [
        "Endpoint waiting to be scheduled",
        "Endpoint is initializing",
        "Endpoint is ready",
    ]


def test_metrics_count_the_requests_served(emulator: InferenceEndpointsEmulator, http: httpx2.Client) -> None:
    wait(create(emulator))
    metrics = http.get(f"/endpoint/{NAMESPACE}/my-endpoint/metrics").json()
    assert metrics == {"readyReplica": 1, "targetReplica": 1, "requestCount": 1}


def test_the_same_requests_get_the_same_answers(emulator: InferenceEndpointsEmulator) -> None:
    emulator.public_url = "https://{name}.us-east-1.aws.endpoints.huggingface.cloud"
    states(create(emulator), 3)
    with InferenceEndpointsEmulator(public_url=emulator.public_url) as again:
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(constants, "INFERENCE_ENDPOINTS_ENDPOINT", again.url)
            states(create(again), 3)
        assert [each.answer for each in again.requests] == [each.answer for each in emulator.requests]
    assert again.requests[-1].answer["status"]["url"] == "https://my-endpoint.us-east-1.aws.endpoints.huggingface.cloud"


def test_time_moves_an_endpoint_when_seconds_are_counted(emulator: InferenceEndpointsEmulator) -> None:
    moment = datetime(2026, 1, 1, tzinfo=UTC)
    emulator.clock = lambda: moment
    emulator.behaviour = replace(emulator.behaviour, seconds_per_poll=30)
    endpoint = create(emulator)
    seen = states(endpoint, 3)
    moment += timedelta(seconds=30)
    seen += states(endpoint, 1)
    moment += timedelta(seconds=30)
    assert seen + states(endpoint, 1) == ["pending", "pending", "pending", "initializing", "running"]


def test_the_log_of_requests_has_their_bodies(emulator: InferenceEndpointsEmulator) -> None:
    create(emulator)
    seen = emulator.requests[0]
    assert (seen.method, seen.path, seen.body["name"]) == ("POST", f"/v2/endpoint/{NAMESPACE}", "my-endpoint")
    assert seen.headers["authorization"] == f"Bearer {emulator.token}"


def test_a_path_that_is_no_operation_is_not_found(http: httpx2.Client, emulator: InferenceEndpointsEmulator) -> None:
    assert http.get("/nothing").json() == {"error": "No operation GET /v2/nothing"}
    emulator.requests.clear()  # there is nothing in the description to check it against
