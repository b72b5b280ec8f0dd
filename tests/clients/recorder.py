"""Stands between the senders and Rollcall, keeps what was really sent, and loses answers where it is told to.

The first part of a path names the channel: what is posted to /array/v1/ingest/litellm goes on to /v1/ingest/litellm and
is kept as sent by `array`.
"""

import gzip
import http.client
import threading
import time
from collections import Counter
from dataclasses import dataclass
from urllib.parse import urlsplit

from loopback import Handler, Server

# What becomes of a post: passed on and answered; passed on, and the connection closed instead of an answer; passed on,
# and answered 502, as by a gateway that lost the answer; not passed on, and answered 503.
PASS, LOSE, GATEWAY, BUSY = "pass", "lose", "gateway", "busy"


@dataclass
class Post:
    """A post that was passed on, its body unpacked."""

    channel: str
    path: str
    content_type: str
    encoding: str
    body: bytes
    status: int


class Recorder(Server):
    """`fates` has for each channel what becomes of a post and of its repetitions, all others as the last."""

    def __init__(self, target, fates):
        super().__init__(Forwards)
        self.target = urlsplit(target).netloc
        self.fates = fates
        self.posts = []
        self.last = time.monotonic()
        self.under_way = 0
        self.attempts = Counter()
        self.lock = threading.Lock()

    def fate(self, channel, body):
        with self.lock:
            self.last = time.monotonic()
            before = self.attempts[channel, body]
            self.attempts[channel, body] += 1
        fates = self.fates[channel]
        return fates[min(before, len(fates) - 1)]

    def settle(self):
        """Waits until nothing that has come is still on its way."""
        while self.under_way:
            time.sleep(0.05)

    def arrived(self, channel):
        """Posts of a channel that Rollcall took, those whose answers were lost included."""
        return [post for post in list(self.posts) if post.channel == channel and 200 <= post.status < 300]


class Forwards(Handler):
    def do_POST(self):
        with self.server.lock:
            self.server.under_way += 1
        try:
            self.pass_on()
        finally:
            with self.server.lock:
                self.server.under_way -= 1

    def pass_on(self):
        _, channel, path = self.path.split("/", 2)
        body = self.body()
        encoding = self.headers.get("content-encoding", "identity")
        fate = self.server.fate(channel, body)
        if fate == BUSY:
            self.reply(503)
            return
        status, answer, kind = self.forward("/" + path, body)
        plain = gzip.decompress(body) if encoding == "gzip" else body
        self.server.posts.append(Post(channel, path, self.headers["content-type"], encoding, plain, status))
        if fate == LOSE:
            self.close_connection = True
        elif fate == GATEWAY:
            self.reply(502)
        else:
            self.reply(status, answer, kind)

    def forward(self, path, body):
        skip = {"host", "connection", "content-length", "transfer-encoding", "accept-encoding"}
        headers = {name: value for name, value in self.headers.items() if name.lower() not in skip}
        connection = http.client.HTTPConnection(self.server.target, timeout=60)
        try:
            connection.request("POST", path, body, headers)
            response = connection.getresponse()
            return response.status, response.read(), response.getheader("content-type", "text/plain")
        finally:
            connection.close()
