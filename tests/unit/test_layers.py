"""The shape of the code: who may import whom, what importing losslab costs, and how long a file may be."""

import ast
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PACKAGE = ROOT / "src" / "losslab"
FILES = sorted(PACKAGE.rglob("*.py"))
LONGEST = 400

# What each package may import beside itself. `losslab` is the top: public names only, re-exported.
BASE = {"spec"}
ENGINE = {"spec", "catalog", "kernels", "metrics", "data", "models", "optim"}
BELOW_SEARCH = ENGINE | {"train"}
ALLOWED: dict[str, set[str]] = {
    "spec": set(),
    "catalog": BASE,
    "kernels": BASE,
    "metrics": BASE,
    "optim": BASE,
    "data": set(),
    "models": {"data"},
    "functional": {"spec", "catalog"},
    "nn": {"spec", "catalog", "functional"},
    "train": ENGINE,
    "search": BELOW_SEARCH,
    "backprop": BELOW_SEARCH,
    "landscape": {"spec", "catalog", "optim", "models", "data", "train"},
    "report": {"spec", "optim", "search", "landscape", "backprop"},
    "testing": BASE | {"catalog", "kernels", "metrics", "optim"},
    "cli": BELOW_SEARCH | {"search", "backprop", "report", "testing", "losslab", "landscape"},
    "losslab": BELOW_SEARCH | {"search", "backprop", "report", "testing", "landscape"},
}

# Single files that reach further, each with its reason.
EXCEPTIONS: dict[str, set[str]] = {
    "search/tune.py": {"report"},  # the public call writes its results
    "backprop/trace.py": {"report"},  # so does this one, its tables and page
    "landscape/paths.py": {"report"},  # so does this one
    "train/telling.py": {"report"},  # and so does `losslab.fit`, the line that it shows while it trains
    "report/curves.py": {"train"},  # the public call looks losses up
}
# report draws a finished result; only the live display looks at a study, and then as a type.
REPORT_READS = {"losslab.search.result"}
HEAVY = ("sklearn", "pandas", "optuna", "plotly", "matplotlib", "rich", "scipy", "jinja2", "typer")


def owner(file: Path) -> str:
    """The package of a file, or its own name where it lies at the top."""
    parts = file.relative_to(PACKAGE).with_suffix("").parts
    return "losslab" if parts == ("__init__",) else parts[0]


def package_of(module: str) -> str:
    """losslab.spec.record -> spec"""
    return [*module.split("."), "losslab"][1]


def imports(source: str, module: str) -> set[str]:
    """Every module that the source imports, wherever the statement stands; `module` resolves relative imports."""
    found = set()
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            above = module.split(".")[: -node.level] if node.level else []
            base = ".".join([*above, *([node.module] if node.module else [])])
            found |= {f"{base}.{alias.name}" for alias in node.names} if base == "losslab" else {base}
    return found


def module_name(file: Path) -> str:
    return ".".join(["losslab", *file.relative_to(PACKAGE).with_suffix("").parts])


def ours(file: Path) -> set[str]:
    found = imports(file.read_text(encoding="utf-8"), module_name(file))
    return {name for name in found if name.split(".")[0] == "losslab"}


def broken_rules(file: str, package: str, names: set[str]) -> set[str]:
    may = ALLOWED[package] | EXCEPTIONS.get(file, set()) | {package}
    return {name for name in names if package_of(name) not in may}


def test_every_package_has_its_place():
    assert {owner(file) for file in FILES} <= set(ALLOWED)


@pytest.mark.parametrize("file", FILES, ids=lambda file: str(file.relative_to(PACKAGE)))
def test_imports_go_down(file):
    path = file.relative_to(PACKAGE).as_posix()
    wrong = broken_rules(path, owner(file), ours(file))
    assert not wrong, f"{path} imports {sorted(wrong)}, which lies beside or above it"


def test_what_the_report_reads_of_a_search():
    at_run_time = {file: ours_at_run_time(file) for file in (PACKAGE / "report").rglob("*.py")}
    found = {name for names in at_run_time.values() for name in names if package_of(name) == "search"}
    assert found <= REPORT_READS


def ours_at_run_time(file: Path) -> set[str]:
    """Without what stands under `if TYPE_CHECKING:`."""
    tree = ast.parse(file.read_text(encoding="utf-8"))
    kept = [node for node in tree.body if not (isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING")]
    return imports(ast.unparse(ast.Module(kept, [])), module_name(file))


def test_exceptions_are_needed():
    for path, extra in EXCEPTIONS.items():
        assert extra <= {package_of(name) for name in ours(PACKAGE / path)}, f"{path} needs no exception"


@pytest.mark.parametrize(
    ("source", "package", "wrong"),
    [
        ("from losslab.search.space import Space", "train", True),
        ("import losslab.search", "metrics", True),
        ("def f():\n    from losslab import search", "optim", True),
        ("if x:\n    from ..search.space import Space", "train", True),
        ("from losslab.catalog import CATALOGUE", "spec", True),
        ("from losslab.spec.record import LossRecord", "catalog", False),
        ("from losslab.train.step import step", "search", False),
        ("from .step import step\nimport torch", "train", False),
        ("from losslab import tune", "train", True),
    ],
)
def test_the_rules_see_a_wrong_import(source, package, wrong):
    names = {name for name in imports(source, f"losslab.{package}.file") if name.startswith("losslab")}
    assert bool(broken_rules(f"{package}/file.py", package, names)) is wrong


def loaded(code: str) -> list[str]:
    """What stands on the last line that the code prints, in a fresh process."""
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=ROOT)
    return ran.stdout.split()


@pytest.mark.parametrize(
    ("code", "heavy"),
    [
        ("import losslab", ("torch", *HEAVY)),
        ("import losslab; losslab.losses(), losslab.tune, losslab.trace", HEAVY),
        ("import losslab; losslab.nn.L1Loss(), losslab.functional.l1_loss, losslab.optim.get('adam')", HEAVY),
    ],
)
def test_importing_losslab_is_cheap(code, heavy):
    assert loaded(f"import sys; {code}; print(*[name for name in {heavy!r} if name in sys.modules])") == []


@pytest.mark.parametrize(("load", "spins"), [(0.1, "None"), (1.5, "1000")])
def test_on_a_busy_machine_threads_sleep_soon_which_is_settled_before_torch_is_imported(load, spins):
    code = f"import os, sys; os.getloadavg = lambda: ({load}, 0, 0); os.environ.pop('GOMP_SPINCOUNT', None)"
    asked = "print('torch' in sys.modules, os.environ.get('GOMP_SPINCOUNT'))"
    assert loaded(f"{code}; import losslab.cli.main; {asked}") == ["False", spins]


@pytest.mark.parametrize("file", FILES, ids=lambda file: str(file.relative_to(PACKAGE)))
def test_no_file_is_long(file):
    lines = len(file.read_text(encoding="utf-8").splitlines())
    assert lines <= LONGEST, f"{lines} lines; split it along its ideas"


def test_no_path_of_one_machine():
    own = re.compile(r"(?<![\w.])/(?:work|tmp|home|root|Users|opt)/\w")
    compiled = (".pyc", ".so", ".dylib", ".new")
    texts = [path for path in PACKAGE.rglob("*") if path.is_file() and path.suffix not in compiled]
    found = [
        f"{path.relative_to(ROOT)}: {m[0]}" for path in texts for m in own.finditer(path.read_text(encoding="utf-8"))
    ]
    assert not found
