"""By OpenID Connect: Rollcall itself at canaille."""

import json

from browser import Browser, check, fields_of
from canaille import CLIENT_SECRET, Canaille
from programs import rollcall


def run(folder, processes):
    canaille = Canaille(folder)
    here = rollcall(processes, folder, "--oidc", {
        "name": "Canaille", "issuer": canaille.issuer, "clientId": "rollcall", "clientSecret": CLIENT_SECRET,
        "groups": [{"group": "finance", "organizationId": "acme", "role": "admin"}], "unknown": "member",
    })
    canaille.group("finance", canaille.user("zoe", "Übel", "Zoë"))
    canaille.client("rollcall", here, f"{here}/v1/session/oidc/callback")
    canaille.start(processes)

    browser = Browser()
    _, text = browser.ask(f"{here}/v1/session/oidc")
    canaille.sign_in(browser, text, "zoe")
    status, text = browser.ask(f"{here}/v1/me")
    me = json.loads(text)
    check("whoever signs in is entered", (status, me.get("user", {}).get("name")), (200, "Zoë Übel"))
    check("with what their groups give", [one["role"] for one in me["organizations"]], ["admin"])
    # It says of no address that it is verified.
    check("and as nobody who was there", me["user"]["id"].startswith("usr_"), True)
    status, text = browser.ask(f"{here}/v1/session", {"X-Rollcall-Request": "1"}, method="DELETE")
    leads_to = json.loads(text)["leadsTo"]
    check("whoever signs out is led to the provider", (status, leads_to.startswith(canaille.issuer)), (200, True))
    _, text = browser.ask(leads_to)
    if "answer" in text:
        browser.send(text, answer="logout")
    check("which leads back", browser.at.startswith(here), True)
    _, text = browser.ask(f"{here}/v1/session/oidc")
    check("and asks anew", "login" in fields_of(text), True)
