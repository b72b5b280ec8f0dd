"""canaille (PyPI): a provider of OpenID Connect, set up by its commands."""

import json
import os
import re
import subprocess
import sys

from browser import fields_of
from programs import free_port, program, started

CLIENT_SECRET = "secret-of-the-client"
PASSWORD = "a-password-of-the-tests"


class Canaille:
    def __init__(self, folder):
        self.folder, self.port = folder, free_port()
        self.issuer = f"http://127.0.0.1:{self.port}"
        self.canaille = program("canaille")
        # What it finds in variables of its own name are settings.
        self.environment = {name: value for name, value in os.environ.items() if name != "CANAILLE"}
        self.environment["CANAILLE_CONFIG"] = str(folder / "canaille.toml")
        self.configure()
        key = json.loads(self.tell("jwk", "create", "rsa"))
        signing = ", ".join(f"{name} = {json.dumps(value)}" for name, value in key.items())
        self.configure(f"[CANAILLE_OIDC]\nACTIVE_JWKS = [{{{signing}}}]")
        self.tell("install")

    def configure(self, more=""):
        (self.folder / "canaille.toml").write_text(f"""SECRET_KEY = "secret-of-the-sign-in-tests"
SERVER_NAME = "127.0.0.1:{self.port}"
PREFERRED_URL_SCHEME = "http"
[CANAILLE]
DATABASE = "sql"
[CANAILLE_SQL]
DATABASE_URI = "sqlite:///{self.folder}/canaille.sqlite"
{more}
""")

    def tell(self, *arguments):
        done = subprocess.run([self.canaille, *arguments], env=self.environment, capture_output=True, text=True)
        if done.returncode != 0:
            sys.exit(f"canaille {arguments}: {done.stdout}{done.stderr}")
        return done.stdout

    def user(self, name, family, given):
        self.tell("create", "user", "--user-name", name, "--password", PASSWORD, "--family-name", family, "--given-name",
                  given, "--formatted-name", f"{given} {family}", "--emails", f"{name}@acme.example")
        return json.loads(self.tell("get", "user", "--user-name", name))[0]["id"]

    def group(self, name, *members):
        self.tell("create", "group", "--display-name", name, *(part for one in members for part in ("--members", one)))

    def client(self, name, here, returns_to):
        self.tell("create", "client", "--client-id", name, "--client-secret", CLIENT_SECRET, "--client-name", name,
                  "--client-uri", here, "--redirect-uris", returns_to, "--post-logout-redirect-uris", f"{here}/",
                  "--grant-types", "authorization_code", "--response-types", "code", "--scope",
                  "openid email profile groups", "--token-endpoint-auth-method", "client_secret_basic")
        # A client that is made by the command is in no token's audience, not even in that of its own.
        self.tell("set", "client", name, "--audience", name)

    def start(self, processes):
        log = (self.folder / "error.log").open("a")
        started(processes, [self.canaille, "run", "--bind", f"127.0.0.1:{self.port}"], self.port, env=self.environment,
                stdout=log, stderr=log)

    def sign_in(self, browser, text, name, headers=()):
        """Somebody fills in its two pages. What they are led to then."""
        if "login" not in fields_of(text):
            sys.exit(f"{browser.at} does not ask who is there: {re.sub('<[^>]+>', ' ', text)[:500]}")
        _, text = browser.send(text, headers, login=name)
        return browser.send(text, headers, password=PASSWORD)
