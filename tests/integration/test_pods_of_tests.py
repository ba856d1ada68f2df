"""What the tests put before a container's command keeps it from writing, or they show nothing."""

import subprocess
import sys
from pathlib import Path

from tests.support.kubelet import readonly

WRITING = "import sys; open(sys.argv[1], 'w').write('x')"


def write(path: Path, folder: Path) -> subprocess.CompletedProcess[str]:
    """Write a file as a container would that may write into a folder."""
    command = [sys.executable, "-I", readonly.__file__, str(folder), sys.executable, "-c", WRITING, str(path)]
    return subprocess.run(command, capture_output=True, text=True, check=False)


def test_a_program_can_write_into_its_volume_and_nowhere_else(tmp_path: Path) -> None:
    inside, outside = tmp_path / "volume" / "file", tmp_path / "file"
    inside.parent.mkdir()
    assert write(inside, inside.parent).returncode == 0
    assert inside.read_text() == "x"
    refused = write(outside, inside.parent)
    assert "Permission denied" in refused.stderr
    assert not outside.exists()
