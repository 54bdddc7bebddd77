"""Compiles the fused kernels while the package is built; everything else stands in pyproject.toml.

Without a compiler, or where it fails, the package is pure Python, and one line says so: everything runs by the rules.
"""

import importlib.util
import os
import platform
import sys
from pathlib import Path
from typing import ClassVar

from setuptools import Command, setup
from setuptools.command.bdist_wheel import bdist_wheel
from setuptools.command.build import build

ROOT = Path(__file__).resolve().parent
PLACE = Path("losslab") / "kernels"


def builder():
    """kernels/build.py by its path: importing losslab would want torch, which a build does without."""
    spec = importlib.util.spec_from_file_location("losslab_build", ROOT / "src" / PLACE / "build.py")
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module  # dataclasses look their module up
    spec.loader.exec_module(module)
    return module


class BuildKernels(Command):
    """Libraries beside the Python files: in the folder that becomes the wheel, or in src/ for an editable install."""

    description = "compile the fused kernels"
    user_options: ClassVar = []

    def initialize_options(self):
        self.build_lib = None
        self.editable_mode = False
        self.libraries = []

    def finalize_options(self):
        self.set_undefined_options("build", ("build_lib", "build_lib"))

    def folder(self):
        return (ROOT / "src" if self.editable_mode else Path(self.build_lib)) / PLACE

    def run(self):
        make = builder()
        names = [make.library_name(isa) for isa in make.instruction_sets()]
        try:
            self.libraries = make.build(
                self.folder(), Path(os.environ.get("LOSSLAB_BUILD") or ROOT / "build" / "kernels")
            )
        except RuntimeError as error:
            for name in names:  # one of an earlier build would not fit these sources
                (self.folder() / name).unlink(missing_ok=True)
            print(f"losslab: built without fused kernels, everything runs by the rules: {error}", file=sys.stderr)

    def get_outputs(self):
        return [str(path) for path in self.libraries]

    def get_output_mapping(self):
        return {}  # nothing is copied from src/

    def get_source_files(self):
        cpu = ROOT / "src" / PLACE / "cpu"
        return [str(path.relative_to(ROOT)) for path in cpu.rglob("*") if path.suffix in (".cpp", ".h")]


class Build(build):
    sub_commands: ClassVar = [*build.sub_commands, ("build_kernels", None)]


class Wheel(bdist_wheel):
    """A wheel with libraries fits one kind of machine, and every version of Python and torch."""

    def run(self):
        self.run_command("build")  # first: it shows whether there are libraries
        self.root_is_pure = not self.get_finalized_command("build_kernels").libraries
        self.distribution.has_ext_modules = lambda: not self.root_is_pure  # decides between purelib and platlib
        super().run()

    def get_tag(self):
        tag = super().get_tag()
        if self.root_is_pure:
            return tag
        return "py3", "none", tag[2].replace("universal2", platform.machine())  # compiled for this one alone


setup(cmdclass={"build": Build, "build_kernels": BuildKernels, "bdist_wheel": Wheel})
