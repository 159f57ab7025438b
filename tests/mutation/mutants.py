"""The mutants: one small change each in a copy of the package, made by mutmut, switched on by name.

mutmut leaves decorated functions alone, properties among them, so the copy says ``name = property(name)`` below a plain method.
Tables and constants outside of functions it leaves alone too; ``tests.mutation.tables`` sees to those.
"""

from __future__ import annotations

import ast
import difflib
import os
import shutil
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

os.environ.setdefault("MUTANT_UNDER_TEST", "")

from mutmut.configuration import config
from mutmut.mutation.file_mutation import mutate_file_contents
from mutmut.utils.format_utils import get_mutant_name, orig_function_and_class_names_from_key

ROOT = Path(__file__).parents[2]
#: the copy of the package that holds every mutant
FOLDER = ROOT / "mutants"


@dataclass(frozen=True)
class Mutant:
    """One change: mutmut's name for it (or the spoiled ``cell`` of a table), the function that reaches it, and what keeps its name when code around it moves.

    ``key`` is the function and the lines that change, numbered where a function holds the same change more than once.
    """

    name: str
    module: str
    key: str
    cell: Any = None

    @property
    def reached_by(self) -> str:
        """The function as the trampolines of mutmut report it."""
        return self.name.partition("__mutmut_")[0]

    @property
    def group(self) -> str:
        """The mutants that the same tests are likely to kill: those of the function, or of the column."""
        return f"{self.cell.table} {self.cell.column}" if self.cell else self.reached_by


def modules() -> dict[str, Path]:
    """name -> file of each module that setup.cfg wants mutated."""
    return {Path(path).stem: Path(path) for path in config().only_mutate}


def with_plain_methods(source: str) -> str:
    """The source with ``@property`` above a method replaced by ``name = property(name)`` below it; protocols stay."""
    lines = source.splitlines()
    for kind in ast.walk(ast.parse(source)):
        if not isinstance(kind, ast.ClassDef) or any(ast.unparse(base) == "Protocol" for base in kind.bases):
            continue
        for method in reversed(kind.body):
            if isinstance(method, ast.FunctionDef) and [ast.unparse(d) for d in method.decorator_list] == ["property"]:
                below = f"{' ' * method.col_offset}{method.name} = property({method.name})"
                lines.insert(method.end_lineno or 0, below)
                del lines[method.decorator_list[0].lineno - 1]
    return "\n".join(lines) + "\n"


def write(chosen: Iterable[str], folder: Path = FOLDER) -> list[Mutant]:
    """Copy the package with every mutant of the chosen modules in it; what mutants there are."""
    shutil.rmtree(folder, ignore_errors=True)
    shutil.copytree(ROOT / "torchweights", folder / "torchweights", ignore=shutil.ignore_patterns("__pycache__"))
    return [mutant for module in chosen for mutant in _write(module, modules()[module], folder)]


def _write(module: str, path: Path, folder: Path) -> Iterator[Mutant]:
    made = mutate_file_contents(str(path), with_plain_methods((ROOT / path).read_text(encoding="utf-8")))
    (folder / path).write_text(made.code, encoding="utf-8")
    lines, seen = made.code.splitlines(), Counter[str]()
    for name in made.mutant_names:
        spans = [
            made.line_span_by_function_name[one] for one in (f"{name.partition('__mutmut_')[0]}__mutmut_orig", name)
        ]
        before, after = (lines[span.start - 1 : span.end] for span in spans)
        function, kind = orig_function_and_class_names_from_key(name)
        key = f"{module}.{f'{kind}.' if kind else ''}{function}\n{_change(before, after)}"
        seen[key] += 1
        number = f" ({seen[key]})" if seen[key] > 1 else ""
        yield Mutant(get_mutant_name(path, name), module, key.replace("\n", f"{number}\n", 1))


def _change(before: list[str], after: list[str]) -> str:
    """The lines that differ, - before and + after, the name of the function aside."""
    head = next(place for place, line in enumerate(before) if "__mutmut_orig" in line)
    name = before[head].partition("__mutmut_orig")[0]
    tail = after[head].partition("(")[2]
    after = [*after[:head], f"{name}__mutmut_orig({tail}", *after[head + 1 :]]
    changed = [line for line in difflib.ndiff(before, after) if line[0] in "-+"]
    return "\n".join(f"{line[0]} {line[2:].strip()}" for line in changed).replace(
        f"{name.strip()}__mutmut_orig", "def .."
    )
