"""`manage.py benchmark`: each benchmark by its name, around a site of its own."""

import argparse
import importlib
import os
import sys
from collections.abc import Callable, Iterator, Sequence

import django
from django.core.management import call_command

import manage
from alliance.local import demo, postgres, services
from alliance.local.standin import StandIn
from tests.benchmarks.measure import Result, say, table

# The module of each; the function is called as the benchmark is.
MODULES = {
    "campaign-page": "pages",
    "campaign-page-304": "pages",
    "campaign-page-1m": "pages",
    "settle": "giving",
    "settle-hot": "giving",
    "webhook-ingest": "giving",
    "webhook-view": "webhooks",
    "webhook-settled": "webhooks",
    "admin-list": "admin",
    "desk": "desk",
    "stalled-stripe": "giving",
    "enumeration": "accounts",
}


def main(argv: Sequence[str]) -> int:
    """Run the benchmarks named, or all, and return the exit code of the command."""
    parser = argparse.ArgumentParser(
        prog="manage.py benchmark",
        description="Measure the site beside a peer or a limit, in turn, and print the ratios.",
        epilog=f"The benchmarks: {', '.join(MODULES)}.",
    )
    parser.add_argument("names", nargs="*", metavar="name", help="see below (default: all)")
    parser.add_argument("--json", action="store_true", help="print an object a line")
    parser.add_argument("--scale", type=float, default=1.0, help="0.1: a tenth of the size")
    options = parser.parse_args(argv)
    for name in options.names:
        if name not in MODULES:
            parser.exit(2, f"There is no benchmark {name!r}; there are {', '.join(MODULES)}.\n")
    try:
        results = []
        for result in run(options.names or list(MODULES), scale=options.scale):
            results.append(result)
            if options.json:
                print(result.as_json(), flush=True)  # noqa: T201 (for the next program)
        if not options.json:
            print(table(results))  # noqa: T201 (for people)
    except KeyboardInterrupt:
        return 130
    except (*services.PROBLEMS, manage.SetUpError) as problem:
        say(problem)
        return 1
    return 0


def run(names: Sequence[str], *, scale: float) -> Iterator[Result]:
    """Give what each benchmark finds, on the demo's site with servers that are thrown away."""
    say("Starting a site to measure …")
    with services.throw_away(postgres.BENCHMARK) as (data, ports, servers, supervisor):
        secret = servers.environ["STRIPE_WEBHOOK_SECRETS"]
        with StandIn(webhook_secret=secret) as standin:
            os.environ.update(servers.environ, STRIPE_API_BASE=standin.base_url)
            django.setup()
            call_command("migrate", verbosity=0)
            call_command("collectstatic", interactive=False, verbosity=0)
            call_command("load_demo")
            web, *_others = demo.site_programs(data, ports, os.environ)
            supervisor.start(web)
            supervisor.wait_ready("web")
            # Only now, because these import models.
            site = importlib.import_module("tests.benchmarks.site").Site(
                port=ports.web, standin=standin, scale=scale
            )
            for name in names:
                say(f"{name} …")
                module = importlib.import_module(f"tests.benchmarks.{MODULES[name]}")
                benchmark: Callable[..., Iterator[Result]] = getattr(
                    module, name.replace("-", "_")
                )
                yield from benchmark(site)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
