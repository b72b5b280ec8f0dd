"""People sign in by canaille (PyPI), a provider of OpenID Connect, with the settings that docs/sign-in.md has.

ROLLCALL and CANAILLE say where the programs are; by default they are those of the path.
"""

import html
import json
import os
import re
import subprocess
import sys
import tempfile
import urllib.parse
from pathlib import Path

from run import OPERATOR, Browser, check, free_port, listening, program

PASSWORD = "a-password-of-the-tests"


def configured(folder, port, key):
    (folder / "canaille.toml").write_text(f"""SECRET_KEY = "secret-of-the-sign-in-tests"
SERVER_NAME = "127.0.0.1:{port}"
PREFERRED_URL_SCHEME = "http"
[CANAILLE]
DATABASE = "sql"
[CANAILLE_SQL]
DATABASE_URI = "sqlite:///{folder}/canaille.sqlite"
[CANAILLE_OIDC]
ACTIVE_JWKS = [{toml(key)}]
""")


def toml(fields):
    """A table of texts, on one line."""
    return "{" + ", ".join(f"{name} = {json.dumps(value)}" for name, value in fields.items()) + "}"


def fields_of(text):
    tags = re.findall(r"<input[^>]+>", text)
    value = lambda tag, name: html.unescape((re.search(rf'\b{name}="([^"]*)"', tag) or [None, ""])[1])
    return {value(tag, "name"): value(tag, "value") for tag in tags if value(tag, "name")}


def send(browser, url, text, **filled):
    """A form of a page, with what somebody fills in."""
    fields = {**fields_of(text), **filled}
    return browser.ask(url, body=urllib.parse.urlencode(fields).encode(), headers={"Referer": url})


def run(folder, started):
    port, rollcall = free_port(), free_port()
    issuer, here = f"http://127.0.0.1:{port}", f"http://127.0.0.1:{rollcall}"
    canaille = program("canaille")
    # What it finds in variables of its own name are settings.
    settings = {name: value for name, value in os.environ.items() if name != "CANAILLE"}
    settings["CONFIG"] = str(folder / "canaille.toml")

    def tell(*arguments):
        done = subprocess.run([canaille, *arguments], env=settings, capture_output=True, text=True)
        if done.returncode != 0:
            sys.exit(f"canaille {arguments}: {done.stdout}{done.stderr}")
        return done.stdout

    configured(folder, port, {})
    key = json.loads(tell("jwk", "create", "rsa"))
    configured(folder, port, key)
    tell("install")
    tell("create", "user", "--user-name", "zoe", "--password", PASSWORD, "--family-name", "Übel", "--given-name", "Zoë",
         "--formatted-name", "Zoë Übel", "--emails", "zoe@acme.example")
    zoe = json.loads(tell("get", "user", "--user-name", "zoe"))[0]["id"]
    tell("create", "group", "--display-name", "finance", "--members", zoe)
    tell("create", "client", "--client-id", "rollcall", "--client-secret", "secret-of-the-client", "--client-name",
         "Rollcall", "--client-uri", here, "--redirect-uris", f"{here}/v1/session/oidc/callback",
         "--post-logout-redirect-uris", f"{here}/", "--grant-types", "authorization_code", "--response-types", "code",
         "--scope", "openid email profile groups", "--token-endpoint-auth-method", "client_secret_basic")
    log = (folder / "error.log").open("w")
    started.append(subprocess.Popen([canaille, "run", "--bind", f"127.0.0.1:{port}"], env=settings, stdout=log, stderr=log))
    listening(port, started[-1])
    file = folder / "provider.json"
    file.write_text(json.dumps({
        "name": "Canaille", "issuer": issuer, "clientId": "rollcall", "clientSecret": "secret-of-the-client",
        "groups": [{"group": "finance", "organizationId": "acme", "role": "admin"}], "unknown": "member",
    }))
    started.append(subprocess.Popen(
        [program("rollcall"), "serve", "--data-dir", str(folder / "store"), "--listen", f"127.0.0.1:{rollcall}", "--oidc",
         str(file)], env={**os.environ, "ROLLCALL_OPERATOR_TOKEN": OPERATOR, "ROLLCALL_LOG": "warn"}))
    listening(rollcall, started[-1])
    headers = {"Authorization": f"Bearer {OPERATOR}", "Content-Type": "application/json"}
    plain = Browser()
    put = plain.ask(f"{here}/v1/directory", headers, json.dumps({"organizations": [{"id": "acme"}]}).encode(), "PUT")
    check("the directory is there", put[0], 200)

    browser = Browser()
    status, text = browser.ask(f"{here}/v1/session/oidc")
    check("Rollcall leads to the provider", (status, "login" in fields_of(text)), (200, True))
    _, text = send(browser, browser.at, text, login="zoe")
    _, text = send(browser, browser.at, text, password=PASSWORD)
    if "answer" in text:
        send(browser, browser.at, text, answer="accept")
    status, text = browser.ask(f"{here}/v1/me")
    me = json.loads(text)
    check("whoever signs in is entered", (status, me.get("user", {}).get("name")), (200, "Zoë Übel"))
    check("with what their groups give", [one["role"] for one in me["organizations"]], ["admin"])
    check("and without an address that nobody has verified", me["user"]["email"], None)
    out = {"X-Rollcall-Request": "1"}
    status, text = browser.ask(f"{here}/v1/session", out, method="DELETE")
    leads_to = json.loads(text)["leadsTo"]
    check("whoever signs out is led to the provider", (status, leads_to.split("?")[0].startswith(issuer)), (200, True))
    _, text = browser.ask(leads_to)
    if "answer" in text:
        send(browser, browser.at, text, answer="logout")
    check("which leads back", browser.at.startswith(here), True)
    status, text = browser.ask(f"{here}/v1/session/oidc")
    check("and asks anew", "login" in fields_of(text), True)


def main():
    started = []
    with tempfile.TemporaryDirectory(prefix="rollcall-canaille-") as folder:
        try:
            run(Path(folder), started)
        except SystemExit:
            log = Path(folder) / "error.log"
            print(log.read_text() if log.exists() else "", file=sys.stderr)
            raise
        finally:
            for process in reversed(started):
                process.terminate()
            for process in started:
                process.wait(10)


if __name__ == "__main__":
    main()
