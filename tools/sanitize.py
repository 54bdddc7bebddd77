"""Runs the tests of the kernels with a build that ends the process at a wrong access: `make sanitize`.

AddressSanitizer sees reads and writes outside of torch's memory and our own, UndefinedBehaviorSanitizer sees shifts,
overflows and misaligned accesses. Arguments go to pytest; without any, all tests of the kernels run. With --quick,
those of their interfaces alone, on a build that takes seconds: `make test` has that.
Exit status: pytest's; 1 where the kernels do not compile. Without the sanitizers' runtime it says so and is 0.
"""

import os
import subprocess
import sys
import tempfile
from pathlib import Path

from losslab.kernels import build

ROOT = Path(__file__).parents[1]
FLAGS = ["-fsanitize=address,undefined", "-fno-sanitize-recover=all", "-fno-omit-frame-pointer", "-g1", "-O1"]
PLACE = ROOT / "build" / "sanitized"
QUICK = [
    "tests/unit/kernels/test_matmul.py",
    "tests/unit/kernels/test_plan_kernels.py",
    "tests/unit/kernels/test_pointwise_kernels.py::test_weights_masks_and_sums",
    "tests/unit/kernels/test_pointwise_kernels.py::test_what_does_not_count_leaves_no_trace",
    "tests/unit/kernels/test_rowwise_kernels.py::test_rows_left_out_count_nothing",
    "tests/unit/kernels/test_rowwise_kernels.py::test_the_first_label_out_of_range_is_named",
    "tests/unit/kernels/test_update_kernels.py::test_threads_change_nothing",
]
# Python and torch keep what they allocate until the end; torch's libraries define some symbols twice.
OPTIONS = {"ASAN_OPTIONS": "detect_leaks=0:detect_odr_violation=0", "UBSAN_OPTIONS": "print_stacktrace=1"}


def runtimes() -> list[str]:
    """What must be in the process before Python itself; empty where it is missing or cannot be loaded like that.

    libstdc++ is among them, or AddressSanitizer would not find what throws torch's exceptions.
    """
    cxx = build.compiler()
    if cxx is None or sys.platform != "linux":
        return []
    found = [
        subprocess.run([*cxx, f"-print-file-name={name}"], capture_output=True, text=True, check=False).stdout.strip()
        for name in ("libasan.so", "libubsan.so", "libstdc++.so.6")
    ]
    return [str(Path(path).resolve()) for path in found] if all(map(os.path.isabs, found)) else []


def works(preload: str) -> bool:
    """Whether the sanitizers see a fault that is planted here: a read behind the end of what malloc gave."""
    source = '#include <stdlib.h>\nextern "C" int peek(int n) { int *p = (int *)malloc(4 * n); return p[n]; }\n'
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "peek.cpp"
        path.write_text(source, encoding="utf-8")
        library = path.with_suffix(".so")
        command = [*(build.compiler() or []), *FLAGS, "-fPIC", "-shared", str(path), "-o", str(library)]
        if subprocess.run(command, capture_output=True, check=False).returncode:
            return False
        code = f"import ctypes; ctypes.CDLL({str(library)!r}).peek(3)"
        environment = os.environ | OPTIONS | {"LD_PRELOAD": preload}
        ran = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=False)
    return ran.returncode != 0 and "heap-buffer-overflow" in ran.stderr


def best_here() -> str:
    """The instruction set that torch finds on this machine."""
    code = "from losslab.kernels.library import candidates; print(candidates()[0].stem.removeprefix('_cpu_'))"
    environment = {name: value for name, value in os.environ.items() if name != "LOSSLAB_KERNELS"}
    ran = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=True)
    return ran.stdout.strip()


def tests() -> list[str]:
    """Those of the kernels, and those of the engine that is made of them."""
    files = [path for pattern in ("native", "kernel") for path in (ROOT / "tests").rglob(f"test_{pattern}*.py")]
    others = [str(path.relative_to(ROOT)) for path in files if path.parent.name != "kernels"]
    return ["tests/unit/kernels", *sorted(others)]


def main(arguments: list[str]) -> int:
    if build.compiler() is None:
        print(f"sanitize: {build.missing()}; nothing was run")
        return 0
    preload = ":".join(runtimes())
    if not preload or not works(preload):
        print("sanitize: the compiler's AddressSanitizer runtime is missing or does not work here; nothing was run")
        return 0
    quick = arguments == ["--quick"]
    isa = "portable" if quick else os.environ.get("LOSSLAB_ISA") or best_here()
    try:
        build.build(PLACE, PLACE / "objects", [isa], extra=[*FLAGS, "-O0"] if quick else FLAGS)
    except RuntimeError as error:
        print(f"sanitize: {error}", file=sys.stderr)
        return 1
    environment = os.environ | OPTIONS | {"LD_PRELOAD": preload, "LOSSLAB_KERNELS": str(PLACE), "LOSSLAB_ISA": isa}
    environment["OMP_NUM_THREADS"] = "1"
    chosen = ["-p", "no:cacheprovider", *QUICK] if quick else ["-n", "auto", *(arguments or tests())]
    command = [
        sys.executable,
        "-m",
        "pytest",
        "--capture=sys",
        *chosen,
    ]  # what ends the process is said on its own stderr
    return subprocess.run(command, env=environment, cwd=ROOT, check=False).returncode


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
