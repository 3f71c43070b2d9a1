"""The captured mailbox: what SMTP brought is kept, listed and shown without harm."""

import http.client
import json
import os
import smtplib
import sys
from collections.abc import Iterator
from email.message import EmailMessage
from pathlib import Path
from typing import Any

import pytest

from alliance.local import environment, sockets, telephone
from alliance.local.processes import Program, Supervisor


class Client:
    def __init__(self, folder: Path, seed: str = "") -> None:
        self.smtp, self.http = sockets.free_ports(8600, 2)
        self.program = Program(
            name="mailbox",
            argv=[
                *(sys.executable, "-m", "alliance.local.mailbox", "--data", folder / "mails"),
                *("--smtp-port", str(self.smtp), "--http-port", str(self.http)),
            ],
            env={**os.environ, "ALLIANCE_DEMO_TELEPHONE": seed},
            is_ready=lambda: sockets.answers(self.http),
        )

    def send(self, mail: EmailMessage) -> None:
        with smtplib.SMTP("127.0.0.1", self.smtp) as server:
            server.send_message(mail)

    def get(self, path: str, host: str = "localhost:1") -> tuple[int, str, str]:
        connection = http.client.HTTPConnection("127.0.0.1", self.http)
        connection.request("GET", path, headers={"Host": host})
        answer = connection.getresponse()
        policy = answer.headers["Content-Security-Policy"]
        found = answer.status, answer.read().decode(), policy
        connection.close()
        return found

    def messages(self) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = json.loads(self.get("/messages.json")[1])
        return found


@pytest.fixture
def mails(tmp_path: Path) -> Iterator[tuple[Client, Supervisor]]:
    client = Client(tmp_path)
    with Supervisor(tmp_path / "logs") as supervisor:
        supervisor.start(client.program)
        supervisor.wait_ready("mailbox")
        yield client, supervisor


def receipt(subject: str) -> EmailMessage:
    mail = EmailMessage()
    mail["From"], mail["To"], mail["Subject"] = "hello@example.org", "zoë@example.org", subject
    mail["Message-ID"] = f"<{len(subject)}@example.org>"
    mail.set_content("Thank you. See http://127.0.0.1:8000/g/abc/.\n")
    mail.add_alternative(
        '<html><head></head><a href="http://127.0.0.1:8000/g/abc/">See</a></html>', subtype="html"
    )
    return mail


def test_mails_are_kept_over_kill_9_and_listed_newest_first(
    mails: tuple[Client, Supervisor],
) -> None:
    client, supervisor = mails
    client.send(receipt("Your gift of £25"))
    client.send(receipt("A longer second subject"))

    killed = supervisor.children["mailbox"].process
    killed.kill()
    killed.wait()
    supervisor.start(client.program)
    supervisor.wait_ready("mailbox")
    newest, oldest = client.messages()

    assert oldest["subject"] == "Your gift of £25"
    assert oldest["message_id"] == "<16@example.org>"
    assert oldest["to"] == "zoë@example.org"
    assert oldest["text"].startswith("Thank you.")
    assert newest["subject"] == "A longer second subject"
    assert newest["received"] > oldest["received"]
    listed = client.get("/")[1]
    assert listed.index(newest["id"]) < listed.index(oldest["id"])


def test_a_hostile_mail_is_shown_and_does_nothing(mails: tuple[Client, Supervisor]) -> None:
    client, _ = mails
    client.send(receipt("<script>alert(1)</script>"))
    mail_id = client.messages()[0]["id"]

    pages = {path: client.get(path) for path in ("/", f"/{mail_id}/", f"/{mail_id}/html")}

    assert [status for status, _, _ in pages.values()] == [200, 200, 200]
    assert "<script" not in pages["/"][1] + pages[f"/{mail_id}/"][1]
    assert '<a href="http://127.0.0.1:8000/g/abc/" target="_blank"' in pages[f"/{mail_id}/"][1]
    assert '<head><base target="_blank">' in pages[f"/{mail_id}/html"][1]
    policies = [policy for _, _, policy in pages.values()]
    assert all("default-src 'none'" in policy for policy in policies)
    assert all("script-src" not in policy for policy in policies)
    assert policies[2].startswith("sandbox allow-popups allow-popups-to-escape-sandbox;")


def test_other_hosts_and_other_files_are_refused(mails: tuple[Client, Supervisor]) -> None:
    client, _ = mails
    client.send(receipt("Private"))

    statuses = [
        client.get("/messages.json", host="rebound.example")[0],
        client.get("/..%2f..%2fsecrets.json/")[0],
        client.get("/../../etc/passwd")[0],
    ]

    assert statuses == [421, 404, 404]


@pytest.mark.parametrize(
    ("now", "code"), [(59, "287082"), (1111111109, "081804"), (20000000000, "353130")]
)
def test_the_telephone_shows_the_codes_of_rfc_6238(now: int, code: str) -> None:
    assert telephone.code_of("GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ", now) == code


def test_the_demos_telephone_has_a_code_for_each_of_its_people_and_tells_no_secret(
    tmp_path: Path,
) -> None:
    client = Client(tmp_path, seed="a seed of the demo")
    with Supervisor(tmp_path / "logs") as supervisor:
        supervisor.start(client.program)
        supervisor.wait_ready("mailbox")
        told = json.loads(client.get("/telephone.json")[1])
        pages = client.get("/")[1] + client.get("/telephone/")[1]
        foreign = client.get("/telephone.json", host="rebound.example")[0]

    assert set(told) == {environment.ADMIN, environment.ORGANISER}
    assert len(set(told.values())) == 2
    assert "changes in" in pages
    assert "seed" not in pages
    assert foreign == 421


def test_without_a_demo_there_is_no_telephone(mails: tuple[Client, Supervisor]) -> None:
    client, _ = mails

    assert client.get("/telephone/")[0] == client.get("/telephone.json")[0] == 404
    assert "telephone" not in client.get("/")[1]
