"""The OpenAPI document: whatever it allows is answered as it says, and never by an error of ours."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, given, settings
from schemathesis.checks import not_a_server_error
from schemathesis.generation.modes import GenerationMode
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_schema_conformance,
    status_code_conformance,
)
from tests.web.desk import Desk, desk

from clawback.engine import accounts, webhooks
from clawback.engine.backtest_jobs import order_backtest
from clawback.response.policy import Policy
from clawback.response.sinks import Sink, SinkKind
from clawback.store import MessageQuery
from clawback.web.access import ROUTES

CHECKS = [
    not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_schema_conformance,
]
ENDLESS, ITSELF = "GET /api/events", "GET /api/openapi.json"
OPERATIONS = sorted(name for name in ROUTES if "/api/" in name and name not in (ENDLESS, ITSELF))
UNSPOILABLE = "GET /api/health"
"""Nothing can be asked wrongly there."""
CASES = [(name, mode) for name in OPERATIONS for mode in GenerationMode]
CASES.remove((UNSPOILABLE, GenerationMode.NEGATIVE))


@pytest.fixture(scope="module")
def opened(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Desk]:
    with desk(Path(tmp_path_factory.mktemp("document"))) as made:
        accounts.change_account(made.app.parts, "administrator", "test", content=True)
        yield made


@pytest.fixture(scope="module")
def document(opened: Desk) -> Any:
    url = f"{opened.client.base_url}/api/openapi.json".replace("//api", "/api")
    return schemathesis.openapi.from_url(url)


@pytest.fixture(scope="module")
def ids(opened: Desk) -> dict[str, str]:
    """Ids of what is there, by the name of the parameter; what is random is never found."""
    with opened.app.store.read() as unit:
        (action, *_), _ = unit.remediations.list()
        (message, *_), _ = unit.messages.search(MessageQuery())
        (listed, *_), _ = unit.indicators.list()
        (token, *_), _ = unit.tokens.list(account="reader")
    # An address that may not be called: a test of it sends nothing anywhere.
    hook = Sink("whk-1", SinkKind.WEBHOOK, "one", "https://127.0.0.1/", (), listed.added_at, listed.added_at)
    with opened.app.store.write() as unit:
        unit.sinks.add(hook, webhooks.new_secret())
    return {
        "investigation_id": action.investigation_id,
        "cluster_id": action.cluster_id,
        "action_id": action.id,
        "message_id": message.id,
        "indicator_id": listed.id,
        "token_id": token.id,
        "backtest_id": order_backtest(opened.app.parts, Policy(), 1, "ann").id,
        "name": "analyst",
        "webhook_id": hook.id,
    }


@pytest.mark.parametrize(("name", "mode"), CASES)
def test_whatever_is_asked_is_answered_as_the_document_says(
    document: Any, opened: Desk, ids: dict[str, str], name: str, mode: GenerationMode
) -> None:
    method, path = name.split()
    headers = opened.token("administrator")
    known = {key: value for key, value in ids.items() if f"{{{key}}}" in path}
    given_path = known if mode is GenerationMode.POSITIVE and known else None

    @settings(
        max_examples=15,
        deadline=None,
        derandomize=True,
        phases=[Phase.explicit, Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(case=document[path][method].as_strategy(generation_mode=mode, path_parameters=given_path))
    def answered(case: schemathesis.Case[Any]) -> None:
        case.call_and_validate(headers=headers, checks=CHECKS)

    answered()
