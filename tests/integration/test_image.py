"""The image: what its Dockerfile builds starts every program as an unprivileged user on a read-only tree."""

import os
import subprocess

import pytest

from tests.support.dockerfile import Image

PROGRAMS = ["operator", "api", "migrate"]


def run(image: Image, *arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    """Start the entry point as the container would: only the image's environment, its user, its files."""
    return subprocess.run(
        [*image.entrypoint, *arguments],
        executable=image.path("/app/bin") / image.entrypoint[0],
        env={**image.environment, **environment},
        cwd="/",
        user=image.user if os.getuid() == 0 else None,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


@pytest.mark.parametrize("program", PROGRAMS)
def test_every_program_starts_as_an_unprivileged_user_on_a_read_only_tree(image: Image, program: str) -> None:
    answer = run(image, program, "--help")
    assert answer.returncode == 0, answer.stderr
    assert program in answer.stdout


@pytest.mark.parametrize("program", PROGRAMS)
def test_a_program_names_the_variable_that_it_cannot_use(image: Image, program: str) -> None:
    answer = run(image, program, KAFKA_PORT="many")
    assert answer.returncode == 2
    assert "KAFKA_PORT" in answer.stderr


def test_the_programs_come_with_their_frameworks(image: Image) -> None:
    modules = "device_operator.program, device_api.program, device_registry.registry.migrate"
    python = image.path("/app/bin/python")
    subprocess.run([python, "-c", f"import {modules}"], check=True, env=image.environment, cwd="/")


def test_the_image_runs_as_a_user_without_rights(image: Image) -> None:
    assert image.user > 10_000


def test_the_image_carries_no_installer(image: Image) -> None:
    assert not list(image.path("/app/bin").glob("pip*"))
