"""The embedded Postgres: its files survive, its socket is private, its leftovers do no harm."""

import os
import shutil
import signal
from collections.abc import Iterator, Sequence
from pathlib import Path

import psycopg
import pytest

from alliance.local import postgres, sockets
from alliance.local.postgres import Postgres
from alliance.local.processes import Supervisor

USERS = [postgres.acceptable_user()] + ([postgres.lent_rights()] if os.geteuid() == 0 else [])


@pytest.fixture
def data(tmp_path: Path) -> Iterator[Path]:
    folder = tmp_path / "a closed folder"
    folder.mkdir(mode=0o700)
    yield folder
    shutil.rmtree(sockets.folder(folder))


def start(server: Postgres, supervisor: Supervisor) -> None:
    server.initialise()
    supervisor.start(server.program())
    supervisor.wait_ready("postgres")
    server.create_database()


def rows(server: Postgres) -> list[tuple[int]]:
    with psycopg.connect(host=str(server.sockets), user="postgres", dbname="alliance") as client:
        return client.execute("SELECT number FROM kept ORDER BY number").fetchall()


@pytest.mark.parametrize("run_as", USERS)
def test_rows_survive_a_killed_server_and_a_second_start(
    data: Path, run_as: Sequence[str]
) -> None:
    server = Postgres(data, run_as=run_as)
    with Supervisor(data / "logs") as supervisor:
        start(server, supervisor)
        with psycopg.connect(
            host=str(server.sockets), user="postgres", dbname="alliance"
        ) as client:
            client.execute("CREATE TABLE kept AS SELECT generate_series(1, 3) AS number")

        killed = supervisor.children["postgres"].process
        killed.send_signal(signal.SIGKILL)
        killed.wait()
        start(server, supervisor)
        after_kill = rows(server)

    with Supervisor(data / "logs") as supervisor:
        start(Postgres(data, run_as=run_as), supervisor)
        after_restart = rows(server)
    assert after_kill == after_restart == [(1,), (2,), (3,)]
    assert not server.is_ready()


def test_a_half_made_cluster_and_a_pid_file_that_names_a_stranger_are_ignored(data: Path) -> None:
    server = Postgres(data, tuning=postgres.THROW_AWAY)
    (data / "postgres.new").mkdir()
    (data / "postgres.new/PG_VERSION").write_text("18")
    server.initialise()
    (server.files / "postmaster.pid").write_text(f"{os.getpid()}\n{server.files}\n")

    with Supervisor(data / "logs") as supervisor:
        start(server, supervisor)
        is_ready = server.is_ready()

    assert is_ready


def test_a_folder_of_sockets_is_short_closed_and_never_somebody_elses(tmp_path: Path) -> None:
    plain, deep = tmp_path / "plain", tmp_path / ("deep" * 20)
    elsewhere = tmp_path / "elsewhere"
    (elsewhere / "target").mkdir(parents=True)
    (elsewhere / "run").symlink_to(elsewhere / "target")

    folders = [sockets.folder(plain), sockets.folder(deep)]

    assert folders[0] == plain.resolve() / "run"
    assert folders[1].parent == Path("/tmp")  # noqa: S108 where the short names are
    assert [folder.stat().st_mode & 0o777 for folder in folders] == [0o700, 0o700]
    with pytest.raises(sockets.UnsafeError):
        sockets.folder(elsewhere)
    folders[1].rmdir()
