"""Compiles the C++ kernels: one library for each instruction set, of which one is loaded.

Needs a compiler and the standard library: `setup.py` loads this file by its path, where neither torch nor losslab is
installed. An object's name holds a digest of all that it is made of, so that a changed flag, compiler or header never
meets an old object, and two builds never write into each other's files.
"""

import contextlib
import filecmp
import hashlib
import os
import platform
import re
import shlex
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import cache
from pathlib import Path

SOURCES = Path(__file__).parent / "cpu"
FLAGS = [
    "-std=c++17", "-O3", "-fPIC", "-fvisibility=hidden", "-fno-math-errno", "-fno-trapping-math",
    "-ffp-contract=fast", "-Wall", "-Wextra",
]  # fmt: skip
X86: dict[str, list[str]] = {
    "avx512": ["-mavx512f", "-mavx512dq", "-mavx512bw", "-mavx512vl", "-mfma", "-mf16c", "-mprefer-vector-width=512"],
    "avx2": ["-mavx2", "-mfma", "-mf16c"],
    "portable": [],
}  # fmt: skip
ARM: dict[str, list[str]] = {"portable": []}  # NEON is part of every 64-bit ARM
AN_HOUR = 3600.0


def instruction_sets(machine: str = "") -> dict[str, list[str]]:
    """Those of this kind of machine, with the compiler flags that they need."""
    return X86 if (machine or platform.machine()).lower() in ("x86_64", "amd64") else ARM


def library_name(isa: str) -> str:
    return f"_cpu_{isa}{'.dylib' if sys.platform == 'darwin' else '.so'}"


def compiler() -> list[str] | None:
    """The C++ compiler: $CXX, which may hold arguments, or g++, clang++, c++; None where there is none."""
    if sys.platform == "win32":
        return None
    asked = shlex.split(os.environ.get("CXX", ""))
    for command in (asked, ["g++"], ["clang++"], ["c++"]):
        if command and shutil.which(command[0]):
            return command
    return None


def missing() -> str:
    """Why there is no compiler, in words."""
    if sys.platform == "win32":
        return "the fused kernels are not built on Windows"
    asked = os.environ.get("CXX", "")
    return f"no C++ compiler was found (g++, clang++{f', nor $CXX = {asked!r}' if asked else ' or $CXX'})"


def source_files() -> list[Path]:
    return sorted(SOURCES.rglob("*.cpp"))


def build(
    folder: Path, objects: Path, isas: Sequence[str] = (), *, extra: Sequence[str] = (), jobs: int = 0
) -> list[Path]:
    """Compiles what changed into `objects`, puts the libraries into `folder` and returns them: all of them or none.

    objects: a folder that only builds write to; where it cannot be written, one is made for the time of the build.
    isas: some of `instruction_sets()`; all where none is given. extra: more flags, to compile and to link with.
    jobs: how many compilers run at once; 0 is one for each core.
    Raises RuntimeError where there is no compiler, or it fails, or `folder` cannot be written.
    """
    cxx = compiler()
    if cxx is None:
        raise RuntimeError(missing())
    unknown = sorted(set(isas) - set(instruction_sets()))
    if unknown:
        raise RuntimeError(f"no instruction set {unknown[0]!r} on this machine; there are {list(instruction_sets())}")
    with _writable(objects) as objects, ThreadPoolExecutor(jobs or os.cpu_count() or 1) as pool:
        plans = {isa: _plan(cxx, isa, extra, objects / isa) for isa in isas or instruction_sets()}
        for step in ("compile", "link"):
            works = [work for plan in plans.values() for work in getattr(plan, step) if not work.target.exists()]
            errors = [error for error in pool.map(_run, works) if error]
            if errors:
                raise RuntimeError(errors[0])
        libraries = [_put(plan.link[0].target, folder / library_name(isa)) for isa, plan in plans.items()]
        for isa, plan in plans.items():
            _sweep(objects / isa, {work.target for work in (*plan.compile, *plan.link)})
    return libraries


@dataclass
class Work:
    """One call of the compiler: `command`, which lacks the file to write."""

    target: Path
    command: list[str]
    about: str


@dataclass
class Plan:
    compile: list[Work]
    link: list[Work]


def _plan(cxx: list[str], isa: str, extra: Sequence[str], objects: Path) -> Plan:
    about = _about(tuple(cxx))
    flags = [*FLAGS, *_openmp(about), *instruction_sets()[isa], *extra, *shlex.split(os.environ.get("CXXFLAGS", ""))]
    compiling = []
    for source in source_files():
        key = _digest(about, *cxx, *flags, str(source.relative_to(SOURCES)), *_contents(source))
        target = objects / f"{source.stem}-{key}.o"
        compiling.append(Work(target, [*cxx, *flags, "-c", str(source)], f"{source.name} ({isa})"))
    # OpenMP is not linked: its functions are those of torch's runtime, wherever torch keeps that, and of no other.
    last = ["-Wl,-undefined,dynamic_lookup"] if sys.platform == "darwin" else ["-Wl,--as-needed", "-static-libgcc"]
    linking = [*cxx, "-shared", *extra, *last, *[str(work.target) for work in compiling]]
    key = _digest(about, *cxx, *extra, *last, *[work.target.name for work in compiling])
    return Plan(compiling, [Work(objects / f"{isa}-{key}.so", linking, f"the library ({isa})")])


@cache
def _about(cxx: tuple[str, ...]) -> str:
    """What the compiler says of itself."""
    return subprocess.run([*cxx, "--version"], capture_output=True, text=True, check=False).stdout


def _openmp(about: str) -> list[str]:
    """Threads where torch's runtime understands the compiler; elsewhere vector loops alone, on one thread."""
    if "clang" not in about.lower():
        return ["-fopenmp"]
    if sys.platform == "darwin":
        return ["-Xpreprocessor", "-fopenmp"]  # Apple's clang hides the option; torch brings libomp
    return ["-fopenmp-simd"]  # torch brings libgomp, which lacks what clang would call


def _digest(*parts: str) -> str:
    return hashlib.sha256("\0".join(parts).encode()).hexdigest()[:16]


def _contents(source: Path) -> Iterator[str]:
    """The text of a source and of each of our headers that it includes, once each."""
    seen: set[Path] = set()
    waiting = [source]
    while waiting:
        path = waiting.pop()
        if path in seen:
            continue
        seen.add(path)
        text = path.read_text(encoding="utf-8")
        yield text
        names = re.findall(r'^\s*#\s*include\s*"([^"]+)"', text, re.MULTILINE)
        for place in (path.parent, SOURCES):
            waiting += [(place / name).resolve() for name in names if (place / name).exists()]


def _run(work: Work) -> str:
    """Makes the file under another name first, so that an interrupted build leaves none; returns the errors."""
    temporary = work.target.with_name(f"{work.target.name}.{os.getpid()}.new")
    temporary.parent.mkdir(parents=True, exist_ok=True)
    try:
        ran = subprocess.run([*work.command, "-o", str(temporary)], capture_output=True, text=True, check=False)
        if ran.returncode:
            return f"{work.command[0]} failed on {work.about}:\n{ran.stderr}"
        if ran.stderr:
            print(ran.stderr, file=sys.stderr)
        os.replace(temporary, work.target)
    finally:
        temporary.unlink(missing_ok=True)
    return ""


def _put(made: Path, library: Path) -> Path:
    """Copies where something changed; a library in use is replaced, never written into."""
    if library.exists() and filecmp.cmp(made, library, shallow=False):
        return library
    temporary = library.with_name(f"{library.name}.{os.getpid()}.new")
    try:
        library.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(made, temporary)
        os.replace(temporary, library)
    except OSError as error:
        raise RuntimeError(f"the kernels were compiled, but cannot be written: {error}") from error
    finally:
        with contextlib.suppress(OSError):
            temporary.unlink(missing_ok=True)
    return library


def _sweep(objects: Path, used: set[Path]) -> None:
    """Removes what earlier sources left, but nothing that another build may be writing."""
    for path in objects.iterdir():
        if path not in used and path.stat().st_mtime < time.time() - AN_HOUR:
            path.unlink(missing_ok=True)


@contextlib.contextmanager
def _writable(objects: Path) -> Iterator[Path]:
    try:
        objects.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=objects):
            pass
    except OSError:
        with tempfile.TemporaryDirectory() as folder:
            yield Path(folder)
        return
    yield objects


def main(isas: Sequence[str]) -> int:
    """Builds into this folder or $LOSSLAB_KERNELS; a missing compiler is said and is no error."""
    here = Path(__file__).resolve().parent
    objects = Path(os.environ.get("LOSSLAB_BUILD") or here.parents[2] / "build" / "kernels")
    if compiler() is None:
        print(f"losslab: {missing()}; everything runs by the rules", file=sys.stderr)
        return 0
    try:
        libraries = build(Path(os.environ.get("LOSSLAB_KERNELS") or here), objects, isas)
    except RuntimeError as error:
        print(f"losslab: the fused kernels were not compiled: {error}", file=sys.stderr)
        return 1
    print(*libraries, sep="\n")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
