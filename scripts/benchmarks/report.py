"""Measured figures as Markdown tables and as JSON lines."""

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from statistics import median
from typing import Any


@dataclass(frozen=True, slots=True)
class Cell:
    """A measured figure of one contestant."""

    table: str
    """Title of the table."""
    row: str
    """Name of the contestant."""
    column: str
    """Name of the setting."""
    values: tuple[float, ...]
    """Values of all rounds, at least one."""
    unit: str

    @property
    def median(self) -> float:
        """Median of the rounds, by which contestants are compared."""
        return median(self.values)

    def text(self) -> str:
        """Format the median and, with several rounds, half of the range in percent."""
        if len(self.values) == 1:
            return number(self.median)
        spread = 50 * (max(self.values) - min(self.values)) / self.median if self.median else 0.0
        return f"{number(self.median)} ±{spread:.0f}%"

    def json_line(self, machine: dict[str, Any]) -> str:
        """Format the figure and the facts of the machine as JSON."""
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
    """Format a number with three digits at least: 0.123, 1.23, 12.3, 1,234."""
    digits = sum(abs(value) < limit for limit in (1, 10, 100))
    return f"{value:,.{digits}f}"


def ratios(cells: Iterable[Cell], table: str, ours: str) -> list[Cell]:
    """Return for each cell of a peer our median of the same column / the peer's median."""
    cells = list(cells)
    own = {cell.column: cell.median for cell in cells if cell.row == ours}
    return [
        Cell(table, cell.row, cell.column, (own[cell.column] / cell.median,), "times")
        for cell in cells
        if cell.row != ours and cell.column in own
    ]


def fastest(cells: Iterable[Cell], column: str) -> Cell | None:
    """Return the cell with the largest median, moved to another column."""
    best = max(cells, key=lambda cell: cell.median, default=None)
    return best and Cell(best.table, best.row, column, best.values, best.unit)


def render(cells: Sequence[Cell]) -> str:
    """Format the cells as Markdown tables, in the order of the cells."""
    titles = dict.fromkeys(cell.table for cell in cells)
    return "\n".join(
        f"### {title}\n\n{_table([cell for cell in cells if cell.table == title])}\n"
        for title in titles
    )


def _table(cells: Sequence[Cell]) -> str:
    """Format one table, with rows and columns in the order of the cells; missing ones are empty."""
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
