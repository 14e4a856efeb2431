"""Pages over the runs of a Temporal cluster: started from a form, watched live, and cancelled."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from arazzo_runner.runtime.secrets.sealing import create_key
from tests.servers.inference_endpoints import Behaviour, InferenceEndpointsEmulator
from tests.servers.temporal import TemporalServer, Workers, needs_temporal, temporal_server
from tests.support.repository import ROOT
from tests.support.web_servers import until, visiting, web_process
from tests.web.test_deployment import TOKEN, begin, ended, press

if TYPE_CHECKING:
    from playwright.sync_api import Browser

pytestmark = [needs_temporal, pytest.mark.slow, pytest.mark.network]


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[TemporalServer]:
    with temporal_server(tmp_path_factory.mktemp("temporal")) as started:
        yield started


def test_a_run_of_a_cluster_is_started_watched_and_cancelled(
    browser: Browser, cluster: TemporalServer, tmp_path: Path
) -> None:
    key = tmp_path / "engine.key"
    create_key(key)
    engine = f"{cluster.engine}?queue={tmp_path.name}"
    given = {"ARAZZO_ENGINE": engine, "ARAZZO_ENGINE_KEY": str(key)}
    behaviour = Behaviour(polls_pending=3)
    with (
        InferenceEndpointsEmulator(token=TOKEN, public_url="https://endpoint.example", behaviour=behaviour) as api,
        Workers(given) as workers,
    ):
        workers.start()
        words = (str(ROOT / "workflows"), "--allow-run", "--server", api.url, "--poll-interval", "0.2")
        with web_process(tmp_path, *words, **given) as server, visiting(browser, server) as visitor:
            page = visitor.page
            path = begin(visitor, "Run")
            page.locator("#attempt-1").wait_for()
            ended(page)
            assert "my-gpt2" in page.locator("#ends").inner_text()
            page.locator("#attempt-2 summary").first.click()
            page.get_by_text("a cluster does not tell the values").wait_for()
            assert "$statusCode == 200" in page.locator("#attempt-2").inner_text()
            assert page.get_by_role("button", name="Pause").count() == 0

            def is_listed() -> bool:
                visitor.go("/runs")
                return path.rpartition("/")[2] in page.locator("main").inner_text()

            until(is_listed)
            assert "Temporal cluster" in page.locator("main").inner_text()
            # Another one, which never ends by itself.
            api.behaviour = Behaviour(polls_pending=100_000)
            visitor.go("/")
            begin(visitor, "Run", name="other")
            page.locator("#attempt-2").wait_for()
            press(page, "Cancel")
            ended(page, "cancelled")
