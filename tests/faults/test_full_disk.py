"""A disk that fills up while a run saves its model."""

import subprocess
import sys

import headstart as hs

SETTINGS = ["--backbone", "efficientnet_lite0", "--head", "prototypes"]


def test_a_full_disk_is_one_line_and_the_same_command_goes_on(photos, tmp_path):
    """No file may grow beyond 8 MB: the features fit, the backbone's weights in the bundle do not."""
    command = [sys.executable, "-m", "headstart", "fit", str(photos), "--out", str(tmp_path / "out"), *SETTINGS]
    limited = (
        f"import resource, signal; signal.signal(signal.SIGXFSZ, signal.SIG_IGN); "
        f"resource.setrlimit(resource.RLIMIT_FSIZE, (8 << 20, 8 << 20)); "
        f"import sys; sys.argv = {command[2:]!r}; from headstart.cli import main; sys.exit(main())"
    )
    done = subprocess.run([sys.executable, "-c", limited], capture_output=True, text=True)
    assert done.returncode == 2, done.stderr
    assert done.stderr.count("\n") == 1
    assert "full disk" in done.stderr
    assert not (tmp_path / "out" / "bundle").exists()
    assert not list((tmp_path / "out").glob(".bundle-*"))
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert hs.load(tmp_path / "out").classes == ("ants", "bees")
