"""Draw a diagram of the folders of the package and their imports.

    python scripts/module_diagram.py              writes .github/modules.svg
    python scripts/module_diagram.py --check      fails if that picture is out of date

A box is a room: a folder of the package, or a module outside all folders. An arrow points to an
imported room. Arrows that follow from other arrows are left out (transitive reduction).
"""

import argparse
import ast
import sys
from collections.abc import Iterable, Iterator
from html import escape
from itertools import pairwise
from pathlib import Path

ROOT = Path(__file__).parents[1]
PACKAGE = ROOT / "transformer_mt"
PICTURE = ROOT / ".github" / "modules.svg"
FRONT = "__init__"

_WIDTH, _HEIGHT, _GAP, _LEVEL = 122, 26, 16, 66
"""Size of a box, gap between boxes, and distance of rows, in pixels."""
_SWEEPS = 40
_COLORS = {"model": "#d8e8ff", "data": "#dff3df", "tasks": "#ffe9c7", "training": "#ffe9c7"}


def room_of(path: Path) -> str:
    """Return the room of a file: folder of the package, or module outside all folders."""
    return path.relative_to(PACKAGE).parts[0].removesuffix(".py")


def imported_modules(tree: ast.AST) -> Iterator[str]:
    """Yield the full names of imported modules and of the names imported from them."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def imported_rooms(trees: Iterable[ast.AST], rooms: Iterable[str]) -> set[str]:
    """Return the rooms that are imported, also within functions."""
    known, found = set(rooms), set()
    for tree in trees:
        for name in imported_modules(tree):
            package, _, rest = name.partition(".")
            if package == PACKAGE.name:
                room = rest.split(".")[0]
                found.add(room if room in known else FRONT)
    return found


def read_imports() -> dict[str, set[str]]:
    """Return the rooms that each room imports, without the room itself."""
    trees: dict[str, list[ast.AST]] = {}
    for path in sorted(PACKAGE.rglob("*.py")):
        trees.setdefault(room_of(path), []).append(ast.parse(path.read_text("utf-8")))
    return {room: imported_rooms(own, trees) - {room} for room, own in trees.items()}


def reduced(imports: dict[str, set[str]]) -> dict[str, set[str]]:
    """Return the transitive reduction of the imports (the graph has no cycle)."""
    reachable: dict[str, set[str]] = {}

    def below(room: str) -> set[str]:
        if room not in reachable:
            reachable[room] = set().union(*({each} | below(each) for each in imports[room]), set())
        return reachable[room]

    return {
        room: {each for each in own if not any(each in below(other) for other in own - {each})}
        for room, own in imports.items()
    }


Point = tuple[str, ...]
"""A point of a row: a room, or (from, to, row) where an arrow passes between the boxes."""


def levels_of(imports: dict[str, set[str]]) -> dict[str, int]:
    """Return the row of each room, from the bottom: above all rooms that it imports."""
    levels: dict[str, int] = {}

    def height(room: str) -> int:
        if room not in levels:
            levels[room] = 1 + max((height(each) for each in imports[room]), default=-1)
        return levels[room]

    for room in sorted(imports):
        height(room)
    return levels


def arrows_of(imports: dict[str, set[str]], levels: dict[str, int]) -> list[list[Point]]:
    """Return each arrow as a list of points, one in every row (Sugiyama et al. 1981)."""
    return [
        [
            (room,),
            *((room, each, str(row)) for row in range(levels[room] - 1, levels[each], -1)),
            (each,),
        ]
        for room in sorted(imports)
        for each in sorted(imports[room])
    ]


def arrange(levels: dict[str, int], arrows: list[list[Point]]) -> dict[Point, tuple[float, int]]:
    """Return x and row of each point, close to the connected points."""
    rows: list[list[Point]] = [[] for _ in range(1 + max(levels.values()))]
    for room, level in sorted(levels.items()):
        rows[level].append((room,))
    near: dict[Point, list[Point]] = {(room,): [] for room in levels}
    for arrow in arrows:
        for point in arrow[1:-1]:
            rows[int(point[2])].append(point)
        for first, second in pairwise(arrow):
            near.setdefault(first, []).append(second)
            near.setdefault(second, []).append(first)
    x = _places(rows)
    for sweep in range(_SWEEPS):  # down and up
        for row in rows if sweep % 2 else rows[::-1]:
            row.sort(key=lambda point: sum(x[n] for n in near[point]) / (len(near[point]) or 1))
            x |= _places([row])
    left = min(x[point] - _size(point) / 2 for point in x)
    return {
        point: (x[point] - left + _GAP, level) for level, row in enumerate(rows) for point in row
    }


def _size(point: Point) -> int:
    return _WIDTH if len(point) == 1 else 0


def _places(rows: list[list[Point]]) -> dict[Point, float]:
    """Return the x of each point, from left to right; each row is centred at 0."""
    places: dict[Point, float] = {}
    for row in rows:
        end = -sum(_size(point) + _GAP for point in row) / 2
        for point in row:
            places[point] = end + _size(point) / 2
            end += _size(point) + _GAP
    return places


def draw(imports: dict[str, set[str]]) -> str:
    """Return the diagram as SVG."""
    few = reduced(imports)
    levels = levels_of(few)
    arrows = arrows_of(few, levels)
    places = arrange(levels, arrows)
    top = max(levels.values())
    width = round(max(x + _size(point) / 2 for point, (x, _) in places.items()) + _GAP)
    height = (top + 1) * _LEVEL + 10
    lines = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" width="{width}"'
        f' height="{height}" font-family="sans-serif" font-size="13">',
        '<marker id="tip" viewBox="0 0 8 8" refX="8" refY="4" markerWidth="7" markerHeight="7"'
        ' orient="auto"><path d="M0 0L8 4L0 8z" fill="#777"/></marker>',
        f'<rect width="{width}" height="{height}" fill="white"/>',
    ]
    on_page = {point: (x, _y(row, top)) for point, (x, row) in places.items()}
    lines += [_path([on_page[point] for point in arrow]) for arrow in arrows]
    for room in sorted(levels):
        x, y = on_page[(room,)]
        lines.append(
            f'<rect x="{x - _WIDTH / 2:.0f}" y="{y}" width="{_WIDTH}" height="{_HEIGHT}" rx="5"'
            f' fill="{_COLORS.get(room, "#f4f4f4")}" stroke="#666"/>'
            f'<text x="{x:.0f}" y="{y + 17}" text-anchor="middle">{escape(room)}</text>'
        )
    return "\n".join([*lines, "</svg>"]) + "\n"


def _y(level: int, top: int) -> int:
    """Return the y of the upper edge of a row."""
    return (top - level) * _LEVEL + 10


def _path(points: list[tuple[float, int]]) -> str:
    """Return the SVG curve of an arrow, from the lower edge of one box to the upper of another."""
    x, y = points[0][0], points[0][1] + _HEIGHT
    steps = [f"M{x:.0f} {y}"]
    for next_x, next_y in points[1:]:
        middle = (y + next_y) / 2
        steps.append(f"C{x:.0f} {middle:.0f} {next_x:.0f} {middle:.0f} {next_x:.0f} {next_y}")
        x, y = next_x, next_y
        if (next_x, next_y) != points[-1]:
            y += _HEIGHT
            steps.append(f"V{y}")
    path = "".join(steps)
    return f'<path d="{path}" fill="none" stroke="#999" marker-end="url(#tip)"/>'


def main() -> None:
    """Write the diagram, or compare with the existing file."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--check", action="store_true", help="only compare with the picture")
    imports = read_imports()
    picture = draw(imports)
    floors = 1 + max(levels_of(imports).values())
    arrows, drawn = (sum(map(len, graph.values())) for graph in (imports, reduced(imports)))
    print(f"{len(imports)} rooms, {floors} floors, {arrows} arrows, {drawn} of them drawn")
    if not parser.parse_args().check:
        PICTURE.write_text(picture, encoding="utf-8")
        print(PICTURE.relative_to(ROOT))
    elif PICTURE.read_text(encoding="utf-8") != picture:
        sys.exit(f"{PICTURE.relative_to(ROOT)} is out of date: python scripts/module_diagram.py")


if __name__ == "__main__":
    main()
