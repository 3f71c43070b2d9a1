"""`python -m alliance.local.standin`: the stand-in as a program of its own."""

import argparse
import signal

from alliance.local.standin import StandIn

RETRY_SECONDS, FAST_RETRY_SECONDS = 2.0, 0.05


def main() -> None:
    """Serve until Ctrl-C or SIGTERM."""
    parser = argparse.ArgumentParser(prog="python -m alliance.local.standin", description=__doc__)
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--data", required=True, metavar="FILE", help="SQLite file of its state")
    parser.add_argument("--webhook-url", required=True, metavar="URL")
    parser.add_argument("--webhook-secret", required=True, metavar="whsec_…")
    parser.add_argument("--fast-retries", action="store_true", help="try again within a second")
    options = parser.parse_args()
    stop = {signal.SIGINT, signal.SIGTERM}
    # Before any thread is there, so that all inherit it and the signals wait for `sigwait`.
    signal.pthread_sigmask(signal.SIG_BLOCK, stop)
    with StandIn(
        port=options.port,
        data=options.data,
        webhook_url=options.webhook_url,
        webhook_secret=options.webhook_secret,
        retry_seconds=FAST_RETRY_SECONDS if options.fast_retries else RETRY_SECONDS,
    ) as standin:
        print(f"Stand-in Stripe listens on {standin.base_url}", flush=True)
        signal.sigwait(stop)


if __name__ == "__main__":
    main()
