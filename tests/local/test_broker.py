"""The embedded broker: what it keeps over kill -9, and what it forgets on purpose."""

import signal
from pathlib import Path

import pytest
import redis

from alliance.local.broker import Broker
from alliance.local.processes import Supervisor


@pytest.mark.parametrize(("is_kept", "expected"), [(True, [b"task"]), (False, [])])
def test_a_kept_queue_survives_kill_9_and_a_throw_away_one_does_not(
    tmp_path: Path, is_kept: bool, expected: list[bytes]
) -> None:
    broker = Broker(tmp_path / "two words", is_kept=is_kept)
    with Supervisor(tmp_path / "logs") as supervisor:
        supervisor.start(broker.program())
        supervisor.wait_ready("broker")
        with redis.Redis.from_url(broker.url) as client:
            client.rpush("queue", "task")
            if is_kept:
                client.execute_command("WAITAOF", 1, 0, 3000)

        killed = supervisor.children["broker"].process
        killed.send_signal(signal.SIGKILL)
        killed.wait()
        supervisor.start(broker.program())
        supervisor.wait_ready("broker")
        with redis.Redis.from_url(broker.url) as client:
            found = client.lrange("queue", 0, -1)
            policy = client.config_get("maxmemory-policy")

    assert found == expected
    assert policy == {"maxmemory-policy": "noeviction"}
    assert not broker.is_ready()
    broker.socket.parent.rmdir()
