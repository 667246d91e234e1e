"""Installed plugins, as an installer would leave them: a module and its metadata in a folder."""

import subprocess
import sys
from pathlib import Path

import datasync

EXAMPLES = Path(__file__).parents[1] / "examples/plugins"

SOURCES = Path(datasync.__file__).parents[1]
"""Where our own package is: a child process is to have the same."""


def install(site: Path, name: str, source: str, *, version: str = "1.2", package: str | None = None) -> None:
    """Put the plugin `name` into `site`, with `source` as its module."""
    package = package or f"datasync-{name}"
    module = package.replace("-", "_")
    (site / f"{module}.py").write_text(source)
    info = site / f"{module}-{version}.dist-info"
    info.mkdir()
    (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {package}\nVersion: {version}\n")
    (info / "entry_points.txt").write_text(f"[datasync]\n{name} = {module}\n")


def pip_install(site: Path, example: str) -> None:
    """Install an example package for real, into a folder of its own."""
    subprocess.run(
        [
            *(sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", "--no-build-isolation", "--no-index"),
            *("--disable-pip-version-check", "--target", str(site), str(EXAMPLES / example)),
        ],
        check=True,
        capture_output=True,
    )
