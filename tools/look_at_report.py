"""Look at reports in a real browser: `make look`, or `look_at_report.py [PAGE.html…] [--into DIR]`.

Needs Chromium, and no network. Each page is opened at a desktop's and a phone's width, in the light and the
dark scheme, and printed; pictures and PDFs go to the folder. What the browser complains of (errors, breaches
of the page's policy) and what is wider than its window ends with 1. Without pages it looks at some made of
the tests' own runs, and then has the browser read hundreds of hostile texts: what comes of them must have the
elements and attributes that harmless ones give, and no script may run.

The browser is driven by the DevTools protocol over a pipe
(https://chromedevtools.github.io/devtools-protocol/, 2026-11): messages of JSON, each ended by a NUL.
"""

import base64
import json
import os
import shutil
import subprocess
import sys
import tempfile
from argparse import ArgumentParser
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from runner.manifest.states import run_from
from runner.report import report_page
from tests.unit import report_bench as bench
from tests.unit.hostile import HARMLESS, PAYLOADS, poisoned

WIDTHS = {"desktop": (1280, 900), "phone": (375, 800)}
SCHEMES = ("light", "dark")
_FLAGS: tuple[str, ...] = (
    "--headless",
    "--no-sandbox",
    "--remote-debugging-pipe",
    "--disable-gpu",
    "--hide-scrollbars",
)
# Nothing listens at the proxy: what a page asked for would not be answered.
_FLAGS += ("--disable-background-networking", "--no-first-run", "--proxy-server=127.0.0.1:9")
BROWSERS = ("chromium", "chromium-browser", "google-chrome")
LONGEST_PICTURE = 12000
# A sheet of A4 has so many pixels across.
PAPER = 794
# A page that could act would do one of these.
_SEEN = (
    "JSON.stringify([...document.querySelectorAll('*')].map(e => [e.tagName, e.getAttributeNames().sort()]))"
)
_ACTED = "String(window.hacked) + String(document.title.includes('hacked'))"
_FOLDED = "[...document.querySelectorAll('details > :not(summary)')].filter(e => !e.checkVisibility()).length"
_OVERFLOW = "document.documentElement.scrollWidth - document.documentElement.clientWidth"


@dataclass
class Browser:
    """A Chromium that is listened to: what it complains of is collected in `complaints`."""

    process: subprocess.Popen[bytes]
    out: int
    into: int
    session: str = ""
    complaints: list[str] = field(default_factory=list)
    _last: int = 0
    _rest: bytes = b""
    _events: list[str] = field(default_factory=list)

    def ask(self, method: str, **given: Any) -> dict[str, Any]:  # noqa: ANN401 - the protocol's own
        """Send one request and wait for its answer."""
        self._last += 1
        message = {"id": self._last, "method": method, "params": given}
        os.write(
            self.into,
            json.dumps(message | ({"sessionId": self.session} if self.session else {})).encode() + b"\0",
        )
        while True:
            heard = self._heard()
            if heard.get("id") == self._last:
                if "error" in heard:
                    raise RuntimeError(f"{method}: {heard['error']}")
                return dict(heard["result"])

    def open(self, page: Path) -> None:
        """Open a page and wait until it is there."""
        self._events.clear()
        self.ask("Page.navigate", url=page.resolve().as_uri())
        while "Page.loadEventFired" not in self._events:
            self._heard()

    def evaluate(self, expression: str) -> Any:  # noqa: ANN401 - whatever it comes to
        """Ask the page for a value; the page's own policy does not bind its inspector."""
        return self.ask("Runtime.evaluate", expression=expression)["result"].get("value")

    def _heard(self) -> dict[str, Any]:
        while b"\0" not in self._rest:
            more = os.read(self.out, 1 << 16)
            if not more:
                raise RuntimeError("the browser has gone")
            self._rest += more
        line, _, self._rest = self._rest.partition(b"\0")
        heard: dict[str, Any] = json.loads(line)
        method = str(heard.get("method", ""))
        self._events.append(method)
        if method == "Log.entryAdded":
            self.complaints.append(heard["params"]["entry"]["text"])
        if method in {"Runtime.consoleAPICalled", "Runtime.exceptionThrown"}:
            self.complaints.append(f"a script ran: {json.dumps(heard['params'])[:200]}")
        if method == "Page.javascriptDialogOpening":
            raise RuntimeError("a script ran: it opened a dialog")
        return heard


@contextmanager
def browser() -> Iterator[Browser]:
    """Start a browser that reaches no network, with one empty page."""
    program = next((path for name in BROWSERS if (path := shutil.which(name))), None)
    if program is None:
        sys.exit(f"none of {', '.join(BROWSERS)} is installed")
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as profile:
        to_browser, from_browser = os.pipe(), os.pipe()
        # A browser reads its pipe at 3 and writes it at 4: a shell puts the ends there.
        moved = f'exec "$@" 3<&{to_browser[0]} 4>&{from_browser[1]}'
        process = subprocess.Popen(  # noqa: S603 - a program that is installed
            ["/bin/sh", "-c", moved, "sh", program, *_FLAGS, f"--user-data-dir={profile}", "about:blank"],
            pass_fds=(to_browser[0], from_browser[1]),
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        os.close(to_browser[0])
        os.close(from_browser[1])
        driven = Browser(process, out=from_browser[0], into=to_browser[1])
        try:
            targets = driven.ask("Target.getTargets")["targetInfos"]
            target = next(each["targetId"] for each in targets if each["type"] == "page")
            driven.session = driven.ask("Target.attachToTarget", targetId=target, flatten=True)["sessionId"]
            for domain in ("Page", "Runtime", "Log"):
                driven.ask(f"{domain}.enable")
            yield driven
        finally:
            process.terminate()
            process.wait()


def look(driven: Browser, page: Path, into: Path) -> Iterator[str]:
    """Take pictures of a page at all widths and in all schemes, print it, and tell what is wrong with it."""
    for place, (width, height) in WIDTHS.items():
        for scheme in SCHEMES:
            name = f"{page.stem}-{place}-{scheme}"
            show(driven, width, height, scheme)
            driven.open(page)
            excess = driven.evaluate(_OVERFLOW)
            if excess:
                yield f"{name}: {excess} pixels wider than its window"
            take(driven, into / f"{name}.png")
    driven.ask(
        "Emulation.setDeviceMetricsOverride", width=PAPER, height=PAPER, deviceScaleFactor=1, mobile=False
    )
    driven.ask("Emulation.setEmulatedMedia", media="print", features=[])
    closed = driven.evaluate(_FOLDED)
    if closed:
        yield f"{page.stem}: {closed} folded parts stay folded in print"
    take(driven, into / f"{page.stem}-print.png")
    printed = driven.ask("Page.printToPDF", printBackground=True, preferCSSPageSize=True)["data"]
    (into / f"{page.stem}.pdf").write_bytes(base64.b64decode(printed))
    yield from (f"{page.stem}: {each}" for each in driven.complaints)
    driven.complaints.clear()


def take(driven: Browser, file: Path) -> None:
    """Take a picture of the whole page, however long, to a limit."""
    size = driven.ask("Page.getLayoutMetrics")["cssContentSize"]
    clip = {
        "x": 0,
        "y": 0,
        "width": size["width"],
        "height": min(size["height"], LONGEST_PICTURE),
        "scale": 1,
    }
    picture = driven.ask("Page.captureScreenshot", format="png", clip=clip, captureBeyondViewport=True)[
        "data"
    ]
    file.write_bytes(base64.b64decode(picture))


def show(driven: Browser, width: int, height: int, scheme: str) -> None:
    """Give the window a size and a colour scheme."""
    driven.ask(
        "Emulation.setDeviceMetricsOverride",
        width=width,
        height=height,
        deviceScaleFactor=1,
        mobile=width < WIDTHS["desktop"][0],
    )
    driven.ask(
        "Emulation.setEmulatedMedia", media="", features=[{"name": "prefers-color-scheme", "value": scheme}]
    )


def attack(driven: Browser, folder: Path) -> Iterator[str]:
    """Have the browser read hostile texts in every place, and tell where they became more than text."""
    harmless = _structure(driven, folder / "harmless.html", [HARMLESS] * len(PAYLOADS))
    hostile = _structure(driven, folder / "hostile.html", PAYLOADS)
    if len(harmless) < len(PAYLOADS):
        yield "the harmless page does not hold a place for each text: nothing was tried"
    if harmless != hostile:
        yield f"hostile texts make {len(hostile)} elements where harmless ones make {len(harmless)}"
    if driven.evaluate(_ACTED) != "undefinedfalse":
        yield "a script of a hostile text ran"
    yield from (f"hostile texts: {each}" for each in driven.complaints)
    driven.complaints.clear()


def _structure(driven: Browser, page: Path, texts: Sequence[str]) -> list[Any]:
    """Give a page's elements; none where the page went away, as only a hostile text would have it."""
    page.write_text(report_page(poisoned(texts)), encoding="utf-8")
    driven.open(page)
    try:
        return list(json.loads(driven.evaluate(_SEEN)))
    except RuntimeError as gone:
        driven.complaints.append(str(gone))
        return []


def specimens(into: Path) -> list[Path]:
    """Write pages of the tests' own runs."""
    other = bench.content(run_id="20261121T113042Z-small-9b1c")
    other["recipe"]["values"]["finetune.parameters.lora_r"] = 16
    runs = [bench.subject(), bench.subject(run_from(other), points=bench.points(0.1))]
    pages = {
        "azure": runs[:1],
        "emulator": [bench.subject(bench.emulated())],
        "failed": [bench.subject(bench.failed(), points=None, samples=None, log=bench.LOG)],
        "several": runs,
    }
    for name, subjects in pages.items():
        (into / f"{name}.html").write_text(report_page(subjects), encoding="utf-8")
    return [into / f"{name}.html" for name in pages]


def main() -> int:
    """Look at pages; 1 if anything is wrong with one."""
    parser = ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("pages", type=Path, nargs="*", metavar="PAGE.html")
    parser.add_argument("--into", type=Path, default=Path("build/look"), metavar="DIR")
    options = parser.parse_args()
    for page in options.pages:
        if not page.is_file():
            parser.error(f"there is no page {page}")
    options.into.mkdir(parents=True, exist_ok=True)
    with browser() as driven:
        pages = options.pages or specimens(options.into)
        wrong = [each for page in pages for each in look(driven, page, options.into)]
        wrong += attack(driven, options.into) if not options.pages else []
    for each in wrong:
        print(each)
    print(f"{len(pages)} pages, pictures in {options.into}; {len(wrong)} things are wrong")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
