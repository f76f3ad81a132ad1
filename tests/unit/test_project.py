"""What holds for the repository as a whole: its top level, its locks, its README and its settings."""

import ast
import re
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest
from pydantic_core import PydanticUndefined

import intake
import oficialia
from intake.config import Settings

ROOT = Path(__file__).parents[2]
PACKAGES = {"admin", "bots", "intake", "models", "templates"}
TOP_LEVEL = PACKAGES | {
    ".ci", ".gitignore", "CHANGELOG.md", "LICENSE", "Makefile", "README.md", "deploy", "oficialia.py",
    "pyproject.toml", "requirements-dev.txt", "requirements.txt", "tests",
}  # fmt: skip
LOCKS = ["requirements.txt", "requirements-dev.txt"]
# Servers whose libraries are asynchronous; they call the desk, which is not, in threads.
ASYNCHRONOUS = {
    "intake/smtp.py",
    *(f"bots/{name}.py" for name in ("desk", "door", "receiving", "sending", "starting", "telegram")),
}


def tracked_files() -> list[str]:
    """Files of the repository, and those that would be on the next `git add`."""
    command = ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    listed = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True).stdout
    return [name for name in listed.split("\0") if name and (ROOT / name).exists()]


def product_files() -> Iterator[tuple[str, ast.Module]]:
    for name in tracked_files():
        if name.endswith(".py") and not name.startswith("tests/"):
            yield name, ast.parse((ROOT / name).read_text())


def test_the_imported_intake_is_ours_and_not_the_one_of_pypi() -> None:
    assert Path(intake.__file__) == ROOT / "intake" / "__init__.py"


def test_the_top_level_holds_only_what_was_agreed() -> None:
    assert {name.partition("/")[0] for name in tracked_files()} <= TOP_LEVEL


def test_everything_the_program_imports_is_packaged() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())
    packaged = project["tool"]["hatch"]["build"]["targets"]["wheel"]["only-include"]
    assert set(packaged) == PACKAGES | {"oficialia.py"}


def test_no_module_hides_one_of_the_standard_library_from_scripts() -> None:
    # A program started by path has its own folder first on sys.path.
    top = {Path(name).stem for name in tracked_files() if "/" not in name and name.endswith(".py")}
    assert not (top | PACKAGES) & sys.stdlib_module_names


@pytest.mark.parametrize("lock", LOCKS)
def test_every_pin_of_a_lock_carries_hashes(lock: str) -> None:
    text = (ROOT / lock).read_text().replace("\\\n", " ")
    pins = [line for line in text.splitlines() if line and not line.lstrip().startswith("#")]
    assert pins
    assert [pin for pin in pins if not re.match(r"\S+==\S+.* --hash=sha256:[0-9a-f]{64}\b", pin)] == []


@pytest.mark.parametrize("lock", LOCKS)
def test_no_lock_names_an_index(lock: str) -> None:
    text = (ROOT / lock).read_text()
    assert "://" not in text
    assert not re.search(r"^\s*(-i|-f|--(extra-)?index-url|--find-links)\b", text, re.MULTILINE)


def test_both_locks_agree_on_every_version() -> None:
    for_running, for_tests = (
        dict(re.findall(r"^([\w.\[\]-]+)==(\S+)", (ROOT / lock).read_text(), re.MULTILINE)) for lock in LOCKS
    )
    assert for_running.items() <= for_tests.items()


def test_the_locks_hold_every_dependency() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    wanted = {
        "requirements.txt": project["dependencies"],
        "requirements-dev.txt": project["dependencies"] + project["optional-dependencies"]["dev"],
    }
    for lock, requirements in wanted.items():
        locked = set(re.findall(r"^([\w.-]+)==", (ROOT / lock).read_text(), re.MULTILINE))
        names = {re.split(r"[^\w.-]", requirement)[0].lower() for requirement in requirements}
        assert names <= locked, lock


def test_the_commands_of_the_readme_exist_in_the_makefile() -> None:
    said = set(re.findall(r"(?:^|`)make ([a-z]+)", (ROOT / "README.md").read_text(), re.MULTILINE))
    targets = set(re.findall(r"^([a-z]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    assert {"run", "test", "help"} <= said <= targets


def test_make_help_explains_every_target() -> None:
    makefile = (ROOT / "Makefile").read_text()
    [promised] = re.findall(r"^\.PHONY: (.+)", makefile, re.MULTILINE)
    shown = subprocess.run(["make", "help"], cwd=ROOT, capture_output=True, text=True, check=True).stdout
    assert set(re.findall(r"make (\S+) +\w", shown)) == set(promised.split())


def test_ci_runs_what_the_readme_tells_a_person_to_run() -> None:
    lines = (ROOT / ".ci" / "run").read_text().splitlines()
    assert lines[-1] == "exec make test"


def test_every_path_on_the_map_of_the_readme_exists() -> None:
    rows = re.findall(r"^\| `([\w./]+)` \|", (ROOT / "README.md").read_text(), re.MULTILINE)
    assert {row.rstrip("/") for row in rows} >= PACKAGES
    named = [row for row in rows if "." in row or row.endswith("/")]
    # The second table is about the folders of the desk.
    assert [row for row in named if not any((ROOT / place / row).exists() for place in ("", "intake"))] == []


def test_the_readme_names_every_command() -> None:
    table = (ROOT / "README.md").read_text().partition("| command |")[2].partition("\n\n")[0]
    assert set(re.findall(r"`([a-z]+)`", table)) >= set(oficialia.cli.commands)


def test_every_setting_has_a_default_and_a_reason() -> None:
    for name, field in Settings.model_fields.items():
        assert field.description, name
        assert field.default is not PydanticUndefined, name


def test_every_setting_that_is_written_about_exists() -> None:
    known = {f"OFICIALIA_{name.upper()}" for name in Settings.model_fields}
    for name in tracked_files():
        if name.endswith((".md", ".toml", ".txt", ".html")) or name.startswith("deploy/"):
            said = set(re.findall(r"\bOFICIALIA_[A-Z_]+[A-Z]\b", (ROOT / name).read_text()))
            assert said <= known, name


def test_the_desk_is_synchronous() -> None:
    asynchronous = {
        name
        for name, module in product_files()
        if any(isinstance(node, ast.AsyncFunctionDef | ast.Await) for node in ast.walk(module))
    }
    assert asynchronous <= ASYNCHRONOUS


def test_module_docstrings_fit_eight_lines() -> None:
    long = {
        name for name, module in product_files() if len((ast.get_docstring(module) or "").splitlines()) > 8
    }
    assert long == set()


def test_no_test_is_skipped() -> None:
    # A missing component fails, and says what to install.
    words = re.compile(r"pytest\.(skip|importorskip)|mark\.(skip|skipif|xfail)")
    for name in tracked_files():
        if name.startswith("tests/") and name.endswith(".py") and (ROOT / name) != Path(__file__):
            assert not words.search((ROOT / name).read_text()), name
