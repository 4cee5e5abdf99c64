"""A real headless Chromium for tests that look at a page: Debian's, installed where root may install it."""

from __future__ import annotations

import base64
import json
import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from filelock import FileLock

PACKAGES = ("chromium", "chromium-driver")
PROGRAMS = ("chromium", "chromedriver")


def install() -> str:
    """Why there is no Chromium and none can be installed; empty where there is one, perhaps now."""
    with FileLock(Path(tempfile.gettempdir(), "wfperf-tests-chromium.lock")):  # xdist's workers all come here
        if all(map(shutil.which, PROGRAMS)):
            return ""
        if shutil.which("apt-get") is None or os.geteuid() != 0:
            return f"no {' and '.join(PROGRAMS)} on the PATH: install Debian's packages {' and '.join(PACKAGES)}"
        quiet = {"env": os.environ | {"DEBIAN_FRONTEND": "noninteractive"}, "capture_output": True, "text": True}
        subprocess.run(["apt-get", "update", "-q"], check=False, **quiet)
        done = subprocess.run(
            ["apt-get", "install", "-q", "-y", "--no-install-recommends", *PACKAGES], check=False, **quiet
        )
        return "" if all(map(shutil.which, PROGRAMS)) else f"{' '.join(done.args)} failed: {done.stderr.strip()[-500:]}"


class Page:
    """One window. What it asked the network for and wrote to its console is read off when asked for."""

    def __init__(self, driver: Any) -> None:
        self.driver = driver

    def open(self, path: Path | str) -> None:
        """Load a file, or any address, and forget what the one before it did."""
        self.driver.get(path.as_uri() if isinstance(path, Path) else path)

    def run(self, script: str, *arguments: Any) -> Any:
        """What JavaScript (with a ``return``) gives back."""
        return self.driver.execute_script(script, *arguments)

    def view(self, width: int, height: int = 900, *, dark: bool = False, printed: bool = False) -> None:
        """The size of the window in CSS pixels, its colour scheme, and whether it is on paper."""
        metrics = {"width": width, "height": height, "deviceScaleFactor": 1, "mobile": False}
        self.driver.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", metrics)
        scheme = {"name": "prefers-color-scheme", "value": "dark" if dark else "light"}
        self.driver.execute_cdp_cmd(
            "Emulation.setEmulatedMedia", {"media": "print" if printed else "", "features": [scheme]}
        )

    def screenshot(self, path: Path, *, whole: bool = False) -> None:
        """A PNG of what is seen, or of the page down to its end."""
        taken = self.driver.execute_cdp_cmd(
            "Page.captureScreenshot", {"captureBeyondViewport": whole} | self._clip(whole)
        )
        path.write_bytes(base64.b64decode(taken["data"]))

    def _clip(self, whole: bool) -> dict[str, Any]:
        if not whole:
            return {}
        size = self.driver.execute_cdp_cmd("Page.getLayoutMetrics", {})["cssContentSize"]
        return {"clip": {"x": 0, "y": 0, "width": size["width"], "height": size["height"], "scale": 1}}

    def console(self) -> list[str]:
        """What was written to the console since last asked, errors of the page among it."""
        return [f"{entry['level']}: {entry['message']}" for entry in self.driver.get_log("browser")]

    def requests(self) -> list[str]:
        """The addresses asked for since last asked, the page's own among them."""
        events = [json.loads(entry["message"])["message"] for entry in self.driver.get_log("performance")]
        return [e["params"]["request"]["url"] for e in events if e["method"] == "Network.requestWillBeSent"]


@contextmanager
def browser() -> Iterator[Page]:
    """A window of a headless Chromium that cannot reach any host but this one; a skip or, in CI, a failure without."""
    problem = install()
    if problem:
        pytest.fail(problem) if os.environ.get("CI") else pytest.skip(problem)
    from selenium import webdriver

    options = webdriver.ChromeOptions()
    for argument in (
        "--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--window-size=1400,900",
        "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE localhost, EXCLUDE 127.0.0.1",
        "--disable-background-networking", "--disable-component-update", "--no-first-run", "--hide-scrollbars",
    ):  # fmt: skip
        options.add_argument(argument)
    options.binary_location = str(shutil.which("chromium"))
    options.set_capability("goog:loggingPrefs", {"browser": "ALL", "performance": "ALL"})
    service = webdriver.ChromeService(executable_path=shutil.which("chromedriver"))
    driver = webdriver.Chrome(options=options, service=service)
    try:
        yield Page(driver)
    finally:
        driver.quit()
