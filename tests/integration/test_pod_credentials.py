"""In a pod, credentials are those of the service account, from the files that Kubernetes mounts."""

from datetime import datetime, timedelta
from pathlib import Path
from types import SimpleNamespace

import pytest
from kubernetes.config import incluster_config

from device_registry.access import Credentials


@pytest.fixture
def mounted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder of the service account."""
    (tmp_path / "ca.crt").write_text("authority")
    (tmp_path / "token").write_text("first")
    monkeypatch.setattr(incluster_config, "SERVICE_CERT_FILENAME", str(tmp_path / "ca.crt"))
    monkeypatch.setattr(incluster_config, "SERVICE_TOKEN_FILENAME", str(tmp_path / "token"))
    monkeypatch.setenv("KUBERNETES_SERVICE_HOST", "10.0.0.1")
    monkeypatch.setenv("KUBERNETES_SERVICE_PORT", "443")
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.delenv("KUBECONFIG", raising=False)
    return tmp_path


def test_the_token_and_the_authority_of_the_pod_are_used(
    mounted: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    credentials = Credentials.load()
    assert credentials.server == "https://10.0.0.1:443"
    assert credentials.ca_file == str(mounted / "ca.crt")
    assert credentials.headers() == {"Authorization": "bearer first"}
    assert capsys.readouterr().out == "", "logs are JSON"


def test_a_token_that_kubernetes_has_replaced_is_read(mounted: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    credentials = Credentials.load()
    (mounted / "token").write_text("second")
    later = SimpleNamespace(now=lambda: datetime.now() + timedelta(minutes=2))  # noqa: DTZ005 - as theirs
    monkeypatch.setattr(incluster_config, "datetime", SimpleNamespace(datetime=later, timedelta=timedelta))
    assert credentials.headers() == {"Authorization": "bearer second"}
