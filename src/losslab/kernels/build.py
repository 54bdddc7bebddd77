"""Compiles the C++ kernels: one library for each instruction set, of which one is loaded. Needs nothing but a compiler."""

import os
import platform
import shutil
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

SOURCES = Path(__file__).parent / "cpu"
FLAGS = [
    "-std=c++17", "-O3", "-fPIC", "-fopenmp", "-fvisibility=hidden", "-fno-math-errno", "-fno-trapping-math",
    "-ffp-contract=fast", "-Wall", "-Wextra",
]  # fmt: skip
X86 = {
    "avx512": ["-mavx512f", "-mavx512dq", "-mavx512bw", "-mavx512vl", "-mfma", "-mf16c", "-mprefer-vector-width=512"],
    "avx2": ["-mavx2", "-mfma", "-mf16c"],
    "portable": [],
}  # fmt: skip
ARM = {"portable": []}  # NEON is part of every 64-bit ARM


def instruction_sets() -> dict[str, list[str]]:
    """Those of this kind of machine, with the compiler flags that they need."""
    return X86 if platform.machine().lower() in ("x86_64", "amd64") else ARM


def library_name(isa: str) -> str:
    return f"_cpu_{isa}{'.dylib' if sys.platform == 'darwin' else '.so'}"


def compiler() -> str | None:
    """The C++ compiler: $CXX, g++ or clang++."""
    for name in (os.environ.get("CXX", ""), "g++", "clang++", "c++"):
        if name and shutil.which(name):
            return name
    return None


def build(
    folder: Path, objects: Path, isas: Sequence[str] = (), *, extra: Sequence[str] = (), jobs: int = 2
) -> list[Path]:
    """Compiles what changed into `objects`, links into `folder`; returns the libraries.

    Raises RuntimeError where there is no compiler or it fails.
    """
    cxx = compiler()
    if cxx is None:
        raise RuntimeError("no C++ compiler was found (g++, clang++ or $CXX)")
    newest_header = max(path.stat().st_mtime for path in SOURCES.glob("*.h"))
    made = []
    for isa in isas or instruction_sets():
        places = objects / isa
        places.mkdir(parents=True, exist_ok=True)
        running: list[tuple[Path, subprocess.Popen[str]]] = []
        for source in sorted(SOURCES.glob("*.cpp")):
            target = places / f"{source.stem}.o"
            if target.exists() and target.stat().st_mtime > max(source.stat().st_mtime, newest_header):
                continue
            command = [cxx, *FLAGS, *instruction_sets()[isa], *extra, "-c", str(source), "-o", str(target)]
            if len(running) >= jobs:
                _wait(*running.pop(0))
            running.append((target, subprocess.Popen(command, stderr=subprocess.PIPE, text=True)))
        for one in running:
            _wait(*one)
        folder.mkdir(parents=True, exist_ok=True)
        library = folder / library_name(isa)
        units = [str(places / f"{source.stem}.o") for source in sorted(SOURCES.glob("*.cpp"))]
        temporary = library.with_suffix(".new")
        _wait(
            library,
            subprocess.Popen(
                [cxx, "-shared", "-fopenmp", *extra, *units, "-o", str(temporary)], stderr=subprocess.PIPE, text=True
            ),
        )
        os.replace(temporary, library)  # a library in use must not be written into
        made.append(library)
    return made


def _wait(target: Path, process: "subprocess.Popen[str]") -> None:
    _, errors = process.communicate()
    if process.returncode:
        target.unlink(missing_ok=True)
        raise RuntimeError(f"compiling {target.name} failed:\n{errors}")
    if errors:
        print(errors, file=sys.stderr)


if __name__ == "__main__":
    here = Path(__file__).parent
    root = Path(os.environ.get("LOSSLAB_BUILD", here.parents[2] / "build" / "kernels"))
    target = Path(os.environ.get("LOSSLAB_KERNELS") or here)
    for path in build(target, root, sys.argv[1:]):
        print(path)
