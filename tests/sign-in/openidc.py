"""By OpenID Connect at Apache: mod_auth_openidc, with the settings that docs/sign-in.md has, at canaille."""

import json

from browser import Browser, check
from canaille import CLIENT_SECRET, Canaille
from programs import OPERATOR, apache, documented, free_port, rollcall, started

SECRET = "secret-of-the-proxy"


def run(folder, processes):
    server = rollcall(processes, folder, "--trusted-proxy", {
        "sources": ["127.0.0.1"], "secretHeader": f"X-Proxy-Secret: {SECRET}", "issuer": "https://login.acme.example",
        "headers": {"user": "X-User", "email": "X-Email", "name": "X-Name", "groups": "X-Groups"},
        "groupsSeparator": ";", "emailVerified": True, "unknown": "refuse",
        "groups": [{"group": "finance", "organizationId": "acme", "role": "admin"}],
    })
    canaille, proxy = Canaille(folder), free_port()
    here = f"http://127.0.0.1:{proxy}"
    canaille.group("finance", canaille.user("zoe", "Übel", "Zoë"))
    canaille.user("ben", "Bär", "Ben")
    canaille.client("rollcall", here, f"{here}/oidc-callback")
    canaille.start(processes)
    settings = documented("OIDC", {
        "https://login.acme.example": canaille.issuer, "https://rollcall.example": here,
        "http://127.0.0.1:8787": server, "the-secret-of-the-client": CLIENT_SECRET, "a-long-random-text": SECRET,
    })
    started(processes, apache(folder, proxy, ["auth_openidc"], settings), proxy)

    def signs_in(name, headers=()):
        browser = Browser()
        _, text = browser.ask(f"{here}/v1/me", headers)
        status, text = canaille.sign_in(browser, text, name, headers)
        return browser, status, json.loads(text)

    browser, status, me = signs_in("zoe")
    check("whoever signs in is known", (status, me.get("user", {}).get("id")), (200, "zoe"))
    check("by a name in UTF-8", me["user"]["name"], "Zoë Übel")
    check("with what their groups give", [one["role"] for one in me["organizations"]], ["admin"])
    forged = {"X-User": "zoe", "X-Groups": "finance", "X-Email": "zoe@acme.example", "X-Proxy-Secret": SECRET,
              "OIDC_CLAIM_sub": "zoe", "OIDC-CLAIM-sub": "zoe", "OIDC_CLAIM_groups": "finance"}
    other = {**forged, "X-User": "ben", "OIDC_CLAIM_sub": "ben", "X-Name": "Somebody"}
    status, text = browser.ask(f"{here}/v1/me", other)
    check("what a browser adds is replaced", (status, json.loads(text)["user"]), (200, me["user"]))
    _, status, _ = signs_in("ben", forged)
    check("a stranger stays one, whatever they send", status, 403)
    stranger = Browser()
    _, text = stranger.ask(f"{here}/v1/me", forged)
    check("who has not signed in is led to do so", stranger.at.startswith(canaille.issuer), True)

    plain = Browser()
    events = f"{here}/v1/events"
    check("where nobody signs in nobody is believed", plain.ask(events, forged, b"[]")[0], 401)
    check("programs send with their tokens", plain.ask(events, {**OPERATOR, **forged}, b"[]")[0], 200)
    wrong = {**forged, "X-Proxy-Secret": "x"}
    check("past the proxy nobody is believed", plain.ask(f"{server}/v1/me", wrong)[0], 401)
