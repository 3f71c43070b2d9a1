"""What is measured beside the site: how it is installed, fed and answered."""

import re
from collections.abc import Iterable
from http.client import HTTPConnection
from pathlib import Path
from typing import Any
from wsgiref.types import StartResponse

import pytest

import manage
from tests.benchmarks import peers
from tests.benchmarks.djstripe.api import Api
from tests.benchmarks.posting import Signed, post, read_lines

LOCK = peers.DJSTRIPE
WEBHOOK = Signed("t=1,v1=abc", '{"id": "evt_1"}')


def application(environ: dict[str, Any], start_response: StartResponse) -> Iterable[bytes]:
    """Answer 200 to a body that is signed, at one address alone."""
    body = environ["wsgi.input"].read(int(environ["CONTENT_LENGTH"])).decode()
    is_good = (environ["PATH_INFO"], environ["HTTP_STRIPE_SIGNATURE"], body) == ("/in/", *WEBHOOK)
    start_response("200 OK" if is_good else "400 Bad Request", [])
    return [b"an answer"]


def test_a_webhook_arrives_as_it_was_signed_and_anything_but_200_is_no_figure() -> None:
    webhooks = list(read_lines([WEBHOOK.as_line()] * 3))

    seconds = post(application, "/in/", webhooks)

    assert len(seconds) == 3
    assert min(seconds) > 0
    with pytest.raises(AssertionError, match="400 Bad Request"):
        post(application, "/elsewhere/", webhooks)


def test_the_peers_stripe_answers_with_what_it_was_given_and_nothing_else() -> None:
    with Api([{"id": "pi_1", "payment_method": "pm_1"}]) as api:
        connection = HTTPConnection(api.address.removeprefix("http://"))
        answers = []
        for name in ("pi_1?expand[0]=charge", "pi_2"):
            connection.request("GET", f"/v1/payment_intents/{name}")
            answer = connection.getresponse()
            answers.append((answer.status, answer.read()))
        connection.close()

    assert answers[0] == (200, b'{"id": "pi_1", "payment_method": null, "customer": null}')
    assert answers[1][0] == 404


class Steps:
    """Notes the steps of an installation, and fails those that hold a word."""

    def __init__(self, failing: str) -> None:
        self.failing = failing
        self.taken: list[list[str]] = []

    def __call__(self, command: list[str]) -> None:
        self.taken.append(command)
        if self.failing in " ".join(command):
            raise manage.SetUpError("The packages cannot be fetched.")
        if "venv" in command:
            Path(command[-1], "bin").mkdir(parents=True)


@pytest.fixture
def environments(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(peers, "ENVIRONMENTS", tmp_path / "peers")
    return tmp_path / "peers"


def test_a_peer_is_installed_once_by_pip_where_uv_does_not_work(
    environments: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    steps = Steps(failing="uv pip install")
    monkeypatch.setattr(manage, "run", steps)

    pythons = {peers.python(LOCK), peers.python(LOCK)}

    (home,) = environments.iterdir()
    assert pythons == {str(home / "bin" / "python")}
    assert len(steps.taken) == 4
    assert steps.taken[-1][1:5] == ["-m", "pip", "install", "--require-hashes"]


def test_a_peer_that_cannot_be_installed_leaves_nothing_behind(
    environments: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(manage, "run", Steps(failing="install"))

    with pytest.raises(manage.SetUpError, match="cannot be fetched"):
        peers.python(LOCK)

    assert list(environments.iterdir()) == []


def test_the_peers_lock_is_whole_and_names_no_index() -> None:
    text = LOCK.read_text()
    pins = re.findall(r"^[a-z0-9][^=\s]*==\S+", text, re.MULTILINE)

    assert len(re.findall("--hash=sha256:", text)) >= len(pins) > 10
    assert "://" not in text
