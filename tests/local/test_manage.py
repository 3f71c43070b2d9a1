"""`manage.py` sets itself up: by real uv and real pip, from wheels made here, off the network."""

import base64
import hashlib
import os
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from alliance.local.processes import ROOT

BARE_PYTHON = Path(sys.base_prefix, "bin", f"python3.{sys.version_info.minor}")
UV = Path(sys.prefix, "bin", "uv")
SPEAKING = """
import sys
def execute_from_command_line(argv): print("ran", argv[1], "in", sys.prefix)
"""


class Site:
    """A tree with the real manage.py, whose lock holds a Django that only speaks."""

    def __init__(self, root: Path, *, has_uv: bool) -> None:
        self.root = root
        self.wheels = root.parent / "wheels"
        for folder in (root, self.wheels, root.parent / "bin"):
            folder.mkdir()
        shutil.copy(ROOT / "manage.py", root)
        if has_uv:
            (root.parent / "bin/uv").symlink_to(UV)
        self.lock(version="5.0")
        self.env = {
            "PATH": f"{root.parent / 'bin'}:/usr/bin:/bin",
            "HOME": str(root.parent),
            "DATABASE_URL": "postgres:///x",
            "PIP_NO_INDEX": "1",
            "PIP_FIND_LINKS": str(self.wheels),
            "UV_OFFLINE": "1",
            "UV_FIND_LINKS": str(self.wheels),
        }

    def lock(self, version: str) -> None:
        """Make a wheel of this version, and write the lock that pins it."""
        info = f"django-{version}.dist-info"
        files = {
            "django/__init__.py": "",
            "django/core/__init__.py": "",
            "django/core/management/__init__.py": SPEAKING,
            f"{info}/METADATA": f"Metadata-Version: 2.1\nName: django\nVersion: {version}\n",
            f"{info}/WHEEL": "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
        }
        record = "".join(
            f"{name},{fingerprint(text)},{len(text)}\n" for name, text in files.items()
        )
        wheel = self.wheels / f"django-{version}-py3-none-any.whl"
        with zipfile.ZipFile(wheel, "w") as archive:
            for name, text in {**files, f"{info}/RECORD": record}.items():
                archive.writestr(name, text)
        digest = hashlib.sha256(wheel.read_bytes()).hexdigest()
        text = f"django=={version} \\\n    --hash=sha256:{digest}\n"
        (self.root / "requirements.txt").write_text(text)

    def start(self, **env: str) -> "subprocess.Popen[str]":
        return subprocess.Popen(
            [BARE_PYTHON, self.root / "manage.py", "hello"],
            env={**self.env, **env},
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def run(self, **env: str) -> tuple[int, str, str]:
        with self.start(**env) as process:
            out, err = process.communicate()
        return process.returncode, out.strip(), err.strip()


def fingerprint(text: str) -> str:
    digest = base64.urlsafe_b64encode(hashlib.sha256(text.encode()).digest()).decode()
    return f"sha256={digest.rstrip('=')}"


@pytest.mark.parametrize(("has_uv", "road"), [(True, "uv"), (False, "pip")])
def test_the_first_run_sets_up_and_the_second_goes_straight_to_work(
    tmp_path: Path, has_uv: bool, road: str
) -> None:
    site = Site(tmp_path / "a site of ours", has_uv=has_uv)

    first, second = site.run(VIRTUAL_ENV="/elsewhere", PYTHONPATH="/elsewhere"), site.run()

    assert first[:2] == (0, f"ran hello in {site.root}/.venv")
    assert f"Installing the packages with {road}" in first[2]
    assert second == (0, f"ran hello in {site.root}/.venv", "")


def test_an_interrupted_set_up_is_repeated_and_a_new_lock_is_added(tmp_path: Path) -> None:
    site = Site(tmp_path / "site", has_uv=True)
    site.run()
    (site.root / ".venv/installed.txt").write_text("")
    half_written = next((site.root / ".venv/lib").glob("*/site-packages/django/__init__.py"))
    half_written.unlink()  # uv shares the file with its cache
    half_written.write_text("raise SyntaxError")

    repeated = site.run()
    site.lock(version="5.1")
    renewed = site.run()

    assert "Making .venv" in repeated[2]
    assert repeated[:2] == (0, f"ran hello in {site.root}/.venv")
    assert renewed[0] == 0
    assert "Making .venv" not in renewed[2]
    assert next((site.root / ".venv/lib").glob("*/site-packages/django-5.1.dist-info"))


def test_two_at_once_make_one_environment(tmp_path: Path) -> None:
    site = Site(tmp_path / "site", has_uv=True)

    with site.start() as one, site.start() as other:
        said = [process.communicate() for process in (one, other)]

    assert [one.returncode, other.returncode] == [0, 0]
    assert sum("Making .venv" in err for _, err in said) == 1


def test_a_wheel_that_is_not_the_pinned_one_is_refused_in_one_sentence(tmp_path: Path) -> None:
    site = Site(tmp_path / "site", has_uv=True)
    lock = site.root / "requirements.txt"
    lock.write_text(lock.read_text()[:-5] + "0000\n")

    code, out, err = site.run()

    assert (code, out) == (2, "")
    assert err.splitlines()[-1].startswith("The set-up failed: ERROR: THESE PACKAGES DO NOT MATCH")
    assert "Traceback" not in err
    assert (site.root / ".venv/installed.txt").read_text() == ""


@pytest.mark.parametrize(
    ("lack", "cure"),
    [
        ("import sys; sys.version_info = (3, 9, 2)", "Python 3.11 or newer"),
        ("import platform; platform.libc_ver = lambda: ('', '')", "Linux with glibc"),
        (
            (
                "import importlib.util as u; find = u.find_spec; "
                "u.find_spec = lambda name: None if name in ('pip', 'ensurepip') else find(name)"
            ),
            "apt-get install python3-venv",
        ),
    ],
)
def test_a_machine_that_lacks_something_is_told_so_in_one_sentence(
    tmp_path: Path, lack: str, cure: str
) -> None:
    site = Site(tmp_path / "site", has_uv=False)
    program = f"{lack}; import runpy; runpy.run_path('manage.py', run_name='__main__')"

    done = subprocess.run(
        [BARE_PYTHON, "-c", program],
        cwd=site.root,
        env=site.env,
        capture_output=True,
        check=False,
        text=True,
    )

    assert done.returncode == 2
    assert cure in done.stderr
    assert len(done.stderr.splitlines()) == 1


def demo(*argv: str | Path) -> tuple[int, str]:
    program = "import sys; from alliance.local import demo; sys.exit(demo.main(sys.argv[1:]))"
    done = subprocess.run(
        [sys.executable, "-c", program, *argv],
        cwd=ROOT,
        env=os.environ,
        capture_output=True,
        check=False,
        text=True,
    )
    return done.returncode, done.stderr


def test_a_demo_refuses_a_taken_port_a_strangers_folder_and_a_folder_in_use(
    tmp_path: Path,
) -> None:
    import socket

    from alliance.local import environment
    from alliance.local.services import DataFolder

    (tmp_path / "photos").mkdir()
    (tmp_path / "photos/cat.jpg").touch()
    ports = environment.Ports(web=8123, standin=1, mailbox=2, smtp=3)
    with DataFolder(tmp_path / "used") as folder, socket.create_server(("127.0.0.1", 0)) as other:
        folder.remember(ports)
        taken = str(other.getsockname()[1])

        answers = [
            demo("--data", tmp_path / "new", "--port", taken),
            demo("--data", tmp_path / "photos", "--fresh"),
            demo("--data", tmp_path / "used", "--fresh"),
        ]

    assert [code for code, _ in answers] == [2, 2, 2]
    assert f"Port {taken} is taken" in answers[0][1]
    assert "holds something other than a demo" in answers[1][1]
    assert "http://localhost:8123/" in answers[2][1]
    assert (tmp_path / "photos/cat.jpg").exists()
