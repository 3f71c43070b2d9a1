"""Webhooks: signed, sent from a thread of their own, and tried again until somebody says 2xx."""

import http.client
import json
import threading
import time
from collections.abc import Callable
from urllib.parse import urlsplit

import stripe

from alliance.local.standin.faults import Faults
from alliance.local.standin.schemas import Json
from alliance.local.standin.store import Delivery, Store

ATTEMPTS = 16
TIMEOUT = 10.0
HOUSEKEEPING_SECONDS = 1.0


class Webhooks:
    """The queue of deliveries of one webhook endpoint and the thread that empties it."""

    def __init__(self, store: Store, faults: Faults, *, secret: str, retry_seconds: float) -> None:
        self.url: str | None = None
        self.secret = secret
        self._store = store
        self._faults = faults
        self._retry_seconds = retry_seconds
        self._wake = threading.Event()
        self._attempted = threading.Condition()
        self._is_stopping = False
        self._thread: threading.Thread | None = None

    def signed(self, event: Json) -> tuple[bytes, str]:
        """Return an event as it travels: the body and its `Stripe-Signature`."""
        body = json.dumps(event)
        # The machine's time, not the stand-in's: receivers check it against their own clock.
        now = int(time.time())
        header = stripe.WebhookSignature.generate_signature_header(body, self.secret, now)
        return body.encode(), str(header)

    def start(self, housekeeping: Callable[[], None]) -> None:
        """Begin to deliver; the thread calls `housekeeping` at least once a second, too."""
        self._thread = threading.Thread(target=self._run, args=(housekeeping,), daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """Finish the delivery under way, then stop; what is queued stays queued."""
        self._is_stopping = True
        self._wake.set()
        if self._thread:
            self._thread.join()

    def announce(self, event: Json) -> None:
        """Queue a new event, with whatever faults befall it."""
        kind = event["type"]
        if self.url is None or self._faults.strikes("drop", kind):
            return
        for _ in range(2 if self._faults.strikes("duplicate", kind) else 1):
            wait = self._faults.seconds("delay") if self._faults.strikes("delay", kind) else 0.0
            if self._faults.strikes("reorder", kind):
                wait += self._faults.seconds("reorder", part=True)
            self._store.schedule(event["id"], time.time() + wait)
        self._wake.set()

    def resend(self, event: str) -> None:
        """Queue one more delivery of an event, at once and without faults."""
        self._store.schedule(event, time.time())
        self._wake.set()

    def drain(self, timeout: float) -> None:
        """Wait until nothing is queued, retries included. Raises TimeoutError (seconds)."""
        with self._attempted:
            if not self._attempted.wait_for(lambda: self._store.next_delivery() is None, timeout):
                raise TimeoutError("Webhooks are still queued.")

    def _run(self, housekeeping: Callable[[], None]) -> None:
        while not self._is_stopping:
            housekeeping()
            # Cleared before the look into the queue: what is queued after it wakes the wait.
            self._wake.clear()
            delivery = self._store.next_delivery() if self.url else None
            wait = delivery.due - time.time() if delivery else HOUSEKEEPING_SECONDS
            if delivery and wait <= 0:
                self._deliver(delivery)
            elif not self._is_stopping:
                self._wake.wait(min(wait, HOUSEKEEPING_SECONDS))

    def _deliver(self, delivery: Delivery) -> None:
        event = self._store.get(delivery.event, "event")
        status = _post(str(self.url), *self.signed(event))
        is_delivered = 200 <= status < 300  # noqa: PLR2004  the class of success
        with self._store.transaction():
            again_at = None
            if not is_delivered and delivery.attempts + 1 < ATTEMPTS:
                again_at = time.time() + self._retry_seconds * 2**delivery.attempts
            if is_delivered:
                self._store.put({**event, "pending_webhooks": 0})
            self._store.record_attempt(delivery, status, again_at)
        with self._attempted:
            self._attempted.notify_all()


def _post(url: str, body: bytes, signature: str) -> int:
    """Send one webhook and return the answer's status, 0 where there was none."""
    address = urlsplit(url)
    opener = (
        http.client.HTTPSConnection if address.scheme == "https" else http.client.HTTPConnection
    )
    connection = opener(address.hostname or "", address.port, timeout=TIMEOUT)
    headers = {
        "Content-Type": "application/json; charset=utf-8",
        "Stripe-Signature": signature,
        "User-Agent": "Stripe/1.0 (stand-in)",
    }
    try:
        connection.request("POST", address.path or "/", body, headers)
        return connection.getresponse().status
    except (OSError, http.client.HTTPException):
        return 0
    finally:
        connection.close()
