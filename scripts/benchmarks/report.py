"""What was measured, as tables for a person and as JSON lines for a program."""

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from statistics import median
from typing import Any


@dataclass(frozen=True, slots=True)
class Cell:
    """One figure of one contestant."""

    table: str
    """Title of the table that it stands in."""
    row: str
    """Who."""
    column: str
    """With which setting."""
    values: tuple[float, ...]
    """What each round found; at least one."""
    unit: str

    @property
    def median(self) -> float:
        """The figure that is compared."""
        return median(self.values)

    def text(self) -> str:
        """The median, and half of the distance between the extremes where there are several."""
        if len(self.values) == 1:
            return number(self.median)
        spread = 50 * (max(self.values) - min(self.values)) / self.median if self.median else 0.0
        return f"{number(self.median)} ±{spread:.0f}%"

    def json_line(self, machine: dict[str, Any]) -> str:
        """All of it, with the facts of the machine."""
        figures = {
            "table": self.table,
            "row": self.row,
            "column": self.column,
            "unit": self.unit,
            "median": self.median,
            "least": min(self.values),
            "most": max(self.values),
            "rounds": len(self.values),
        }
        return json.dumps(figures | machine, ensure_ascii=False)


def number(value: float) -> str:
    """Three digits at least: 0.123, 1.23, 12.3, 1,234."""
    digits = sum(abs(value) < limit for limit in (1, 10, 100))
    return f"{value:,.{digits}f}"


def ratios(cells: Iterable[Cell], table: str, ours: str) -> list[Cell]:
    """Of every cell that is not ours: our median of the same column divided by its own."""
    cells = list(cells)
    own = {cell.column: cell.median for cell in cells if cell.row == ours}
    return [
        Cell(table, cell.row, cell.column, (own[cell.column] / cell.median,), "times")
        for cell in cells
        if cell.row != ours and cell.column in own
    ]


def fastest(cells: Iterable[Cell], column: str) -> Cell | None:
    """The cell with the greatest median, moved to another column."""
    best = max(cells, key=lambda cell: cell.median, default=None)
    return best and Cell(best.table, best.row, column, best.values, best.unit)


def render(cells: Sequence[Cell]) -> str:
    """The cells as Markdown tables, in the order in which they came."""
    titles = dict.fromkeys(cell.table for cell in cells)
    return "\n".join(
        f"### {title}\n\n{_table([cell for cell in cells if cell.table == title])}\n"
        for title in titles
    )


def _table(cells: Sequence[Cell]) -> str:
    """Rows and columns in the order in which they came; a missing cell is empty."""
    found = {(cell.row, cell.column): cell.text() for cell in cells}
    columns = list(dict.fromkeys(cell.column for cell in cells))
    grid = [["", *columns]]
    grid += [
        [row, *(found.get((row, column), "") for column in columns)]
        for row in dict.fromkeys(cell.row for cell in cells)
    ]
    widths = [max(map(len, texts)) for texts in zip(*grid, strict=True)]
    lines = [[texts[0].ljust(widths[0]), *map(str.rjust, texts[1:], widths[1:])] for texts in grid]
    lines.insert(1, ["-" * widths[0], *("-" * (width - 1) + ":" for width in widths[1:])])
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)
