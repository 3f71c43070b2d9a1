"""What must not reach a log."""

import logging
import re

# A path under /g/ opens one person's gift: whoever reads the log could open it too.
_SECRET_PATH = re.compile(r"(/g/)[^/?\s]+")
_ADDRESS = re.compile(r"[^\s@<>\"']+@[^\s@<>\"']+\.[^\s@<>\"']+")


class MaskPrivate(logging.Filter):
    """Blot out secret paths and e-mail addresses in whatever is about to be written."""

    def filter(self, record: logging.LogRecord) -> bool:
        text = _SECRET_PATH.sub(r"\1…", record.getMessage())
        record.msg, record.args = _ADDRESS.sub("…@…", text), ()
        return True
