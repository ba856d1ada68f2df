"""Parts of the local platform as processes, with small Python programs in their place."""

import json
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import psutil
import pytest

from local.errors import PartFailed
from local.folder import Folder
from local.process import Part, Plan
from local.starting import start_together

READY = "import pathlib, sys, time; pathlib.Path(sys.argv[1]).touch(); time.sleep(60)"
STUBBORN = "import signal; signal.signal(signal.SIGTERM, signal.SIG_IGN); " + READY
BROKEN = "import sys; print('the disk is full'); sys.exit(3)"

Make = Callable[..., Part]


@pytest.fixture
def folder(tmp_path: Path) -> Folder:
    made = Folder(tmp_path)
    made.make()
    return made


@pytest.fixture
def make(folder: Folder) -> Iterator[Make]:
    made = []

    def part(name: str = "kafka", program: str = READY, *, leashed: bool = True) -> Part:
        sign = folder.root / f"{name}-is-ready"
        plan = Plan(
            name=name,
            address="",
            command=lambda: [sys.executable, "-c", program, str(sign)],
            ready=sign.exists,
        )
        made.append(Part(plan, folder, leashed=leashed))
        return made[-1]

    yield part
    for each in made:
        each.stop(grace=0)


def test_a_started_part_is_ready_and_has_a_process(make: Make) -> None:
    part = make()
    part.start()
    assert part.ready()
    assert part.pid is not None
    assert psutil.pid_exists(part.pid)


def test_starting_a_part_that_runs_changes_nothing(make: Make) -> None:
    part = make()
    part.start()
    pid = part.pid
    part.start()
    assert part.pid == pid


def test_a_stopped_part_has_no_process(make: Make) -> None:
    part = make()
    part.start()
    part.stop()
    assert part.pid is None
    assert not part.ready()


def test_a_part_that_does_not_end_when_asked_is_killed(make: Make) -> None:
    part = make(program=STUBBORN)
    part.start()
    part.stop(grace=0.2)
    assert part.pid is None


def test_a_frozen_part_can_be_stopped(make: Make) -> None:
    part = make()
    part.start()
    part.pause()
    part.stop()
    assert part.pid is None


def test_a_killed_part_takes_its_children_along(make: Make) -> None:
    part = make(
        program=f"import subprocess, sys; subprocess.Popen([sys.executable, '-c', 'input()']); {READY}"
    )
    part.start()
    children = psutil.Process(part.pid).children()
    part.kill()
    assert children
    assert not any(child.is_running() for child in children)


def test_a_part_that_ends_too_early_is_named_with_its_log(make: Make, folder: Folder) -> None:
    with pytest.raises(PartFailed) as failed:
        make(program=BROKEN).start()
    for fact in ("kafka", "exit code 3", "the disk is full", str(folder.log("kafka"))):
        assert fact in str(failed.value)


def test_a_part_that_does_not_get_ready_is_named(make: Make) -> None:
    part = make(program="import time; time.sleep(60)")
    with pytest.raises(PartFailed, match="kafka did not become ready"):
        part.start(patience=0.2)


def test_a_failure_does_not_quote_an_earlier_run(make: Make, folder: Folder) -> None:
    folder.log("kafka").write_text("all is well\n")
    with pytest.raises(PartFailed) as failed:
        make(program=BROKEN).start()
    assert "all is well" not in str(failed.value)


def test_another_command_finds_a_part_by_its_record(make: Make) -> None:
    part = make(leashed=False)
    part.start()
    found = make(leashed=False)
    assert found.pid == part.pid
    found.stop()
    assert not part.alive


def test_a_process_that_was_given_the_id_of_a_gone_part_is_left_alone(make: Make, folder: Folder) -> None:
    with subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE) as stranger:
        record = {"pid": stranger.pid, "started": psutil.Process(stranger.pid).create_time() - 60}
        folder.record("kafka").write_text(json.dumps(record))
        make().stop()
        assert stranger.poll() is None
        stranger.kill()


def test_a_part_that_nobody_holds_on_a_leash_outlives_its_starter(folder: Folder, tmp_path: Path) -> None:
    part = _started_by_another_process(folder, leashed=False)
    assert part.alive
    part.stop()


def test_a_part_on_a_leash_dies_with_its_starter(folder: Folder) -> None:
    part = _started_by_another_process(folder, leashed=True)
    assert psutil.wait_procs([part._process] if part._process else [], timeout=10)[1] == []


def test_one_failing_part_stops_those_that_were_started_with_it(make: Make) -> None:
    good, late, bad = make("good"), make("late"), make("bad", BROKEN)
    with pytest.raises(PartFailed, match="bad"):
        start_together([[good, late], [bad]])
    assert not good.alive
    assert not late.alive


def test_a_part_that_ran_before_survives_the_failure_of_another(make: Make) -> None:
    good, bad = make("good"), make("bad", BROKEN)
    good.start()
    with pytest.raises(PartFailed, match="bad"):
        start_together([[good], [bad]])
    assert good.alive


def test_parts_of_a_chain_start_one_after_the_other(make: Make, folder: Folder) -> None:
    first = make("first")
    sign = str(folder.root / "first-is-ready")
    second = make("second", f"import os; assert os.path.exists({sign!r}); {READY}")
    start_together([[first, second]])
    assert second.ready()


def _started_by_another_process(folder: Folder, *, leashed: bool) -> Part:
    """Let a process start a part and die by kill -9; return the part as its record tells it."""
    program = f"""
import os, pathlib, signal, sys
from local.folder import Folder
from local.process import Part, Plan
folder = Folder(pathlib.Path({str(folder.root)!r}))
sign = folder.root / "ready"
command = [sys.executable, "-c", {READY!r}, str(sign)]
plan = Plan(name="kafka", address="", command=lambda: command, ready=sign.exists)
Part(plan, folder, leashed={leashed}).start()
os.kill(os.getpid(), signal.SIGKILL)
"""
    done = subprocess.run([sys.executable, "-c", program], check=False, cwd=Path(__file__).parents[2])
    assert done.returncode == -9
    plan = Plan(name="kafka", address="", command=list, ready=(folder.root / "ready").exists)
    return Part(plan, folder, leashed=False)
