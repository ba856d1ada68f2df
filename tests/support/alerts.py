"""Alert rules as the tests look at them: what Prometheus' own tool says about them in a made-up past."""

import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from local import binaries

ALERTS = Path(__file__).parents[2] / "charts" / "device-manager" / "files" / "alerts.yaml"

Series = Mapping[str, str]
"""Series to values in promtool's notation, a minute apart."""


@dataclass(frozen=True)
class Rule:
    """One alert."""

    name: str
    expression: str
    labels: Mapping[str, str]
    annotations: Mapping[str, str]


def rules() -> list[Rule]:
    """Every alert of the chart."""
    groups = yaml.safe_load(ALERTS.read_text())["groups"]
    return [
        Rule(one["alert"], one["expr"], one["labels"], one["annotations"])
        for group in groups
        for one in group["rules"]
    ]


def check() -> None:
    """Raise CalledProcessError unless Prometheus would load the rules."""
    subprocess.run([binaries.promtool(), "check", "rules", "--lint=all", "--lint-fatal", ALERTS], check=True)


def firing(series: Series, after: str, names: Sequence[str], folder: Path) -> dict[str, bool]:
    """Which of these alerts fire in a past of these series, that long after its beginning (`90m`).

    promtool can only compare, so each alert is expected to be silent, and what it protests against fires.
    """
    return {name: not _is_silent(name, series, after, folder) for name in names}


def _is_silent(name: str, series: Series, after: str, folder: Path) -> bool:
    expression = f'count(ALERTS{{alertname="{name}",alertstate="firing"}}) or vector(0)'
    return _holds(series, after, [{"expr": expression, "eval_time": after, "exp_samples": _ZERO}], folder)


def all_silent(series: Series, after: str, folder: Path) -> bool:
    """Whether none fires."""
    expression = 'count(ALERTS{alertstate="firing"}) or vector(0)'
    return _holds(series, after, [{"expr": expression, "eval_time": after, "exp_samples": _ZERO}], folder)


_ZERO = [{"labels": "{}", "value": 0}]


def _holds(series: Series, after: str, expected: list[dict[str, Any]], folder: Path) -> bool:
    test = {
        "rule_files": [str(ALERTS)],
        "evaluation_interval": "1m",
        "tests": [
            {
                "interval": "1m",
                "input_series": [{"series": name, "values": values} for name, values in series.items()],
                "promql_expr_test": expected,
            }
        ],
    }
    file = folder / "rules.test.yaml"
    file.write_text(yaml.safe_dump(test))
    done = subprocess.run(
        [binaries.promtool(), "test", "rules", file], capture_output=True, text=True, check=False
    )
    if done.returncode and "exp:" not in done.stdout + done.stderr:
        raise AssertionError(done.stdout + done.stderr)
    return done.returncode == 0
