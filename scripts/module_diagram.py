"""Draws the modules of the package and who imports whom, as they are now.

    python scripts/module_diagram.py              writes .github/modules.svg
    python scripts/module_diagram.py --check      fails if that picture is out of date

A box is a module or a package; an arrow points to what it imports. What follows from other arrows
is left out: whoever imports `checkpoint` imports, in the end, what that imports.
"""

import argparse
import ast
import sys
from collections.abc import Iterable, Iterator
from html import escape
from pathlib import Path

ROOT = Path(__file__).parents[1]
PACKAGE = ROOT / "transformer_mt"
PICTURE = ROOT / ".github" / "modules.svg"
FRONT = "__init__"  # offers what is in `api`; its version number is no import

_WIDTH, _HEIGHT, _GAP, _LEVEL = 118, 26, 14, 62
"""Of a box, between boxes, and from row to row; pixels."""
_SWEEPS = 40
_COLORS = {"model": "#d8e8ff", "data": "#dff3df", "tasks": "#ffe9c7", "training": "#ffe9c7"}


def unit_of(path: Path) -> str:
    """The module or package of the first level that a file belongs to."""
    return path.relative_to(PACKAGE).parts[0].removesuffix(".py")


def imported_modules(tree: ast.AST) -> Iterator[str]:
    """Full names: of the module, and of what is taken from it, which may be a module."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def imported_units(trees: Iterable[ast.AST], units: Iterable[str]) -> set[str]:
    """Those of the units that are imported, in functions too."""
    known, found = set(units), set()
    for tree in trees:
        for name in imported_modules(tree):
            package, _, rest = name.partition(".")
            if package == PACKAGE.name and rest != "__version__":
                unit = rest.split(".")[0]
                found.add(unit if unit in known else FRONT)
    return found


def read_imports() -> dict[str, set[str]]:
    """Every unit with those that it imports, itself left out."""
    trees: dict[str, list[ast.AST]] = {}
    for path in sorted(PACKAGE.rglob("*.py")):
        trees.setdefault(unit_of(path), []).append(ast.parse(path.read_text("utf-8")))
    return {unit: imported_units(own, trees) - {unit} for unit, own in trees.items()}


def reduced(imports: dict[str, set[str]]) -> dict[str, set[str]]:
    """Without what follows from the rest (the graph has no cycle)."""
    reachable: dict[str, set[str]] = {}

    def below(unit: str) -> set[str]:
        if unit not in reachable:
            reachable[unit] = set().union(*({each} | below(each) for each in imports[unit]), set())
        return reachable[unit]

    return {
        unit: {each for each in own if not any(each in below(other) for other in own - {each})}
        for unit, own in imports.items()
    }


def rows_of(imports: dict[str, set[str]]) -> list[list[str]]:
    """The units from the bottom up, each above all that it imports; neighbours near each other."""
    level: dict[str, int] = {}

    def height(unit: str) -> int:
        if unit not in level:
            level[unit] = 1 + max((height(each) for each in imports[unit]), default=-1)
        return level[unit]

    rows: list[list[str]] = [[] for _ in range(1 + max(map(height, sorted(imports))))]
    for unit in sorted(imports):
        rows[level[unit]].append(unit)
    neighbours: dict[str, set[str]] = {unit: set(own) for unit, own in imports.items()}
    for unit, own in imports.items():
        for each in own:
            neighbours[each].add(unit)
    for _ in range(_SWEEPS):  # each towards the middle of those it has an arrow to or from
        x = _places(rows)
        for row in rows:
            row.sort(
                key=lambda unit: sum(x[n] for n in neighbours[unit]) / (len(neighbours[unit]) or 1)
            )
            x |= _places(rows)
    return rows


def _places(rows: list[list[str]]) -> dict[str, float]:
    """The middle of each box, from left to right; rows are centred."""
    widest = max(map(len, rows))
    return {
        unit: (column + (widest - len(row)) / 2 + 0.5) * (_WIDTH + _GAP) + _GAP / 2
        for row in rows
        for column, unit in enumerate(row)
    }


def draw(imports: dict[str, set[str]]) -> str:
    """The picture, as SVG."""
    arrows = reduced(imports)
    rows = rows_of(arrows)
    x = _places(rows)
    y = {
        unit: (len(rows) - 1 - number) * _LEVEL + 20
        for number, row in enumerate(rows)
        for unit in row
    }
    width, height = max(map(len, rows)) * (_WIDTH + _GAP) + _GAP, len(rows) * _LEVEL + 10
    lines = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" width="{width}"'
        f' height="{height}" font-family="sans-serif" font-size="13">',
        '<marker id="tip" viewBox="0 0 8 8" refX="8" refY="4" markerWidth="7" markerHeight="7"'
        ' orient="auto"><path d="M0 0L8 4L0 8z" fill="#888"/></marker>',
        f'<rect width="{width}" height="{height}" fill="white"/>',
    ]
    for unit in sorted(arrows):
        for each in sorted(arrows[unit]):
            start, end = y[unit] + _HEIGHT, y[each]
            bend = (end - start) / 2
            lines.append(
                f'<path d="M{x[unit]:.0f} {start}C{x[unit]:.0f} {start + bend:.0f}'
                f' {x[each]:.0f} {end - bend:.0f} {x[each]:.0f} {end}" fill="none" stroke="#aaa"'
                ' marker-end="url(#tip)"/>'
            )
    for unit in sorted(arrows):
        color = _COLORS.get(unit, "#f4f4f4")
        lines.append(
            f'<rect x="{x[unit] - _WIDTH / 2:.0f}" y="{y[unit]}" width="{_WIDTH}"'
            f' height="{_HEIGHT}" rx="5" fill="{color}" stroke="#666"/>'
            f'<text x="{x[unit]:.0f}" y="{y[unit] + 17}" text-anchor="middle">{escape(unit)}</text>'
        )
    return "\n".join([*lines, "</svg>"]) + "\n"


def main() -> None:
    """Write the picture, or compare with it."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--check", action="store_true", help="only compare with the picture")
    picture = draw(read_imports())
    if not parser.parse_args().check:
        PICTURE.write_text(picture, encoding="utf-8")
        print(PICTURE.relative_to(ROOT))
    elif PICTURE.read_text(encoding="utf-8") != picture:
        sys.exit(f"{PICTURE.relative_to(ROOT)} is out of date: python scripts/module_diagram.py")


if __name__ == "__main__":
    main()
