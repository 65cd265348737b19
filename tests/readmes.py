"""The READMEs of the project, and what stands in them."""

import re
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
FRONT = ROOT / "README.md"
READMES = [
    FRONT,
    *(
        ROOT / folder / "README.md"
        for folder in (
            "configs",
            "transformer_mt",
            "transformer_mt/training",
            "transformer_mt/inference",
            "transformer_mt/interop",
            "transformer_mt/doctor",
            "scripts",
            "tests",
        )
    ),
]
"""In reading order: what an example needs is made by one before it."""
TEXTS = {str(path.relative_to(ROOT)): path.read_text("utf-8") for path in READMES}
"""By name."""

_BLOCK = re.compile(r"^```(\w*)\n(.*?)^```$", flags=re.MULTILINE | re.DOTALL)


def blocks(text: str, language: str = "") -> list[str]:
    """The code blocks of a README in one language; without one, those that name none."""
    return [code for name, code in _BLOCK.findall(text) if name == language]


def shell_lines(text: str) -> list[str]:
    """The lines of its blocks of shell commands, each continued one as a single line."""
    joined = [re.sub(r"\\\n\s*", " ", block) for block in blocks(text)]
    return [line for block in joined for line in block.splitlines()]


def inline_code(text: str) -> list[str]:
    """What stands between single backticks in its running text."""
    return re.findall(r"`([^`\n]+)`", _BLOCK.sub("", text))
