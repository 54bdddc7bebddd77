"""losslab --version: what a person quotes in a report of a fault."""

from importlib.metadata import version

from typer.testing import CliRunner

from losslab.cli.main import app
from losslab.kernels import library


def test_versions_and_kernels_are_told(monkeypatch):
    monkeypatch.setattr(library, "status", lambda: "fused kernels: of a test")
    ran = CliRunner().invoke(app, ["--version"])
    assert ran.exit_code == 0
    assert ran.output == f"losslab {version('losslab')}, torch {version('torch')}\nfused kernels: of a test\n"


def test_the_option_is_none_of_the_commands():
    assert CliRunner().invoke(app, ["losses", "--version"]).exit_code == 2
