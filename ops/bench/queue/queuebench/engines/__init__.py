"""The queues that are measured."""

from collections.abc import Callable

from ..context import Context
from .base import Engine
from .packshot import Packshot
from .peers import PEERS


def every() -> dict[str, Callable[[Context], Engine]]:
    """How to make each engine, Packshot first."""
    return {"packshot": Packshot} | PEERS
