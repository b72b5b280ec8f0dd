"""People sign in by SAML at Apache with mod_auth_mellon, with the settings that docs/sign-in.md has, and are known behind it.

ROLLCALL and APACHE2 say where the programs are; by default they are those of the path. Debian: apache2 and
libapache2-mod-auth-mellon.
"""

import html
import http.cookiejar
import json
import os
import re
import shutil
import socket
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.parse
import urllib.request
from pathlib import Path

HERE = Path(__file__).resolve().parent
HOUSE = HERE.parents[1]
OPERATOR = "operator-token-of-the-sign-in-tests"
MODULES = Path(os.environ.get("APACHE2_MODULES", "/usr/lib/apache2/modules"))
STARTING_S = 30


def program(name, otherwise=None):
    found = os.environ.get(name.upper()) or shutil.which(name) or otherwise
    if not found or not Path(found).exists():
        sys.exit(f"{name} is not on this machine; install it, or say in {name.upper()} where it is")
    return found


def free_port():
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        return taken.getsockname()[1]


def listening(port, process):
    deadline = time.monotonic() + STARTING_S
    while time.monotonic() < deadline and process.poll() is None:
        try:
            return socket.create_connection(("127.0.0.1", port), 1).close()
        except OSError:
            time.sleep(0.05)
    sys.exit(f"{process.args[0]} did not start")


def certificate(folder, name):
    key, cert = folder / f"{name}.key", folder / f"{name}.crt"
    subprocess.run(["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", f"/CN={name}",
                    "-keyout", key, "-out", cert], check=True, capture_output=True)
    return key, cert


def key_info(cert):
    body = "".join(line for line in cert.read_text().splitlines() if "CERTIFICATE" not in line)
    return f"""<KeyDescriptor use="signing"><ds:KeyInfo xmlns:ds="http://www.w3.org/2000/09/xmldsig#"><ds:X509Data>
<ds:X509Certificate>{body}</ds:X509Certificate></ds:X509Data></ds:KeyInfo></KeyDescriptor>"""


def metadata(entity, role, inner):
    protocol = "urn:oasis:names:tc:SAML:2.0:protocol"
    return f"""<EntityDescriptor entityID="{entity}" xmlns="urn:oasis:names:tc:SAML:2.0:metadata">
<{role} protocolSupportEnumeration="{protocol}">{inner}</{role}></EntityDescriptor>"""


def apache(folder, port, rollcall, idp_cert, idp_port, secret):
    key, cert = certificate(folder, "service")
    here = f"http://127.0.0.1:{port}"
    binding = "urn:oasis:names:tc:SAML:2.0:bindings"
    (folder / "sp.xml").write_text(metadata(
        here, "SPSSODescriptor", key_info(cert) + f"""<AssertionConsumerService index="0" isDefault="true"
Binding="{binding}:HTTP-POST" Location="{here}/mellon/postResponse"/>"""))
    idp = f"http://127.0.0.1:{idp_port}/saml"
    (folder / "idp.xml").write_text(metadata(
        idp, "IDPSSODescriptor", key_info(idp_cert) + f"""<SingleSignOnService Binding="{binding}:HTTP-Redirect"
Location="{idp}"/>"""))
    page = (HOUSE / "docs/sign-in.md").read_text()
    documented = re.search(r"```apache\n(.*?)```", page, re.S).group(1)
    documented = documented.replace("127.0.0.1:8787", f"127.0.0.1:{rollcall}").replace("a-long-random-text", secret)
    modules = ["mpm_event", "authn_core", "authz_core", "authz_user", "auth_mellon", "headers", "proxy", "proxy_http",
               "env"]
    loads = "\n".join(f"LoadModule {name}_module {MODULES}/mod_{name}.so" for name in modules)
    # Started as root, it is to be somebody else.
    as_nobody = "User nobody\nGroup nogroup" if os.geteuid() == 0 else ""
    folder.chmod(0o755)
    (folder / "apache.conf").write_text(f"""ServerRoot {folder}
{as_nobody}
ServerName 127.0.0.1
Listen 127.0.0.1:{port}
PidFile {folder}/apache.pid
ErrorLog {folder}/error.log
Mutex file:{folder} default
{loads}
ProxyPreserveHost On
MellonLockFile {folder}/mellon.lock
<Location />
  MellonEndpointPath "/mellon"
  MellonSPPrivateKeyFile {key}
  MellonSPCertFile {cert}
  MellonSPMetadataFile {folder}/sp.xml
  MellonIdPMetadataFile {folder}/idp.xml
  MellonSecureCookie Off
</Location>
{documented}""")
    return [program("apache2", "/usr/sbin/apache2"), "-d", str(folder), "-f", str(folder / "apache.conf"), "-D",
            "FOREGROUND"]


class Browser:
    """Follows what it is led to, and sends forms on that send themselves."""

    def __init__(self):
        jar = urllib.request.HTTPCookieProcessor(http.cookiejar.CookieJar())
        self.opener = urllib.request.build_opener(jar, urllib.request.ProxyHandler({}))

    def ask(self, url, headers=(), body=None, method=None):
        request = urllib.request.Request(url, body, dict(headers), method=method)
        try:
            with self.opener.open(request, timeout=20) as answer:
                return answer.status, answer.read().decode()
        except urllib.error.HTTPError as error:
            return error.code, error.read().decode()

    def get(self, url, headers=()):
        status, text = self.ask(url, headers)
        form = re.search(r'<form[^>]* action="([^"]+)"', text)
        if not form:
            return status, text
        tags = re.findall(r"<input[^>]+>", text)
        value = lambda tag, name: html.unescape((re.search(rf'{name}="([^"]*)"', tag) or [None, ""])[1])
        fields = {value(tag, "name"): value(tag, "value") for tag in tags if value(tag, "name")}
        return self.ask(html.unescape(form.group(1)), headers, urllib.parse.urlencode(fields).encode())


def check(what, found, expected):
    if found != expected:
        sys.exit(f"{what}: {found!r}, expected {expected!r}")
    print(f"ok  {what}")


def run(folder, started):
    def start(command, port, **options):
        process = subprocess.Popen(command, **options)
        started.append(process)
        listening(port, process)

    rollcall, proxy, idp_port, secret = free_port(), free_port(), free_port(), "secret-of-the-proxy"
    file = folder / "proxy.json"
    file.write_text(json.dumps({
        "sources": ["127.0.0.1"], "secretHeader": f"X-Proxy-Secret: {secret}", "issuer": "urn:saml:acme",
        "headers": {"user": "X-User", "email": "X-Email", "name": "X-Name", "groups": "X-Groups"},
        "groupsSeparator": ";", "emailVerified": True,
        "groups": [{"group": "finance", "organizationId": "acme", "role": "admin"}],
    }))
    key, cert = certificate(folder, "idp")
    settings = {**os.environ, "ROLLCALL_OPERATOR_TOKEN": OPERATOR, "ROLLCALL_LOG": "warn"}
    start([program("rollcall"), "serve", "--data-dir", str(folder / "store"), "--listen", f"127.0.0.1:{rollcall}",
           "--trusted-proxy", str(file)], rollcall, env=settings)
    here = f"http://127.0.0.1:{proxy}"
    start([program("node"), str(HERE / "idp.mjs"), str(idp_port), str(key), str(cert), f"{here}/mellon/postResponse"],
          idp_port)
    start(apache(folder, proxy, rollcall, cert, idp_port, secret), proxy)

    plain = Browser()
    directory = {"organizations": [{"id": "acme"}], "users": [{"id": "zoe", "email": "zoe@acme.example"}],
                 "members": [{"organizationId": "acme", "userId": "zoe", "role": "developer"}]}
    headers = {"Authorization": f"Bearer {OPERATOR}", "Content-Type": "application/json"}
    put = plain.ask(f"http://127.0.0.1:{rollcall}/v1/directory", headers, json.dumps(directory).encode(), "PUT")
    check("the directory is there", put[0], 200)

    def signs_in(account, headers=()):
        plain.ask(f"http://127.0.0.1:{idp_port}/be?" + urllib.parse.urlencode({"account": json.dumps(account)}))
        browser = Browser()
        status, text = browser.get(f"{here}/v1/me", headers)
        if not text.startswith("{"):
            sys.exit(f"{status}: {text}")
        return browser, status, json.loads(text)

    def role(me):
        return [one["role"] for one in me["organizations"]]

    zoe = {"mail": "zoe@acme.example", "displayName": "Zoë Übel", "groups": ["staff", "finance"]}
    browser, status, me = signs_in({"id": "idp-1", "attributes": zoe})
    check("whoever signs in is known", (status, me.get("user", {}).get("id")), (200, "zoe"))
    check("by a name in UTF-8", me["user"]["name"], "Zoë Übel")
    check("with what their groups give", role(me), ["admin"])
    view = json.dumps({"name": "v", "path": "/organizations/acme/keys"}).encode()
    kind = {"Content-Type": "application/json"}
    views = f"{here}/v1/organizations/acme/views"
    check("another site changes nothing", browser.ask(views, kind, view)[0], 403)
    check("the page does", browser.ask(views, {**kind, "X-Rollcall-Request": "1"}, view)[0], 201)
    forged = {"X-User": "idp-9", "X-Groups": "finance", "X-Email": "root@acme.example", "X-Proxy-Secret": "x"}
    check("what a browser adds is replaced", json.loads(browser.ask(f"{here}/v1/me", forged)[1])["user"]["id"], "zoe")

    _, status, me = signs_in({"id": "idp-1", "attributes": {}})
    check("attributes that are missing are missing", (status, me["user"]["name"], role(me)),
          (200, "Zoë Übel", ["developer"]))
    _, status, me = signs_in({"id": "idp-2", "attributes": {"groups": ["staff"]}}, forged)
    check("a stranger stays one, whatever they send", status, 403)

    direct = f"http://127.0.0.1:{rollcall}/v1/me"
    check("past the proxy nobody is believed", plain.ask(direct, {**forged, "X-User": "idp-1"})[0], 401)
    status, _ = plain.ask(f"{here}/v1/events", {**headers, "X-User": "idp-1"}, b"[]")
    check("programs send with their tokens", status, 200)


def main():
    started = []
    with tempfile.TemporaryDirectory(prefix="rollcall-sign-in-") as folder:
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
