"""What every handler may ask for: the engine's parts, and who calls."""

from __future__ import annotations

from litestar.di import NamedDependency

from clawback.engine.parts import Parts
from clawback.engine.sign_in import Caller

GivenParts = NamedDependency[Parts]
GivenCaller = NamedDependency[Caller]
