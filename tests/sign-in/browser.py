"""What goes through sign-ins as a browser does."""

import html
import http.cookiejar
import re
import sys
import urllib.error
import urllib.parse
import urllib.request


def fields_of(text):
    tags = re.findall(r"<input[^>]+>", text)
    value = lambda tag, name: html.unescape((re.search(rf'\b{name}="([^"]*)"', tag) or [None, ""])[1])
    return {value(tag, "name"): value(tag, "value") for tag in tags if value(tag, "name")}


class Browser:
    """Follows what it is led to; `at` is where it ended."""

    def __init__(self):
        jar = urllib.request.HTTPCookieProcessor(http.cookiejar.CookieJar())
        self.opener = urllib.request.build_opener(jar, urllib.request.ProxyHandler({}))
        self.at = None

    def ask(self, url, headers=(), body=None, method=None):
        # As when somebody opens a page: mod_auth_openidc leads nobody else to a sign-in.
        headers = {"Accept": "text/html,*/*", **dict(headers)}
        request = urllib.request.Request(url, body, headers, method=method)
        try:
            with self.opener.open(request, timeout=20) as answer:
                self.at = answer.url
                return answer.status, answer.read().decode()
        except urllib.error.HTTPError as error:
            self.at = error.url
            return error.code, error.read().decode()

    def send(self, text, headers=(), **filled):
        """Sends on the form of a page, with what somebody fills in."""
        action = re.search(r'<form[^>]* action="([^"]+)"', text)
        to = urllib.parse.urljoin(self.at, html.unescape(action.group(1)) if action else "")
        fields = urllib.parse.urlencode({**fields_of(text), **filled}).encode()
        return self.ask(to, {"Referer": self.at, **dict(headers)}, fields)


def check(what, found, expected):
    if found != expected:
        sys.exit(f"{what}: {found!r}, expected {expected!r}")
    print(f"ok  {what}")
