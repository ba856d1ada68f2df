"""The whole local platform, on a root of its own: every part answers, and nothing is left behind."""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import psutil
import psycopg2
import pytest
import redis
from kafka import KafkaProducer

from local.errors import PartFailed
from local.fleet import records
from local.folder import PROJECT
from local.platform import Platform

OWNER = """
import os, signal, sys
from pathlib import Path
from local.platform import Platform
platform = Platform(Path(sys.argv[1]))
platform.start()
print(*(part.pid for part in platform.parts.values()), flush=True)
os.kill(os.getpid(), signal.SIGKILL)
"""


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Platform]:
    tokens = {"of-jane": ("jane", ["developers"])}
    with Platform(tmp_path_factory.mktemp("platform"), tokens=tokens) as running:
        yield running


def kubectl(platform: Platform, *arguments: str) -> str:
    command = [str(platform.kubectl), "--kubeconfig", str(platform.kubeconfig), *arguments]
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout


def test_every_part_is_ready(whole: Platform) -> None:
    assert {name: part.ready() for name, part in whole.parts.items()} == dict.fromkeys(
        ("etcd", "kube-apiserver", "kube-controller-manager", "kafka", "postgres", "redis"), True
    )


def test_a_deleted_namespace_goes_with_what_is_in_it(whole: Platform) -> None:
    kubectl(whole, "create", "namespace", "doomed")
    kubectl(whole, "create", "configmap", "note", "--namespace", "doomed")
    kubectl(whole, "delete", "namespace", "doomed", "--wait", "--timeout=60s")
    assert "doomed" not in kubectl(whole, "get", "namespaces", "-o", "name")


def test_further_tokens_are_users_of_the_cluster(whole: Platform) -> None:
    said = kubectl(whole, "--token", "of-jane", "auth", "whoami", "-o", "json")
    user = json.loads(said)["status"]["userInfo"]
    assert user["username"] == "jane"
    assert "developers" in user["groups"]


def test_the_audit_log_tells_every_write_and_no_read(whole: Platform) -> None:
    kubectl(whole, "create", "namespace", "noted")
    kubectl(whole, "get", "namespace", "noted")
    events = [json.loads(line) for line in whole.audit_log.read_text().splitlines()]
    verbs = {event["verb"] for event in events if event.get("objectRef", {}).get("name") == "noted"}
    assert "create" in verbs
    assert "get" not in verbs


def test_a_database_is_made_once_and_found_again(whole: Platform) -> None:
    with closing(psycopg2.connect(whole.database_url("fleet"))) as connection, connection.cursor() as cursor:
        cursor.execute("CREATE TABLE kept (it int)")
        connection.commit()
    with closing(psycopg2.connect(whole.database_url("fleet"))) as connection, connection.cursor() as cursor:
        cursor.execute("SELECT count(*) FROM kept")
        assert cursor.fetchone() == (0,)


def test_kafka_keeps_records_over_a_crash(whole: Platform) -> None:
    producer = KafkaProducer(bootstrap_servers=whole.kafka_bootstrap, acks="all")
    producer.send("acme.kept", key=b"device", value=b"1").get(timeout=10)
    producer.close()
    whole.parts["kafka"].kill()
    assert not whole.parts["kafka"].ready()
    whole.parts["kafka"].start()
    assert [record.value for record in records(whole.kafka_bootstrap, "acme.kept", b"device")] == [b"1"]


def test_postgres_comes_back_after_a_crash_with_what_was_committed(whole: Platform) -> None:
    with closing(psycopg2.connect(whole.database_url("crash"))) as connection, connection.cursor() as cursor:
        cursor.execute("CREATE TABLE kept (it int); INSERT INTO kept VALUES (7)")
        connection.commit()
        whole.parts["postgres"].kill()
    whole.parts["postgres"].start()
    with closing(psycopg2.connect(whole.database_url("crash"))) as connection, connection.cursor() as cursor:
        cursor.execute("SELECT it FROM kept")
        assert cursor.fetchone() == (7,)


def test_redis_answers(whole: Platform) -> None:
    with redis.Redis.from_url(whole.redis_url) as client:
        assert client.ping()


@pytest.mark.parametrize("name", ["kafka", "redis", "kube-apiserver", "postgres"])
def test_a_frozen_part_is_not_ready_until_it_goes_on(whole: Platform, name: str) -> None:
    part = whole.parts[name]
    part.pause()
    assert not part.ready()
    part.resume()
    part.wait_until_ready()


def test_a_second_platform_on_the_same_folder_moves_to_the_next(whole: Platform) -> None:
    with Platform(whole.folder.root, cluster=False) as second:
        assert second.folder.root.name == f"{whole.folder.root.name}-2"
        assert set(second.parts) == {"kafka", "postgres", "redis"}
        assert second.kafka_bootstrap != whole.kafka_bootstrap
        assert "KUBECONFIG" not in second.environment("any")


def test_an_owner_killed_with_nine_leaves_no_process_behind(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-c", OWNER, str(tmp_path)], cwd=PROJECT, capture_output=True, text=True, check=False
    )
    assert done.returncode == -signal.SIGKILL, done.stderr
    left = [psutil.Process(int(pid)) for pid in done.stdout.split() if psutil.pid_exists(int(pid))]
    _, alive = psutil.wait_procs(left, timeout=10)
    assert [process.cmdline() for process in alive if process.status() != psutil.STATUS_ZOMBIE] == []


def test_a_part_that_fails_is_named_with_its_log_and_the_others_are_stopped(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    broken = tmp_path / "assets" / "etcd"
    broken.parent.mkdir()
    broken.write_text("#!/bin/sh\necho no space left on device; exit 4\n")
    broken.chmod(0o755)
    monkeypatch.setenv("KUBEBUILDER_ASSETS", str(broken.parent))
    platform = Platform(tmp_path / "platform")
    with pytest.raises(PartFailed) as failed:
        platform.start()
    for fact in ("etcd", "exit code 4", "no space left on device", os.fspath(platform.folder.log("etcd"))):
        assert fact in str(failed.value)
    assert not any(part.alive for part in platform.parts.values())
