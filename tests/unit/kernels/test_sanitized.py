"""The kernels under AddressSanitizer and UndefinedBehaviorSanitizer, by their interfaces; `make sanitize` runs all."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]

pytestmark = pytest.mark.without_kernels  # it compiles its own


def test_no_access_is_wrong():
    environment = {name: value for name, value in os.environ.items() if not name.startswith("PYTEST_")}
    if "libasan" in environment.get("LD_PRELOAD", ""):
        pytest.skip("all of this process is under AddressSanitizer")
    command = [sys.executable, str(ROOT / "tools" / "sanitize.py"), "--quick"]
    ran = subprocess.run(command, env=environment, cwd=ROOT, capture_output=True, text=True, check=False)
    if "nothing was run" in ran.stdout:
        pytest.skip(ran.stdout.strip())
    assert ran.returncode == 0, (ran.stdout + ran.stderr)[-4000:]
    assert " passed" in ran.stdout
