"""The check of what editors see fails, and says why, where the language server cannot be had."""

import json
from pathlib import Path

import pytest

from tools import check_editor


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Give an empty folder to install into, and a PATH with no program in it."""
    home, programs = tmp_path / ".node", tmp_path / "bin"
    home.mkdir()
    programs.mkdir()
    monkeypatch.setattr(check_editor, "HOME", home)
    monkeypatch.setattr(check_editor, "BUNDLE", home / "recipe.schema.json")
    monkeypatch.setenv("PATH", str(programs))
    return home


def _program(home: Path, name: str, script: str) -> None:
    path = home.parent / "bin" / name
    path.write_text(f"#!/bin/sh\n{script}\n", encoding="utf-8")
    path.chmod(0o755)


def _install(home: Path, version: str) -> None:
    package = home / "node_modules" / check_editor.PACKAGE
    package.mkdir(parents=True)
    (package / "package.json").write_text(json.dumps({"version": version}), encoding="utf-8")


def test_without_npm_it_fails(capsys: pytest.CaptureFixture[str]) -> None:
    assert check_editor.main() == 1
    assert "error: npm is not installed" in capsys.readouterr().err


def test_without_node_it_fails(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    _install(home, check_editor.VERSION)
    assert check_editor.main() == 1
    assert "error: node is not installed" in capsys.readouterr().err


@pytest.mark.parametrize("script", ["echo no such package >&2; exit 1", "echo no such package >&2"])
def test_a_server_that_cannot_be_fetched_is_a_failure(
    home: Path, capsys: pytest.CaptureFixture[str], script: str
) -> None:
    _program(home, "npm", script)
    assert check_editor.main() == 1
    said = capsys.readouterr().err
    assert f"npm could not install yaml-language-server {check_editor.VERSION}: no such package" in said


def test_another_version_of_the_server_is_not_taken(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    _install(home, "1.18.0")
    assert check_editor.main() == 1
    assert "npm is not installed" in capsys.readouterr().err


@pytest.mark.parametrize("script", ["exit 1", "read line; exit 0"])
def test_a_server_that_ends_is_a_failure_at_once(
    home: Path, capsys: pytest.CaptureFixture[str], script: str
) -> None:
    _install(home, check_editor.VERSION)
    _program(home, "node", script)
    assert check_editor.main() == 1
    assert "the language server has ended" in capsys.readouterr().err
