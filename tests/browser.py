"""Chromium without a window, driven through its DevTools pipe. Only the standard library is used."""

import base64
import json
import os
import pathlib
import select
import shutil
import subprocess
import tempfile
import time
import unittest

WAIT_S = 60
CONTROL = 2  # bit of modifiers


def find_chromium():
    """The browser's path, or the test skips."""
    for name in ("chromium", "chromium-browser", "google-chrome", "chrome"):
        if path := shutil.which(name):
            return path
    raise unittest.SkipTest("needs chromium (make check-article installs it)")


class Browser:
    """One browser with a profile of its own; close() ends it."""

    def __init__(self):
        self.profile = tempfile.mkdtemp(prefix="crumb-browser-")
        from_us, self.out = os.pipe()
        self.read_end, to_us = os.pipe()
        command = [find_chromium(), "--headless=new", "--remote-debugging-pipe", "--no-sandbox", "--disable-gpu",
                   "--disable-dev-shm-usage", "--no-first-run", "--disable-extensions", "--hide-scrollbars",
                   "--disable-background-networking", f"--user-data-dir={self.profile}", "about:blank"]
        # The browser reads commands from descriptor 3 and answers on 4.
        shell = f'exec "$@" 3<&{from_us} 4>&{to_us}'
        self.process = subprocess.Popen(["bash", "-c", shell, "browser", *command], pass_fds=(from_us, to_us),
                                        stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                                        stderr=subprocess.DEVNULL)
        os.close(from_us)
        os.close(to_us)
        self.buffer, self.last, self.events = b"", 0, []

    def close(self):
        try:
            self.call("Browser.close")
            self.process.wait(10)
        except (OSError, subprocess.TimeoutExpired, RuntimeError, TimeoutError):
            self.process.kill()
            self.process.wait()
        for end in (self.out, self.read_end):
            os.close(end)
        shutil.rmtree(self.profile, ignore_errors=True)

    def receive(self, deadline):
        while b"\0" not in self.buffer:
            left = deadline - time.monotonic()
            if left <= 0 or not select.select([self.read_end], [], [], left)[0]:
                raise TimeoutError("the browser does not answer")
            piece = os.read(self.read_end, 1 << 16)
            if not piece:
                raise RuntimeError("the browser has ended")
            self.buffer += piece
        message, self.buffer = self.buffer.split(b"\0", 1)
        return json.loads(message)

    def call(self, method, parameters=None, page=None):
        """Sends a command and returns its result."""
        self.last += 1
        command = {"id": self.last, "method": method, "params": parameters or {}}
        if page:
            command["sessionId"] = page
        os.write(self.out, json.dumps(command).encode() + b"\0")
        deadline = time.monotonic() + WAIT_S
        while True:
            message = self.receive(deadline)
            if message.get("id") == self.last:
                if "error" in message:
                    raise RuntimeError(f"{method}: {message['error'].get('message')}")
                return message["result"]

    def open(self, address, width=1000, height=900):
        """A new page in front, loaded."""
        target = self.call("Target.createTarget", {"url": "about:blank"})["targetId"]
        page = Page(self, target)
        page.resize(width, height)
        page.call("Page.navigate", {"url": str(address)})
        page.wait("document.readyState === 'complete' && location.href !== 'about:blank'")
        page.call("Page.bringToFront")
        return page


class Page:
    def __init__(self, browser, target):
        self.browser = browser
        self.attached = browser.call("Target.attachToTarget", {"targetId": target, "flatten": True})["sessionId"]
        self.call("Page.enable")
        self.call("Emulation.setFocusEmulationEnabled", {"enabled": True})

    def call(self, method, parameters=None):
        return self.browser.call(method, parameters, self.attached)

    def resize(self, width, height, scale=1):
        self.call("Emulation.setDeviceMetricsOverride",
                  {"width": width, "height": height, "deviceScaleFactor": scale, "mobile": False})

    def run(self, expression):
        """The value of a JavaScript expression, as JSON can hold it."""
        done = self.call("Runtime.evaluate",
                         {"expression": expression, "returnByValue": True, "awaitPromise": True})
        if "exceptionDetails" in done:
            raise RuntimeError(done["exceptionDetails"].get("exception", {}).get("description", expression))
        return done["result"].get("value")

    def wait(self, expression, seconds=WAIT_S):
        """Until the expression is true; its value."""
        deadline = time.monotonic() + seconds
        while True:
            try:
                if value := self.run(expression):
                    return value
            except RuntimeError:  # a page that is just being replaced
                pass
            if time.monotonic() > deadline:
                raise TimeoutError(f"never came true: {expression}")
            time.sleep(0.05)

    def click(self, selector):
        """With the mouse, in the middle of the element."""
        box = self.run(f"(e => {{ e.scrollIntoView({{block: 'nearest'}}); const r = e.getBoundingClientRect();"
                       f" return [r.x + r.width / 2, r.y + r.height / 2]; }})"
                       f"(document.querySelector({json.dumps(selector)}))")
        for kind in ("mousePressed", "mouseReleased"):
            self.call("Input.dispatchMouseEvent",
                      {"type": kind, "x": box[0], "y": box[1], "button": "left", "clickCount": 1})

    def key(self, key, code, number, modifiers=0, commands=()):
        """One key down and up. `commands`: what an editing key means on a desktop ("paste")."""
        event = {"key": key, "code": code, "windowsVirtualKeyCode": number, "modifiers": modifiers}
        self.call("Input.dispatchKeyEvent", {"type": "rawKeyDown", "commands": list(commands), **event})
        self.call("Input.dispatchKeyEvent", {"type": "keyUp", **event})

    def paste(self):
        self.key("v", "KeyV", 86, CONTROL, ["paste"])

    def copy(self):
        self.key("c", "KeyC", 67, CONTROL, ["copy"])

    def screenshot(self, path, height=None):
        clip = None
        if height:
            width = self.run("innerWidth")
            clip = {"x": 0, "y": 0, "width": width, "height": height, "scale": 1}
        done = self.call("Page.captureScreenshot",
                         {"format": "png", "captureBeyondViewport": bool(height), **({"clip": clip} if clip else {})})
        pathlib.Path(path).write_bytes(base64.b64decode(done["data"]))
