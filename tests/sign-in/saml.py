"""By SAML: Apache with mod_auth_mellon, with the settings that docs/sign-in.md has, at a small identity provider."""

import json
import re
import subprocess
import urllib.parse
from pathlib import Path

from browser import Browser, check
from programs import OPERATOR, apache, documented, free_port, program, rollcall, started

HERE = Path(__file__).resolve().parent
SECRET = "secret-of-the-proxy"


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


def service(folder, port, server, idp_cert, idp_port):
    """Apache's settings."""
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
    settings = documented("<Location />\n  Mellon", {"http://127.0.0.1:8787": server, "a-long-random-text": SECRET})
    return f"""MellonLockFile {folder}/mellon.lock
<Location />
  MellonEndpointPath "/mellon"
  MellonSPPrivateKeyFile {key}
  MellonSPCertFile {cert}
  MellonSPMetadataFile {folder}/sp.xml
  MellonIdPMetadataFile {folder}/idp.xml
  MellonSecureCookie Off
</Location>
{settings}"""


def run(folder, processes):
    server = rollcall(processes, folder, "--trusted-proxy", {
        "sources": ["127.0.0.1"], "secretHeader": f"X-Proxy-Secret: {SECRET}", "issuer": "urn:saml:acme",
        "headers": {"user": "X-User", "email": "X-Email", "name": "X-Name", "groups": "X-Groups"},
        "groupsSeparator": ";", "emailVerified": True,
        "groups": [{"group": "finance", "organizationId": "acme", "role": "admin"}],
    })
    proxy, idp_port = free_port(), free_port()
    key, cert = certificate(folder, "idp")
    here = f"http://127.0.0.1:{proxy}"
    started(processes, [program("node"), str(HERE / "idp.mjs"), str(idp_port), str(key), str(cert),
                        f"{here}/mellon/postResponse"], idp_port)
    settings = service(folder, proxy, server, cert, idp_port)
    started(processes, apache(folder, proxy, ["auth_mellon"], settings), proxy)
    plain = Browser()

    def signs_in(account, headers=()):
        plain.ask(f"http://127.0.0.1:{idp_port}/be?" + urllib.parse.urlencode({"account": json.dumps(account)}))
        browser = Browser()
        # The provider's form sends itself.
        _, text = browser.ask(f"{here}/v1/me", headers)
        status, text = browser.send(text, headers)
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

    check("past the proxy nobody is believed", plain.ask(f"{server}/v1/me", {**forged, "X-User": "idp-1"})[0], 401)
    events = f"{here}/v1/events"
    check("where nobody signs in nobody is believed", plain.ask(events, {**forged, "X-User": "idp-1"}, b"[]")[0], 401)
    status, _ = plain.ask(events, {**OPERATOR, "X-User": "idp-1"}, b"[]")
    check("programs send with their tokens", status, 200)
