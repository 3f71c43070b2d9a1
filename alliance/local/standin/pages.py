"""Pages for people: which address shows which."""

from pathlib import Path
from typing import TYPE_CHECKING

from alliance.local.standin import front, hosted, plan_pages, render
from alliance.local.standin.api import Answer, Request

if TYPE_CHECKING:
    from alliance.local.standin.standin import StandIn

HERE = Path(__file__).parent
FILES = {"/standin.css": "text/css; charset=utf-8", "/standin.svg": "image/svg+xml"}


def answer(standin: "StandIn", request: Request) -> Answer:
    """Answer a browser."""
    match request.method, request.path.split("/")[1:]:
        case "GET", [""]:
            return render.page("front.html", front.facts(standin))
        case "GET", [_] if request.path in FILES:
            text = (HERE / request.path[1:]).read_text()
            return Answer(200, text, {"Content-Type": FILES[request.path]})
        case "GET" | "POST", ["c", "pay", session_id, *step] if step in ([], ["3ds"]):
            return hosted.answer(standin, request, session_id, is_3ds=bool(step))
        case "GET" | "POST", ["i", invoice_id]:
            return plan_pages.invoice(standin, request, invoice_id)
        case "GET" | "POST", ["p", "session", session_id]:
            return plan_pages.portal(standin, request, session_id)
    return render.message("There is nothing here", status=404)


def refusal(reason: str) -> Answer:
    """Tell somebody that a form could not be done, and why."""
    heading = "That did not work"
    return render.message(heading, status=400, text=reason, link="/", link_text="Back")
