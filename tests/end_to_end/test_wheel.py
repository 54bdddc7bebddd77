"""What pip makes of this tree: with a compiler a wheel that needs none afterwards, without one a package of rules."""

import os
import shutil
import subprocess
import sys
import sysconfig
import zipfile
from pathlib import Path

import pytest

from losslab.kernels import build

ROOT = Path(__file__).parents[2]
PACKAGED = ("src", "setup.py", "pyproject.toml", "MANIFEST.in", "README.md", "LICENSE")

pytestmark = pytest.mark.skipif(not os.environ.get("NIGHTLY"), reason="builds wheels: `make nightly`")

# Runs in the installed package: where it lies, what it says of its kernels, and the gradient of a loss by the public
# function and by the kernel, where there is one.
TRIED = """
import torch, losslab
from losslab.kernels import library, pointwise
input = torch.tensor([3.0, -0.5, 0.25, -4.0] * 25_000, requires_grad=True)
target, fused = torch.zeros(100_000), torch.zeros(100_000)
losslab.functional.huber_loss(input, target, reduction="sum").backward()
kernel = pointwise.find("huber_loss")
if kernel is not None:
    pointwise.run(kernel, input.detach()[None], target[None], torch.ones(1, 1).double(), gradient=fused[None])
print(losslab.__file__, input.grad[:4].tolist(), fused[-4:].tolist(), library.status(), sep="|")
"""


def pip(*words, **environment):
    command = [sys.executable, "-m", "pip", "--disable-pip-version-check", *words]
    ran = subprocess.run(command, env=os.environ | environment, capture_output=True, text=True, check=False)
    assert ran.returncode == 0, ran.stdout + ran.stderr
    return ran.stdout + ran.stderr


def make_wheel(tree, **environment):
    """Of a copy: whatever an earlier build left in this tree is not in it."""
    left = shutil.ignore_patterns("_cpu_*", "__pycache__", "*.egg-info")
    for name in PACKAGED:
        copy = shutil.copytree if (ROOT / name).is_dir() else shutil.copy
        copy(ROOT / name, tree / name, **({"ignore": left} if copy is shutil.copytree else {}))
    said = pip(
        "wheel", "-v", "--no-deps", "--no-build-isolation", "--wheel-dir", str(tree / "dist"), str(tree), **environment
    )
    (wheel,) = (tree / "dist").iterdir()
    return wheel, said


def in_a_clean_environment(wheel, place):
    """Installs the wheel and nothing else of ours; torch and the rest are found where these tests find them."""
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", str(place)], check=True)
    python = place / "bin" / "python"
    pip("--python", str(python), "install", "--no-deps", "--no-index", str(wheel))
    (site,) = place.glob("lib/python*/site-packages")
    (site / "others.pth").write_text(sysconfig.get_path("purelib"), encoding="utf-8")
    (place / "empty").mkdir()
    environment = {"PATH": str(place / "empty"), "OMP_NUM_THREADS": "1", "HOME": str(place)}
    ran = subprocess.run(
        [str(python), "-c", TRIED], cwd=place, env=environment, capture_output=True, text=True, check=False
    )
    assert ran.returncode == 0, ran.stderr
    file, public, fused, status = ran.stdout.strip().split("|")
    assert file.startswith(str(site))
    assert public == "[1.0, -0.5, 0.25, -1.0]"  # errors beyond 1 pull with 1
    assert fused == ("[0.0, 0.0, 0.0, 0.0]" if status.startswith("no ") else public)
    return status


@pytest.mark.skipif(build.compiler() is None, reason="no C++ compiler")
def test_a_wheel_runs_its_kernels_where_there_is_no_compiler(tmp_path):
    tree = tmp_path / "the tree"
    tree.mkdir()
    wheel, _ = make_wheel(tree, LOSSLAB_BUILD=str(ROOT / "build" / "kernels"))
    assert wheel.name.split("-")[2:4] == ["py3", "none"]
    assert not wheel.name.endswith("any.whl")
    inside = set(zipfile.ZipFile(wheel).namelist())
    assert {f"losslab/kernels/{build.library_name(isa)}" for isa in build.instruction_sets()} <= inside
    assert not [name for name in inside if name.endswith((".cpp", ".h", ".o"))]
    assert in_a_clean_environment(wheel, tmp_path / "venv").startswith("fused kernels: ")


@pytest.mark.parametrize("compiler", ["", "false"], ids=["none", "one that fails"])
def test_without_a_working_compiler_the_package_is_pure_and_says_so(compiler, tmp_path):
    (tmp_path / "bin").mkdir()
    if compiler:
        (tmp_path / "bin" / "g++").symlink_to(shutil.which(compiler))
    tree = tmp_path / "tree"
    tree.mkdir()
    wheel, said = make_wheel(tree, PATH=str(tmp_path / "bin"), CXX="", LOSSLAB_BUILD=str(tmp_path / "objects"))
    assert "losslab: built without fused kernels, everything runs by the rules: " in said
    assert wheel.name.endswith("-py3-none-any.whl")
    assert not [name for name in zipfile.ZipFile(wheel).namelist() if "_cpu_" in name]
    status = in_a_clean_environment(wheel, tmp_path / "venv")
    assert status == "no fused kernels: not compiled; everything runs by the rules"


def test_the_sources_are_in_the_archive_that_others_build_from(tmp_path):
    for name in PACKAGED:
        copy = shutil.copytree if (ROOT / name).is_dir() else shutil.copy
        copy(ROOT / name, tmp_path / name)
    code = "from setuptools import build_meta; print(build_meta.build_sdist('dist'))"
    subprocess.run([sys.executable, "-c", code], cwd=tmp_path, capture_output=True, check=True)
    (archive,) = (tmp_path / "dist").iterdir()
    shutil.unpack_archive(archive, tmp_path / "out")
    (top,) = (tmp_path / "out").iterdir()
    cpu = top / "src" / "losslab" / "kernels" / "cpu"
    assert sorted(path.name for path in cpu.iterdir()) == sorted(path.name for path in build.SOURCES.iterdir())
    assert (top / "setup.py").exists()
