"""Loading the kernels: which file is taken, what is said of one that cannot be, and whose threads it runs on."""

import os
import shutil
import subprocess
import sys
import threading

import pytest
import torch

from losslab.kernels import build, library


@pytest.fixture
def fresh(monkeypatch):
    """As a process that has not looked for kernels yet."""
    library.library.cache_clear()
    yield monkeypatch
    monkeypatch.undo()
    library.library.cache_clear()


def folder_with(path, content, monkeypatch):
    monkeypatch.setenv("LOSSLAB_ISA", "portable")
    monkeypatch.setenv("LOSSLAB_KERNELS", str(path))
    (path / build.library_name("portable")).write_bytes(content)


def mine():
    return library.candidates()[0].read_bytes()


@pytest.mark.without_kernels
@pytest.mark.parametrize("content", [b"", b"not a library", b"\x7fELF\x02\x01"], ids=["empty", "text", "head alone"])
def test_what_is_no_library_counts_as_none_and_is_said_once(content, tmp_path, fresh):
    folder_with(tmp_path, content, fresh)
    with pytest.warns(UserWarning, match="the fused kernels in .*portable.* are left alone") as said:
        assert [library.library(), library.library()] == [None, None]
    assert len(said) == 1
    assert library.status().startswith(f"no fused kernels: {tmp_path}")
    assert library.status().endswith("cannot be used; everything runs by the rules")


def test_a_shortened_library_is_refused_before_it_can_end_the_process(tmp_path, fresh):
    whole = mine()
    folder_with(tmp_path, whole[: len(whole) // 2], fresh)
    with pytest.warns(UserWarning, match="its end is missing"):
        assert library.library() is None


def test_a_library_of_another_machine_is_refused(tmp_path, fresh):
    content = bytearray(mine())
    content[18] ^= 0xFF  # e_machine
    folder_with(tmp_path, bytes(content), fresh)
    with pytest.warns(UserWarning, match="are left alone"):
        assert library.library() is None


def test_a_library_of_another_version_is_refused_in_words(fresh, monkeypatch):
    monkeypatch.setattr(library, "INTERFACE", library.INTERFACE + 1)
    with pytest.warns(
        UserWarning, match=rf"interface {library.INTERFACE - 1}, and this .* needs {library.INTERFACE}; .*make kernels"
    ):
        assert library.library() is None


def test_a_damaged_library_leaves_the_next_best(tmp_path, fresh):
    good, *others = library.candidates()
    if not others:
        pytest.skip("one instruction set only")
    (tmp_path / good.name).write_bytes(b"damaged")
    shutil.copy(good, tmp_path / others[0].name)
    fresh.setenv("LOSSLAB_KERNELS", str(tmp_path))
    with pytest.warns(UserWarning, match="are left alone"):
        assert library.library()._name == str(tmp_path / others[0].name)


@pytest.mark.without_kernels
def test_switched_off_or_not_compiled(tmp_path, fresh):
    fresh.setenv("LOSSLAB_KERNELS", str(tmp_path))
    assert library.library() is None
    assert library.status() == "no fused kernels: not compiled; everything runs by the rules"
    fresh.setenv("LOSSLAB_KERNELS", "off")
    library.library.cache_clear()
    assert library.library() is None
    assert library.status() == "no fused kernels: LOSSLAB_KERNELS is off; everything runs by the rules"


@pytest.mark.without_kernels
@pytest.mark.parametrize(
    ("capability", "names"),
    [
        ("AVX512", ["avx512", "avx2", "portable"]),
        ("AVX2", ["avx2", "portable"]),
        ("DEFAULT", ["portable"]),
        ("SVE256", ["portable"]),
    ],
)
def test_torch_says_what_the_machine_can_do(capability, names, monkeypatch):
    monkeypatch.setattr(torch.backends.cpu, "get_cpu_capability", lambda: capability)
    monkeypatch.delenv("LOSSLAB_ISA", raising=False)
    monkeypatch.delenv("LOSSLAB_KERNELS", raising=False)
    assert [path.name for path in library.candidates()] == [build.library_name(name) for name in names]


def run(code, **environment):
    ran = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, timeout=60,
        env=os.environ | {"OMP_NUM_THREADS": "2"} | environment, check=False,
    )  # fmt: skip
    assert ran.returncode == 0, ran.stderr
    return ran.stdout.split()


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
@pytest.mark.parametrize("first", ["", "import sklearn.cluster, sklearn._loss;"], ids=["alone", "after scikit-learn"])
def test_threads_are_those_of_torch_whatever_was_imported_first(first):
    """Where a function of OpenMP lies that our library calls: in the runtime that torch's own library calls."""
    code = f"""{first}
from losslab.kernels import library
import ctypes, torch
class Info(ctypes.Structure):
    _fields_ = [("file", ctypes.c_char_p)] + [(name, ctypes.c_void_p) for name in ("base", "name", "at")]
def home(address):
    info = Info()
    assert ctypes.CDLL(None).dladdr(ctypes.c_void_p(address), ctypes.byref(info))
    return info.file.decode()
kernels = library.library()
assert kernels.losslab_team(2) == 2
kernels.losslab_runtime.restype = ctypes.c_void_p
torchs = ctypes.cast(ctypes.CDLL(torch.__path__[0] + "/lib/libtorch_cpu.so").omp_get_num_threads, ctypes.c_void_p)
print(home(kernels.losslab_runtime()), home(torchs.value))
"""
    ours, torchs = run(code)
    assert ours == torchs
    assert "scikit" not in ours


FORKED = """
import os, sys, torch
from losslab.kernels import library
kernels = library.library()
torch.set_num_threads(2)
before = [library.threads(), kernels.losslab_team(library.threads())]
child = os.fork()
if child == 0:
    torch.set_num_threads(2)
    os._exit(10 * library.threads() + kernels.losslab_team(library.threads()))
print(*before, os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), library.threads())
"""


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork on this system")
def test_a_forked_process_works_on_one_thread():
    assert run(FORKED) == ["2", "2", "11", "2"]


def test_several_threads_of_python_call_at_once(kernels):
    found = []
    workers = [threading.Thread(target=lambda n=n: found.append((n, kernels.losslab_team(n)))) for n in (1, 2, 3, 4)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join(60)
    assert sorted(found) == [(1, 1), (2, 2), (3, 3), (4, 4)]


SHARED = """
import os, threading, torch
from torch.utils.data import DataLoader, Dataset
from losslab.kernels import library, pointwise

torch.set_num_threads(2)
kernel = pointwise.find("huber_loss")

def slope(place):  # of 200,000 errors of `place` / 4 each, enough for two threads; beyond 1 it is 1
    gradient = torch.full((1, 200_000), torch.nan)
    error = torch.full_like(gradient, place / 4)
    pointwise.run(kernel, error, torch.zeros_like(error), torch.ones(1, 1).double(), gradient=gradient)
    assert (gradient == gradient[0, 0]).all()
    return gradient[0, 0].item()

class Slopes(Dataset):
    __len__ = lambda self: 7
    __getitem__ = lambda self, place: slope(place)

expected = [0.0, 0.25, 0.5, 0.75, 1.0, 1.0, 1.0]
assert [slope(place) for place in range(7)] == expected
for _ in range(2):
    found = torch.cat(list(DataLoader(Slopes(), batch_size=3, num_workers=2, multiprocessing_context="fork")))
    assert found.tolist() == expected
wrong = []
def work(place):
    for _ in range(20):
        if slope(place) != expected[place]:
            wrong.append(place)
workers = [threading.Thread(target=work, args=(place,)) for place in (1, 2, 3)]
for worker in workers: worker.start()
for worker in workers: worker.join()
print(len(wrong))
"""


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork on this system")
def test_kernels_serve_the_workers_of_a_loader_and_several_threads_of_python():
    assert run(SHARED) == ["0"]
