"""The registry in memory: the same promises as Postgres, nothing kept.

For tests that need no database, and the model that the real one is compared with. The suites in
`tests/contract` run on both.
"""

from .outbox import MemoryQuarantine
from .registry import MemoryRegistry
from .tables import Store

__all__ = ["MemoryQuarantine", "MemoryRegistry", "Store"]
