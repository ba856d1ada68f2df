"""The figures as a table and as JSON."""

from dataclasses import asdict, dataclass
from typing import Any

from rich.table import Table


@dataclass(frozen=True)
class Figure:
    """One measured figure with what it is held against.

    `gate` and `aim` bound the ratio to the floor from above; `gate_value` and `aim_value` bound the value
    itself from above, or, where there is an `original`, the multiple of the original from below.
    """

    name: str
    value: float
    unit: str
    floor: float | None = None
    original: float | None = None
    gate: float | None = None
    aim: float | None = None
    gate_value: float | None = None
    aim_value: float | None = None

    @property
    def ratio(self) -> float | None:
        """The value to the floor, of the same run."""
        return self.value / self.floor if self.floor else None

    @property
    def multiple(self) -> float | None:
        """How many times the original."""
        return self.value / self.original if self.original else None

    @property
    def missed(self) -> bool:
        """Whether the gate is missed."""
        return not self._keeps(self.gate, self.gate_value)

    @property
    def aimed(self) -> bool:
        """Whether the aim is reached."""
        return self._keeps(self.aim, self.aim_value)

    def _keeps(self, ratio: float | None, value: float | None) -> bool:
        if ratio is not None and self.ratio is not None:
            return self.ratio <= ratio
        if value is None:
            return True
        return self.multiple >= value if self.multiple is not None else self.value <= value


def table(figures: list[Figure], devices: int) -> Table:
    """The figures for a terminal."""
    made = Table(title=f"{devices} devices, everything on this machine's cores")
    for column in ("what", "ours", "floor", "ratio", "original", "times", "gate", "aim"):
        made.add_column(column, justify="left" if column == "what" else "right")
    for figure in figures:
        made.add_row(*_cells(figure), style="red" if figure.missed else "")
    return made


def as_json(figures: list[Figure], devices: int) -> dict[str, Any]:
    """The figures for a later comparison."""
    measured = [
        {**asdict(figure), "ratio": figure.ratio, "multiple": figure.multiple, "missed": figure.missed}
        for figure in figures
    ]
    return {"devices": devices, "figures": measured}


def _cells(figure: Figure) -> tuple[str, ...]:
    bound = "x" if figure.gate or figure.original else f" {figure.unit}"
    return (
        figure.name,
        _number(figure.value, f" {figure.unit}"),
        _number(figure.floor, f" {figure.unit}"),
        _number(figure.ratio, "x"),
        _number(figure.original, f" {figure.unit}"),
        _number(figure.multiple, "x"),
        _number(figure.gate if figure.gate is not None else figure.gate_value, bound),
        _number(figure.aim if figure.aim is not None else figure.aim_value, bound),
    )


def _number(value: float | None, unit: str) -> str:
    if value is None:
        return ""
    shown = f"{value:,.0f}" if value >= 100 else f"{value:.3g}"  # noqa: PLR2004
    return f"{shown}{unit}".rstrip()
