# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
"""Logic of module docker_host_packages: Debian packages come, each noted before it does, and those noted go again.

Not ansible.builtin.apt: it needs python3-apt, which a bare host lacks and which it would install without a note.
"""

from __future__ import annotations

import re
from pathlib import Path

from ansible_collections.smartsports.scaling.plugins.module_utils._host import alone, complaint, ran
from ansible_collections.smartsports.scaling.plugins.module_utils._lane import Refusal, Say

SPEC = {
    "argument_spec": {
        "directory": {"type": "path", "required": True},
        "names": {"type": "list", "elements": "str", "default": []},
        "state": {"type": "str", "choices": ["present", "absent"], "default": "present"},
    },
    "supports_check_mode": True,
}
_APT_GET = ("apt-get", "--yes", "--no-install-recommends", "-o", "DPkg::Lock::Timeout=120")
_SETTLED = ("installed", "config-files", "not-installed")  # any other state is of a host that went down half way


def run(params: dict, check_mode: bool, say: Say) -> dict:
    notes = Path(params["directory"], "installed")
    if params["state"] == "absent":
        return _remove(notes, check_mode)
    names = params["names"]
    if check_mode or not (names or _unfinished(notes)):
        return _result(bool(names), after=names)
    with alone(notes.parent):
        notes.mkdir(exist_ok=True)
        return _install(names, notes)


def _install(names: list[str], notes: Path) -> dict:
    unfinished = _unfinished(notes)
    install = (*_APT_GET, *(["--fix-broken"] if unfinished else []), "install", *names)
    if unfinished:
        ran("dpkg", "--configure", "-a")  # apt-get insists on it, and says what is still wrong afterwards
    fetched = ran(*_APT_GET, "update") if names else None
    planned = ran(*install, "--simulate")
    if planned.returncode:
        unreachable = complaint(fetched, "W: Failed to fetch", "E: ") if fetched and "W: Failed" in fetched.stderr else ""
        raise Refusal(_sentence(names, ", ".join(filter(None, (complaint(planned, "E: "), unreachable)))))
    steps = re.findall(r"(?m)^(Inst|Remv) (\S+)( \[)?", planned.stdout)
    victims = [name for step, name, _old in steps if step == "Remv"]
    if victims:
        raise Refusal(_sentence(names, f"{', '.join(victims)} would be removed for it"))
    # What is only upgraded was there before, and stays. Noted first: a run that is killed must not leave a package that nobody knows to remove.
    new = [name for _step, name, old in steps if not old]
    for name in new:
        (notes / name).touch()
    done = ran(*install)
    if done.returncode:
        for name in set(new) - set(_there(new)):
            (notes / name).unlink()
        raise Refusal(_sentence(names, complaint(done, "E: ")))
    return _result(bool(steps or unfinished), after=names, packages=new)


def _remove(notes: Path, check_mode: bool) -> dict:
    if check_mode or not notes.is_dir():
        packages = _there(_noted(notes))
        return _result(bool(packages), before=packages, packages=packages)
    with alone(notes.parent):
        packages = _there(_noted(notes))
        # dpkg takes what nobody else needs, and nothing else; apt-get would take those that need it as well.
        done = ran("dpkg", "--purge", *packages) if packages else None
    stay = _there(packages)
    if done and done.returncode and "dependency problems" not in done.stderr:
        raise Refusal(
            f"dpkg could not remove {', '.join(stay)}: {complaint(done, 'dpkg: error')}; mend that, and run this again."
        )
    lines = [[f"{name} stays: packages that came later need it.", "warn"] for name in stay]
    gone = [name for name in packages if name not in stay]
    return {**_result(bool(gone), before=packages, after=stay, packages=gone), "report": {"lines": lines}}


def _result(changed: bool, before: list | None = None, after: list | None = None, packages: list | None = None) -> dict:
    diff = {name: "".join(f"{package}\n" for package in texts or []) for name, texts in (("before", before), ("after", after))}
    return {"changed": changed, "packages": packages or [], "diff": diff}


def _noted(notes: Path) -> list[str]:
    return sorted(path.name for path in notes.iterdir()) if notes.is_dir() else []


def _unfinished(notes: Path) -> list[str]:
    return [name for name, state in _states(_noted(notes)).items() if state not in _SETTLED]


def _there(names: list[str]) -> list[str]:
    states = _states(names)
    return [name for name in names if states.get(name, "not-installed") != "not-installed"]


def _states(names: list[str]) -> dict[str, str]:
    """What dpkg knows of the packages by name; nothing of those that it never heard of."""
    if not names:
        return {}
    listed = ran("dpkg-query", "--show", "--showformat", "${Package} ${db:Status-Status}\n", *names)
    return dict(line.split(" ", 1) for line in listed.stdout.splitlines())


def _sentence(names: list[str], reason: str) -> str:
    return f"{', '.join(names) or 'what was begun'} cannot be installed by apt-get: {reason}; mend that, or install it by hand, and run this again."
