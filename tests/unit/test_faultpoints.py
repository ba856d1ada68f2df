"""A fault point ends the process where a test says, and is nothing to anybody else."""

import os
import subprocess
import sys

import pytest

from device_registry.faultpoints import EXIT_CODE, VARIABLE, Fuse, Point, armed

PASSING = """
import atexit
from device_registry.faultpoints import Point, reached
atexit.register(print, "said goodbye")
for number in range(1, 4):
    print(number, flush=True)
    reached(Point.AFTER_COMMIT)
"""


def run(**environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", PASSING],
        env={"PATH": os.environ["PATH"], **environment},
        capture_output=True,
        text=True,
        check=False,
    )


def test_nothing_happens_when_nobody_asks_for_it() -> None:
    done = run()
    assert (done.returncode, done.stdout.split()[:3]) == (0, ["1", "2", "3"])


def test_another_point_is_passed() -> None:
    assert run(FAULT_POINT="commit.before").returncode == 0


@pytest.mark.parametrize(("wanted", "seen"), [("commit.after", ["1"]), ("commit.after@3", ["1", "2", "3"])])
def test_the_process_ends_at_once_and_without_goodbye(wanted: str, seen: list[str]) -> None:
    done = run(FAULT_POINT=wanted)
    assert (done.returncode, done.stdout.split()) == (EXIT_CODE, seen)


@pytest.mark.parametrize("wanted", ["lunch.after", "commit.after@often"])
def test_a_wrong_name_stops_the_program_with_the_name_of_the_variable(wanted: str) -> None:
    with pytest.raises(ValueError, match=f"{VARIABLE}.*takes one of hold.before"):
        armed({VARIABLE: wanted})


def test_every_effect_has_a_point_before_and_one_after_it() -> None:
    effects = {point.value.partition(".")[0] for point in Point}
    assert {f"{effect}.{when}" for effect in effects for when in ("before", "after")} == set(Point)


def test_a_fuse_that_is_not_armed_lets_every_point_pass() -> None:
    for point in Point:
        Fuse("").reached(point)
