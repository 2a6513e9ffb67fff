"""What a policy may say has bounds, whoever says it."""

from __future__ import annotations

import pytest

from clawback.errors import BadParameter
from clawback.response.policy import Policy
from clawback.response.policy_bounds import checked


@pytest.mark.parametrize(
    "policy", [Policy(investigations_per_hour=0), Policy(clusters_limit=0), Policy(members_limit=0)]
)
def test_a_limit_of_work_is_never_none_at_all(policy: Policy) -> None:
    assert checked(Policy()) == Policy()
    with pytest.raises(BadParameter, match=r"must be 1 to "):
        checked(policy)
