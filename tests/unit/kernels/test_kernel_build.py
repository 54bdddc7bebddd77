"""Compiling the kernels: what is made anew and when, what happens without a compiler, and which files are refused."""

import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

from losslab.kernels import build, library

ROOT = Path(__file__).parents[3]
needs_compiler = pytest.mark.skipif(build.compiler() is None, reason="no C++ compiler")
pytestmark = pytest.mark.without_kernels


@pytest.fixture
def sources(tmp_path, monkeypatch):
    """A folder of sources, in a path with a space, that compiles in a moment: the interface and one function more."""
    place = tmp_path / "with a space" / "cpu"
    place.mkdir(parents=True)
    for name in ("interface.cpp", "losslab.h", "threads.h"):
        shutil.copy(build.SOURCES / name, place)
    (place / "answer.h").write_text("#define ANSWER 41\n", encoding="utf-8")
    (place / "inner").mkdir()
    (place / "inner" / "wrapped.h").write_text('#include "../answer.h"\n', encoding="utf-8")
    text = '#include "losslab.h"\n#include "inner/wrapped.h"\nLOSSLAB_API int answer() { return ANSWER + EXTRA; }\n'
    (place / "answer.cpp").write_text(text, encoding="utf-8")
    monkeypatch.setattr(build, "SOURCES", place)
    monkeypatch.setenv("CXXFLAGS", "-DEXTRA=1 -O0")
    return place


def make(place):
    return build.build(place.parent / "lib", place.parent / "objects", ["portable"])[0]


def answer(path):
    """Of a copy: what is loaded under a name stays what it is."""
    with tempfile.NamedTemporaryFile(dir=path.parent, suffix=path.suffix) as copy:
        copy.write(path.read_bytes())
        copy.flush()
        return library._load(Path(copy.name)).answer()


@needs_compiler
def test_where_there_is_a_compiler_the_kernels_of_this_machine_are_built_and_load():
    if os.environ.get("LOSSLAB_KERNELS"):
        pytest.skip("LOSSLAB_KERNELS asks for other kernels than those of this tree")
    assert library.library() is not None, f"{library.status()}; run `make kernels`"
    assert library.status() == f"fused kernels: {library.candidates()[0].stem.removeprefix('_cpu_')}"


@needs_compiler
def test_only_what_changed_is_compiled_again(sources, monkeypatch):
    ran = []
    monkeypatch.setattr(build, "_run", lambda work, run=build._run: ran.append(work.about) or run(work))
    compiled = lambda: [ran.pop(0) for _ in ran[:]]
    first = make(sources)
    assert sorted(compiled()) == ["answer.cpp (portable)", "interface.cpp (portable)", "the library (portable)"]
    assert answer(first) == 42
    before = first.stat().st_mtime_ns
    assert make(sources).stat().st_mtime_ns == before
    assert compiled() == []
    (sources / "answer.h").write_text("#define ANSWER 6\n", encoding="utf-8")  # reached through another header
    assert answer(make(sources)) == 7
    assert compiled() == ["answer.cpp (portable)", "the library (portable)"]
    monkeypatch.setenv("CXXFLAGS", "-DEXTRA=3 -O0")
    assert answer(make(sources)) == 9
    assert len(compiled()) == 3
    (sources / "answer.h").write_text("#define ANSWER 41\n", encoding="utf-8")
    monkeypatch.setenv("CXXFLAGS", "-DEXTRA=1 -O0")
    assert answer(make(sources)) == 42  # back again, from the objects of then
    assert compiled() == []


@needs_compiler
def test_another_compiler_makes_other_objects(sources, monkeypatch, tmp_path):
    make(sources)
    other = tmp_path / "other g++"
    other.write_text(f'#!/bin/sh\nexec {shutil.which(build.compiler()[0])} "$@"\n', encoding="utf-8")
    other.chmod(0o755)
    monkeypatch.setenv("CXX", f"'{other}' -DANYTHING")
    assert build.compiler() == [str(other), "-DANYTHING"]
    make(sources)
    assert len(list((sources.parent / "objects" / "portable").glob("*.o"))) == 4


@needs_compiler
def test_a_fault_in_a_source_is_shown_and_leaves_the_library_of_before(sources):
    path = make(sources)
    (sources / "answer.h").write_text("#define ANSWER not_there\n", encoding="utf-8")
    with pytest.raises(RuntimeError, match=r"failed on answer\.cpp \(portable\):\n(?s:.)*not_there"):
        make(sources)
    assert answer(path) == 42
    left = [path.name for path in sources.parent.rglob("*") if path.name.endswith(".new")]
    assert left == []


@needs_compiler
def test_an_interrupted_compiler_leaves_no_object(sources, monkeypatch, tmp_path):
    half = tmp_path / "half"
    half.write_text('#!/bin/sh\nfor last; do :; done\necho half > "$last"\nexit 1\n', encoding="utf-8")
    half.chmod(0o755)
    monkeypatch.setenv("CXX", str(half))
    with pytest.raises(RuntimeError, match="half failed on"):
        make(sources)
    assert list((sources.parent / "objects" / "portable").iterdir()) == []


@needs_compiler
@pytest.mark.skipif(os.name == "nt" or os.geteuid() == 0, reason="the administrator may write anywhere")
def test_a_folder_that_cannot_be_written_is_named(sources):
    folder = sources.parent / "lib"
    folder.mkdir(mode=0o500)
    with pytest.raises(RuntimeError, match="cannot be written"):
        make(sources)


@needs_compiler
def test_objects_find_another_place_where_theirs_cannot_be_written(sources):
    (sources.parent / "objects").write_text("a file where the folder should be", encoding="utf-8")
    assert answer(make(sources)) == 42


def test_without_a_compiler_one_line_says_so(monkeypatch, capsys, tmp_path):
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setenv("CXX", "my-own-c++")
    assert build.main([]) == 0
    said = "losslab: no C++ compiler was found (g++, clang++, nor $CXX = 'my-own-c++'); everything runs by the rules\n"
    assert capsys.readouterr().err == said
    with pytest.raises(RuntimeError, match="no C\\+\\+ compiler"):
        build.build(tmp_path, tmp_path)


def test_an_unknown_instruction_set_is_named(monkeypatch, tmp_path):
    monkeypatch.setattr(build, "compiler", lambda: ["c++"])
    with pytest.raises(RuntimeError, match="no instruction set 'mmx'"):
        build.build(tmp_path, tmp_path, ["mmx"])


def test_each_kind_of_machine_has_its_instruction_sets():
    assert (
        list(build.instruction_sets("x86_64"))
        == list(build.instruction_sets("AMD64"))
        == ["avx512", "avx2", "portable"]
    )
    assert build.instruction_sets("aarch64") == build.instruction_sets("arm64") == {"portable": []}


@pytest.mark.parametrize(
    ("about", "platform", "flags"),
    [
        ("g++ (Debian 12.2.0-14) 12.2.0", "linux", ["-fopenmp"]),
        ("Debian clang version 14.0.6", "linux", ["-fopenmp-simd"]),
        ("Apple clang version 15.0.0 (clang-1500.3.9.4)", "darwin", ["-Xpreprocessor", "-fopenmp"]),
    ],
)
def test_threads_are_asked_for_where_torch_has_the_runtime_of_the_compiler(about, platform, flags, monkeypatch):
    monkeypatch.setattr(sys, "platform", platform)
    assert build._openmp(about) == flags


@pytest.mark.skipif(shutil.which("aarch64-linux-gnu-g++") is None, reason="no compiler for ARM (g++-aarch64-linux-gnu)")
@pytest.mark.parametrize("source", build.source_files(), ids=lambda path: path.stem)
def test_every_source_compiles_for_arm(source):
    command = ["aarch64-linux-gnu-g++", *build.FLAGS, "-fopenmp", "-Werror", "-fsyntax-only", str(source)]
    ran = subprocess.run(command, capture_output=True, text=True, check=False)
    assert ran.returncode == 0, ran.stderr
