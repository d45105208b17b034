"""The wheel, installed where there is no checkout."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import sysconfig
import urllib.request
import venv
import zipfile

import pytest
from support.paths import ROOT


def build(folder):
    """The wheel of this checkout, built from a copy so that nothing is left in it."""
    copy = folder / "checkout"
    tracked = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT,
        check=True,
        capture_output=True,
        text=True,
    ).stdout.split("\0")
    for name in filter(None, tracked):
        source, target = ROOT / name, copy / name
        if not os.path.lexists(source):
            continue
        target.parent.mkdir(parents=True, exist_ok=True)
        if source.is_symlink():
            target.symlink_to(os.readlink(source))
        else:
            target.write_bytes(source.read_bytes())
    pip = [sys.executable, "-m", "pip", "--disable-pip-version-check"]
    subprocess.run(
        [*pip, "wheel", "-q", "--no-deps", "--no-build-isolation", "-w", folder, copy], check=True
    )
    (wheel,) = folder.glob("*.whl")
    return wheel


@pytest.fixture(scope="module")
def wheel(tmp_path_factory):
    return build(tmp_path_factory.mktemp("wheel"))


@pytest.fixture(scope="module")
def installed(wheel, tmp_path_factory):
    """A program folder where Assay comes from the wheel; its dependencies are this environment's.

    A path file adds them without the path files among them, the editable checkout's too.
    """
    place = tmp_path_factory.mktemp("elsewhere")
    venv.create(place / "venv", with_pip=False)
    python = place / "venv" / "bin" / "python"
    pip = [sys.executable, "-m", "pip", "--disable-pip-version-check", "--python", str(python)]
    subprocess.run([*pip, "install", "-q", "--no-deps", "--no-index", str(wheel)], check=True)
    (libraries,) = (place / "venv" / "lib").glob("python*/site-packages")
    (libraries / "dependencies.pth").write_text(sysconfig.get_paths()["purelib"] + "\n")
    return place


def run(installed, *command):
    environment = {k: v for k, v in os.environ.items() if k != "PYTHONPATH"}
    return subprocess.run(
        [installed / "venv" / "bin" / command[0], *command[1:]],
        cwd=installed,
        env={**environment, "ASSAY_HOME": str(installed / "home")},
        capture_output=True,
        text=True,
    )


def test_the_wheel_has_one_name_and_all_that_the_dashboard_needs(wheel):
    """One package, `assay`, with every page, the safe configuration, the logo and the templates."""
    names = zipfile.ZipFile(wheel).namelist()
    tops = {name.split("/")[0] for name in names}
    assert {top for top in tops if not top.endswith(".dist-info")} == {"assay"}
    for file in ("app.py", ".streamlit/config.toml", "assets/logo.svg", "py.typed"):
        assert f"assay/{file}" in names
    pages = {page.name for page in (ROOT / "pages").glob("*.py")}
    assert pages <= {name.removeprefix("assay/pages/") for name in names}
    assert any(name.endswith(".j2") for name in names)
    assert any(name.endswith("paper_results.csv") for name in names)


def test_the_installed_command_line_runs_from_the_wheel(installed):
    """`assay --version` and the audited code come from the wheel, not from this checkout."""
    assert re.fullmatch(r"assay \d+\.\d+\.\d+\n", run(installed, "assay", "--version").stdout)
    where = run(installed, "python", "-c", "import assay.core as c; print(c.__path__[0])").stdout
    assert str(installed) in where
    refused = run(installed, "python", "-c", "import core")
    assert "ModuleNotFoundError" in refused.stderr


def test_the_installed_dashboard_is_served_as_safely_as_the_checkout(installed):
    """The server from the wheel listens on 127.0.0.1, refuses other hosts and serves a page."""
    environment = {k: v for k, v in os.environ.items() if k != "PYTHONPATH"}
    with subprocess.Popen(
        [installed / "venv" / "bin" / "assay", "dashboard"],
        cwd=installed,
        stdout=subprocess.PIPE,
        text=True,
        env={**environment, "ASSAY_HOME": str(installed / "home")},
    ) as server:
        try:
            line = next(line for line in server.stdout if line.startswith("Assay is at"))
            address = line.split()[-1]
            assert address.startswith("http://127.0.0.1:")
            assert b"<title>" in urllib.request.urlopen(f"{address}/overview").read()
            config = run(
                installed,
                "python",
                "-c",
                "from pathlib import Path; import assay;"
                "print((Path(assay.__file__).parent / '.streamlit' / 'config.toml').read_text())",
            ).stdout
            assert 'address = "127.0.0.1"' in config
            assert "gatherUsageStats = false" in config
        finally:
            server.terminate()
