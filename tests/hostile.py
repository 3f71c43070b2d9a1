"""Words that mean harm, and a reader that sees a page as a browser would."""

from html.parser import HTMLParser
from urllib.parse import urlsplit

CORPUS = [
    "<script>alert(1)</script>",
    "<SCRIPT SRC=//evil.example/x.js></SCRIPT>",
    "<scr<script>ipt>alert(1)</scr</script>ipt>",
    "<img src=x onerror=alert(1)>",
    '<img src="x:gif" onerror="alert(1)">',
    "<img/src/onerror=alert(1)>",
    "<svg onload=alert(1)>",
    "<svg><script>alert(1)</script></svg>",
    '<svg><a xlink:href="javascript:alert(1)"><text x="9">x</text></a></svg>',
    "<svg><animate onbegin=alert(1) attributeName=x dur=1s>",
    '<svg></p><style><a id="</style><img src=1 onerror=alert(1)>">',
    '<math><mtext><table><mglyph><style><!--</style><img title="--&gt;&lt;img src=1 onerror=a()">',
    "<form><math><mtext></form><form><mglyph><style></math><img src onerror=alert(1)>",
    '<noscript><p title="</noscript><img src=x onerror=alert(1)>">',
    "<iframe src=javascript:alert(1)></iframe>",
    '<iframe srcdoc="<script>alert(1)</script>"></iframe>',
    "<object data=javascript:alert(1)>",
    "<embed src=//evil.example/x.swf>",
    "<base href=//evil.example/>",
    '<meta http-equiv=refresh content="0;url=javascript:alert(1)">',
    '<link rel=stylesheet href="//evil.example/x.css">',
    "<style>@import '//evil.example/x.css';</style>",
    '<p style="background:url(//evil.example/x)">x</p>',
    "<body onload=alert(1)>",
    "<details open ontoggle=alert(1)>",
    "<input autofocus onfocus=alert(1)>",
    "<video><source onerror=alert(1)></video>",
    "<a href=javascript:alert(1)>x</a>",
    "<form action=//evil.example/><button>x</button></form>",
    '"><script>alert(1)</script>',
    "'><img src=x onerror=alert(1)>",
    '" onmouseover="alert(1)',
    "' autofocus onfocus='alert(1)",
    "</textarea><script>alert(1)</script>",
    "</title><script>alert(1)</script>",
    "<!--><script>alert(1)</script>-->",
    "<![CDATA[<script>alert(1)</script>]]>",
    "[x](javascript:alert(1))",
    "[x](JaVaScRiPt:alert(1))",
    "[x](javascript&colon;alert(1))",
    "[x](&#106;avascript:alert(1))",
    "[x](java&#x09;script:alert(1))",
    "[x](\x01javascript:alert(1))",
    "[x](java\u200dscript:alert(1))",
    "[x](%6A%61vascript:alert(1))",
    "[x](<javascript:alert(1)>)",
    "[x](vbscript:msgbox(1))",
    "[x](data:text/html;base64,PHNjcmlwdD5hbGVydCgxKTwvc2NyaXB0Pg==)",
    "[x](//evil.example/%0djavascript:alert(1))",
    "[x][r]\n\n[r]: javascript:alert(1)",
    "[x](https://evil.example \"' onmouseover=alert(1) '\")",
    "<javascript:alert(1)>",
    "![x](https://evil.example/pixel.gif)",
    "![x](//evil.example/pixel.gif)",
    "![x](javascript:alert(1))",
    "![x](data:image/svg+xml;base64,PHN2ZyBvbmxvYWQ9YWxlcnQoMSk+)",
    '![x" onerror="alert(1)](/media/campaigns/x.webp)',
    "![x](/media/campaigns/not-ours.webp)",
    "![x](/media/campaigns/../../static/x.svg)",
    "{{ 7|add:7 }}{% load x %}${7*7}",
    "\u202ereversed\u202c \u2066isolated\u2069 \x00nul \x1b[31mred\x07",
]
INVISIBLE = set("\x00\x01\x07\x1b\u202e\u202c\u2066\u2069\u200e\u200f")
LOADS = {"script", "link", "img", "iframe", "object", "embed", "video", "source", "audio"}
NEVER = {"object", "embed", "base", "math", "noscript", "video", "source", "audio", "animate"}


class Reader(HTMLParser):
    """Note what a browser would load, run, or lead somebody to, that is not the site's own."""

    def __init__(self) -> None:
        super().__init__()
        self.harm: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        said = {name: value or "" for name, value in attrs}
        if tag in NEVER:
            self.harm.append(f"<{tag}>")
        if tag == "script" and not said.get("src", "").startswith("/static/"):
            self.harm.append("a script")
        if tag == "meta" and "http-equiv" in said:
            self.harm.append("a meta")
        if tag == "style":
            self.harm.append("a style")
        for name, value in said.items():
            is_elsewhere = name == "xlink:href" and not value.startswith("#")
            if name.startswith("on") or name in {"style", "srcdoc"} or is_elsewhere:
                self.harm.append(f"{tag} {name}={value}")
            if name in {"src", "data", "poster", "srcset", "formaction", "action"} or (
                tag in LOADS and name == "href"
            ):
                self._own(tag, name, value)
            if name == "href":
                scheme = urlsplit("".join(value.split())).scheme.lower()
                if scheme not in {"", "http", "https", "mailto"}:
                    self.harm.append(f"{tag} href={value}")

    def _own(self, tag: str, name: str, value: str) -> None:
        is_blank = (tag, value) == ("iframe", "about:blank")
        is_ours = value.startswith("/") and not value.startswith(("//", "/\\"))
        is_local = value == "" or value.startswith(("?", "#", "."))
        if not (is_blank or is_ours or is_local):
            self.harm.append(f"{tag} {name}={value}")


def harm_in(html: str) -> list[str]:
    """Return what of a page could do harm, as a browser would read it."""
    reader = Reader()
    reader.feed(html)
    reader.close()
    return reader.harm
