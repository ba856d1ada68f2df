"""One part of the platform as a process: start it, stop it, freeze it, kill it, look at it.

`local.platform` makes a `Part` of each `Plan`; the commands and the fault tests work with parts only.
"""

import contextlib
import json
import os
import pwd
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import psutil

from local.errors import PartFailed
from local.folder import Folder

LEASH = Path(__file__).with_name("leash.py")

PATIENCE = 90.0
"""Seconds for a part to become ready: ten times what the slowest needs on two idle cores."""

GRACE = 15.0
"""Seconds for a part to end after it was asked to; then it is killed."""

INTERVAL = 0.05
"""Seconds between two looks at a part that is starting."""

# The kernel ties "die with the parent" to the parent's *thread*, so leashed parts are started by one that
# lives as long as this process does.
_STARTER = ThreadPoolExecutor(max_workers=1, thread_name_prefix="starter")


@dataclass(frozen=True, kw_only=True)
class Plan:
    """How one part is run.

    Attributes:
        name: also the name of its log.
        address: where it can be reached, for people.
        command: gives program and arguments; asked when the part is started, not when it is looked at.
        ready: a bounded look whether it answers; any OSError counts as no.
        prepare: makes what the command needs; must not mind being called again.
        settle: what is to be done each time it has become ready; must not mind being called again.
        environment: variables on top of this process's own.
        user: the user to run as; None for the one who asks.
        stop_signal: what asks it to end.
    """

    name: str
    address: str
    command: Callable[[], Sequence[str]]
    ready: Callable[[], bool]
    prepare: Callable[[], None] = lambda: None
    settle: Callable[[], None] = lambda: None
    environment: Mapping[str, str] = field(default_factory=dict)
    user: str | None = None
    stop_signal: signal.Signals = signal.SIGTERM


class Part:
    """One process of the platform, found again by its record when an earlier command has started it.

    Attributes:
        name: of the part.
        address: where it can be reached.
        log: the file of its output.
    """

    def __init__(self, plan: Plan, folder: Folder, *, leashed: bool) -> None:
        """Take a plan; `leashed` parts die with this process, others outlive it."""
        self.name = plan.name
        self.address = plan.address
        self.log = folder.log(plan.name)
        self._plan = plan
        self._record = folder.record(plan.name)
        self._leashed = leashed
        self._lock = threading.Lock()
        self._child: subprocess.Popen[bytes] | None = None
        self._process = recorded(self._record)

    @property
    def pid(self) -> int | None:
        """The process id, or None when the part does not run."""
        return self._process.pid if self._process is not None and self.alive else None

    @property
    def alive(self) -> bool:
        """Whether the process exists, frozen or not."""
        if self._child is not None:
            return self._child.poll() is None
        return self._process is not None and _lives(self._process)

    def ready(self) -> bool:
        """Tell whether the part answers now; takes a few seconds at most."""
        try:
            return self.alive and self._plan.ready()
        except OSError:
            return False

    def start(self, patience: float = PATIENCE) -> None:
        """Start the part unless it runs, and wait until it answers; `patience` as for `wait_until_ready`."""
        if not self.alive:
            self._keep_last_log()
            self._prepare()
            _STARTER.submit(self._launch).result()
        self.wait_until_ready(patience)

    def wait_until_ready(self, patience: float = PATIENCE) -> None:
        """Wait until the part answers; raises PartFailed when it dies or `patience` (seconds) is over."""
        deadline = time.monotonic() + patience
        while not self.ready():
            if not self.alive:
                raise PartFailed(self.name, "ended" + self._exit_code(), self.log)
            if time.monotonic() > deadline:
                raise PartFailed(self.name, f"did not become ready within {patience:.0f} s", self.log)
            time.sleep(INTERVAL)
        self._plan.settle()

    def stop(self, grace: float = GRACE) -> None:
        """Ask the part to end and kill it if it has not after `grace` seconds; it may be down already."""
        with self._lock:
            if self._process is not None and self.alive:
                self._signal(self._plan.stop_signal)
                self._signal(signal.SIGCONT)
                if not self._gone(grace):
                    self._kill()
            self._record.unlink(missing_ok=True)

    def kill(self) -> None:
        """Kill the part and its children with -9, as a crash would."""
        with self._lock:
            self._kill()

    def pause(self) -> None:
        """Freeze the part: it keeps its connections and answers nobody."""
        self._signal(signal.SIGSTOP)

    def resume(self) -> None:
        """Let a frozen part go on."""
        self._signal(signal.SIGCONT)

    def _keep_last_log(self) -> None:
        # An error quotes the end of the log; lines of an earlier run would mislead.
        if self.log.exists():
            self.log.rename(self.log.with_suffix(".log.1"))

    def _prepare(self) -> None:
        try:
            self._plan.prepare()
        except OSError as error:
            raise PartFailed(self.name, f"could not be prepared ({error})", self.log) from error
        except subprocess.CalledProcessError as error:
            what = (
                f"could not be prepared ({Path(error.cmd[0]).name} ended with exit code {error.returncode})"
            )
            raise PartFailed(self.name, what, self.log) from error

    def _launch(self) -> None:
        with self._lock, self.log.open("ab") as log:
            self._child = subprocess.Popen(
                self._command(),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                env=os.environ | self._plan.environment,
                # The leash changes the user itself: another one may not be allowed to run our Python.
                **as_user(None if self._leashed else self._plan.user),
                # Ctrl-C at the terminal must reach the command alone, which then stops the parts in order.
                start_new_session=True,
            )
            self._process = psutil.Process(self._child.pid)
            remember(self._record, self._process)

    def _command(self) -> list[str]:
        if not self._leashed:
            # Meant to outlive `make up`. If that is killed with -9 half-way, the records are on disk already,
            # so that the next command finds what was started.
            return [*self._plan.command()]
        return [
            sys.executable,
            "-I",
            str(LEASH),
            str(os.getpid()),
            self._plan.user or "",
            *self._plan.command(),
        ]

    def _signal(self, number: signal.Signals) -> None:
        if self._process is not None:
            with contextlib.suppress(psutil.NoSuchProcess):
                self._process.send_signal(number)

    def _kill(self) -> None:
        if self._process is None:
            return
        with contextlib.suppress(psutil.NoSuchProcess):
            # Postgres forks; its children would hold on to shared memory and keep a restart from succeeding.
            family = [self._process, *self._process.children(recursive=True)]
            for process in family:
                with contextlib.suppress(psutil.NoSuchProcess):
                    process.kill()
            psutil.wait_procs(family[1:], timeout=GRACE)
        self._gone(GRACE)

    def _gone(self, timeout: float) -> bool:
        deadline = time.monotonic() + timeout
        while self.alive and time.monotonic() < deadline:
            time.sleep(INTERVAL)
        return not self.alive

    def _exit_code(self) -> str:
        code = self._child.returncode if self._child is not None else None
        return "" if code is None else f" with exit code {code}"


def as_user(name: str | None) -> dict[str, Any]:
    """Return what makes `subprocess` run a command as a user and nobody else; None stays who we are."""
    if name is None:
        return {}
    return {"user": name, "group": pwd.getpwnam(name).pw_gid, "extra_groups": ()}


def remember(record: Path, process: psutil.Process) -> None:
    """Write down which process a part is; with the start time, as process ids are used again."""
    record.write_text(json.dumps({"pid": process.pid, "started": process.create_time()}))


def recorded(record: Path) -> psutil.Process | None:
    """Return the process that a record names, or None when it is gone or its id belongs to another by now."""
    try:
        noted = json.loads(record.read_text())
        process = psutil.Process(noted["pid"])
        return process if process.create_time() == noted["started"] else None
    except (FileNotFoundError, ValueError, psutil.NoSuchProcess):
        return None


def _lives(process: psutil.Process) -> bool:
    try:
        return process.is_running() and process.status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False
