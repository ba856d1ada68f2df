"""What a registry of declared devices must hold, by name: each promise is a bug that a rival had.

A test that proves one carries `@pytest.mark.promise(<name>)`; `make test-promises` runs them alone, and
docs/promises.md lists them. A name without a test fails `tests/unit/test_promises.py`.
"""

import ast
from collections.abc import Iterator
from pathlib import Path

FOLDER = Path(__file__).parents[1] / "e2e"

PROMISES = {
    "partial-list": "A list that is empty, breaks off or times out deletes nothing.",
    "many-devices": "10,001 devices are registered, over many pages of a list.",
    "late-template": "A template that comes long after its devices makes all Ready, without a restart.",
    "template-edit": "An edit of a template publishes each of its devices exactly once.",
    "template-in-use": "A template that is deleted while it is used waits, and goes after its devices.",
    "delete-at-once": "What is deleted right after its creation goes: template, device, namespace.",
    "foreign-finalizer": "Finalizers of others are preserved.",
    "kafka-away": "While Kafka is away changes are accepted; afterwards all are delivered in order.",
    "namespace-deleted": "Deleting a namespace with N devices tells N removals.",
    "apply-again": "Applying 10,000 unchanged manifests again writes no row and sends no event.",
    "keys-kept": "PUT by REST keeps a device's keys, and no key is in the topic.",
    "owned-by-git": "REST is refused an edit of what git owns, by its name; the rest may be edited.",
    "one-id-twice": "Of two resources with one id the older wins; deleting the loser harms nobody.",
    "restored-registry": "Yesterday's registry under today's resources: nothing is removed.",
    "one-malformed": "One device that cannot be registered among 10,001: 10,000 are Ready.",
    "conditions-stored": "What the API server stores as status is what was computed.",
    "no-actuation": "No change of a spec actuates a device.",
    "import-fails": "An import that is refused tells nobody; one that fails half-way ends where it began.",
}


def proofs() -> Iterator[tuple[str, str, str]]:
    """Name of the promise, file and test, for every marked test."""
    for file in sorted(FOLDER.rglob("test_*.py")):
        for node in ast.walk(ast.parse(file.read_text())):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                for name in _marked(node):
                    yield name, file.name, node.name


def page() -> str:
    """docs/promises.md, made from the table and the marks."""
    rows = {name: [f"`{file}::{test}`" for mark, file, test in proofs() if mark == name] for name in PROMISES}
    lines = [f"| {name} | {PROMISES[name]} | {'<br>'.join(tests)} |" for name, tests in rows.items()]
    return "\n".join([*_HEAD, *lines]) + "\n"


_HEAD = (
    "# Promises",
    "",
    "What users of device registries were let down by, as promises that the end-to-end tests keep on a real",
    "API server, Postgres and Kafka. `make test-promises` runs exactly these tests (`tests/e2e`).",
    "",
    "| name | promise | proved by |",
    "|---|---|---|",
)


def _marked(node: ast.FunctionDef | ast.AsyncFunctionDef) -> list[str]:
    calls = [one for one in node.decorator_list if isinstance(one, ast.Call)]
    marks = [one for one in calls if ast.unparse(one.func) == "pytest.mark.promise"]
    return [ast.literal_eval(argument) for one in marks for argument in one.args]
