"""What importing does and does not do, which floor may see which, and what the public names are."""

from __future__ import annotations

import ast
import functools
import subprocess
import sys
from pathlib import Path

import pytest

import torchweights

HOME = Path(torchweights.__file__).parent
HEAVY = (
    "tensorflow",
    "keras",
    "tf_keras",
    "matplotlib",
    "pytest",
    "tqdm",
    "pandas",
    "scipy",
    "torchmetrics",
    "sklearn",
    "rich",
)

#: module -> floor; a module sees only modules of lower floors (``losses`` also its own base)
FLOORS = {
    "messages": 0, "precision": 0, "tracing": 0,
    "options": 1, "validation": 1, "flags": 2, "functional": 2, "alignment": 1, "denominators": 1, "releases": 1, "partial_sums": 1,
    "semantics": 2, "closed_form": 3, "counts": 3,
    "reduction": 4, "class_weight": 4, "class_counts": 4, "masking": 4,
    "losses": 5, "tf1": 5, "class_weight_builders": 5, "cost_matrices": 5,
    "names": 6, "compile_rules": 6, "penalties": 6, "totals": 6, "metrics": 6, "distributed": 6,
    "total_splitting": 7, "compiled": 8, "epochs": 9, "fusion": 9, "explanation": 9, "explain": 10,
}  # fmt: skip
TOP = 11

PUBLIC = {
    "BinaryCrossentropy", "BinaryFocalCrossentropy", "CTC", "CategoricalCrossentropy", "CategoricalFocalCrossentropy",
    "CategoricalGeneralizedCrossEntropy", "CategoricalHinge", "Circle", "CosineSimilarity", "Counts", "Denominator", "Dice", "PartialSums", "global_denominator", "global_sums",
    "Hinge", "Huber", "KLDivergence", "KerasTrapWarning", "LogCosh", "MeanAbsoluteError", "MeanAbsolutePercentageError",
    "MeanSquaredError", "MeanSquaredLogarithmicError", "Poisson", "SEMANTICS", "Semantics", "SparseCategoricalCrossentropy",
    "SquaredHinge", "Tversky", "ExpectedCost", "WeightedCategoricalCrossentropy", "WeightedMeanAbsoluteError",
    "WeightedMeanSquaredError", "WeightedRootMeanSquaredError", "business_costs", "costs_from_class_weight", "from_function", "fuse",
    "ordinal_costs", "ClassDice", "ClassTversky", "BinaryCrossentropyDice", "positive_count", "class_shares", "CompiledLoss", "EpochLoss", "Explanation", "Parts", "activity_l1", "activity_l2", "explain", "l1", "l2", "ClassCounts", "balanced", "capped",
    "count_classes", "effective_number", "inverse_square_root", "median_frequency", "positive_weight", "WeightedLoss", "blank_pixels", "class_weight_to_sample_weights", "functional", "get",
    "labelled_pixels", "mask_pixels", "reduce_weighted_values", "semantics_for",
}  # fmt: skip


@functools.cache
def python(code: str) -> str:
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd="/", check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


def imported(source: str, package: str = "torchweights") -> set[str]:
    """The modules of the package that a source names: ``torchweights.losses.base`` is ``losses``; the package itself is ``""``."""
    found = set()
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, "imports are absolute"
            names = [
                f"{node.module}.{alias.name}" if node.module == package else str(node.module) for alias in node.names
            ]
        else:
            continue
        for name in names:
            first, _, rest = name.partition(".")
            if first == package:
                found.add(rest.split(".")[0])
    return found


def modules() -> list[Path]:
    return [path for path in sorted(HOME.rglob("*.py")) if "__pycache__" not in path.parts]


def limit_of(path: Path) -> object:
    return pytest.param(path, 350, id=str(path.relative_to(HOME)))


def floor_of(path: Path) -> tuple[str, int]:
    module = path.relative_to(HOME).parts[0].removesuffix(".py")
    return module, FLOORS.get(module, TOP)


@pytest.mark.parametrize(
    "module", ["torchweights", "torchweights.parity", "torchweights.parity.replay", "torchweights.parity.comparison"]
)
def test_importing_brings_in_nothing_heavy(module: str) -> None:
    loaded = python(f"import sys, {module}; print(*sys.modules)").split()
    # torch itself may look for a package; it may not be this library that wants it.
    brought_by_torch = python("import sys, torch; print(*sys.modules)").split()
    assert not {name.split(".")[0] for name in loaded if name not in brought_by_torch} & set(HEAVY)


def test_importing_works_where_the_heavy_packages_are_missing() -> None:
    python(
        f"import sys; sys.modules.update(dict.fromkeys({HEAVY!r})); import torchweights, torchweights.parity.comparison"
    )


def test_the_test_of_imports_can_fail() -> None:
    loaded = python("import sys, pytest; print(*sys.modules)").split()
    assert "pytest" in loaded
    assert imported("import torchweights.losses.base\nfrom torchweights import semantics\nimport torch\n") == {
        "losses",
        "semantics",
    }


def test_importing_says_nothing_and_leaves_torch_as_it_is() -> None:
    code = "import torch; before = torch.get_default_dtype(), torch.get_num_threads(), torch.initial_seed(); import torchweights; "
    assert (
        python(code + "assert before == (torch.get_default_dtype(), torch.get_num_threads(), torch.initial_seed())")
        == ""
    )


#: read by the oracles as a package of its own, hence with relative imports: none may leave it
CASES = HOME / "parity" / "cases"


@pytest.mark.parametrize(
    "path", [path for path in modules() if CASES not in path.parents], ids=lambda path: str(path.relative_to(HOME))
)
def test_imports_point_down(path: Path) -> None:
    module, floor = floor_of(path)
    if path == HOME / "__init__.py":
        return
    seen = imported(path.read_text(encoding="utf-8")) - {module}
    higher = {name: FLOORS.get(name, TOP) for name in seen if FLOORS.get(name, TOP) >= floor and floor < TOP}
    assert not higher, f"{module} (floor {floor}) imports {higher}"


def test_formulas_and_eras_are_ignorant_of_each_other() -> None:
    for path in (HOME / "functional").glob("*.py"):
        assert imported(path.read_text()) <= {"functional", "messages", "precision", "validation"}
    assert imported((HOME / "semantics.py").read_text()) <= {"messages", "alignment", "denominators", "releases"}


def test_cases_import_nothing_but_numpy_and_themselves() -> None:
    for path in CASES.glob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(), feature_version=(3, 6))):
            if isinstance(node, ast.ImportFrom):
                assert node.level == 1 or node.module == "__future__"
            elif isinstance(node, ast.Import):
                assert {alias.name for alias in node.names} <= {"hashlib", "itertools", "numpy", "zlib"}


def test_every_module_below_the_top_has_a_floor() -> None:
    tops = {"__init__", "__main__", "cli", "demo", "eras", "explain_command", "parity"}
    assert {floor_of(path)[0] for path in modules()} - tops == set(FLOORS)


def test_the_public_names_are_these() -> None:
    submodules = {path.stem for path in HOME.glob("*.py")} | {path.name for path in HOME.iterdir() if path.is_dir()}
    names = {name for name in vars(torchweights) if not name.startswith("_")}
    # ``explain`` is the name of a module and of the function in it, which is what people call.
    assert names - (submodules - {"functional", "explain"}) == PUBLIC
    assert all(getattr(torchweights, name).__doc__ for name in PUBLIC - {"SEMANTICS"})


@pytest.mark.parametrize(("path", "limit"), [limit_of(path) for path in modules()])
def test_files_stay_short(path: Path, limit: int) -> None:
    assert len(path.read_text(encoding="utf-8").splitlines()) < limit


def test_nothing_is_called_utils() -> None:
    assert not [path for path in modules() if path.stem in ("utils", "util", "helpers", "common", "misc")]
