# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
"""The environment is made once, made anew where it is broken, and what is wrong is told; with a real Python, and a package of its own."""

from __future__ import annotations

import sys
from zipfile import ZipFile

import pytest
from ansible_collections.smartsports.scaling.plugins.module_utils import docker_host_environment
from ansible_collections.smartsports.scaling.plugins.module_utils._lane import Refusal, silent


@pytest.fixture
def run(monkeypatch, tmp_path):
    metadata = "Metadata-Version: 2.1\nName: Tiny.One\nVersion: 1.0\n"
    with ZipFile(tmp_path / "tiny_one-1.0-py3-none-any.whl", "w") as wheel:
        wheel.writestr("tiny_one.py", "")
        wheel.writestr("tiny_one-1.0.dist-info/METADATA", metadata)
        wheel.writestr("tiny_one-1.0.dist-info/WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n")
        wheel.writestr("tiny_one-1.0.dist-info/RECORD", "")
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(tmp_path))

    def run(*packages: str, check_mode: bool = False, python: str = sys.executable) -> dict:
        options = {"directory": str(tmp_path), "packages": list(packages), "python": python}
        return docker_host_environment.run(options, check_mode, silent)

    return run


def test_it_is_made_once_and_anew_where_it_is_broken(run, tmp_path):
    preview = run("Tiny.One==1.0", check_mode=True)
    assert not (tmp_path / "venv").exists()
    assert preview == run("Tiny.One==1.0") == {"changed": True, "diff": {"before": "", "after": "Tiny.One==1.0\n"}}
    assert run("Tiny.One==1.0")["changed"] is False

    (record,) = (tmp_path / "venv").glob("lib/*/site-packages/tiny_one-1.0.dist-info/RECORD")
    for part in (record, tmp_path / "venv/bin/pip", tmp_path / "venv/pyvenv.cfg"):
        kept = part.rename(tmp_path / "kept")  # as a run leaves it that was killed
        assert run("Tiny.One==1.0", check_mode=True)["diff"]["before"] == ""
        kept.rename(part)
    record.unlink()
    assert run("Tiny.One==1.0")["changed"] is True
    assert record.exists() and run("Tiny.One==1.0")["changed"] is False

    with pytest.raises(Refusal, match=r"pip could not install Tiny.One==2.0: ERROR: .*; let the host reach its package index"):
        run("Tiny.One==2.0")


def test_a_python_that_cannot_is_told(run):
    with pytest.raises(Refusal, match="/bin/false could not make the environment"):
        run("Tiny.One==1.0", python="/bin/false")
