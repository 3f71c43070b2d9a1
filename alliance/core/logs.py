"""What must not reach a log."""

import logging
import re

# A path under /g/ opens one person's gift: whoever reads the log could open it too. Stripe's
# own errors repeat it as part of a key.
_SECRET = re.compile(r"(/g/|\bd:)[\w-]{22}")
# A signed token opens a monthly gift to changes, in a path or out of it.
_SIGNED_PATH = re.compile(r"(/m/)[^/\s?\"'<>]+")
_SIGNED = re.compile(r"\d+\.\w+\.[\w-]{43}")
_ADDRESS = re.compile(r"[^\s@<>\"'()=]+@[^\s@<>\"'()]+\.[^\s@<>\"'()]+")


class Masked(logging.Formatter):
    """Blot out secret paths and e-mail addresses in all that is written, tracebacks too."""

    def format(self, record: logging.LogRecord) -> str:
        text = _SECRET.sub(r"\1…", super().format(record))
        text = _SIGNED.sub("…", _SIGNED_PATH.sub(r"\1…", text))
        return _ADDRESS.sub("…@…", text)
