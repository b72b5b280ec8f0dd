"""LiteLLM's proxy with deploy/litellm beside it: calls pass within a budget, are refused beyond it in words that say why
and for how long, and pass again when it begins anew or more is allowed; open or closed while Rollcall is away."""

import http.client
import json
import os
import shutil
import tempfile
import time
from datetime import datetime, timezone
from pathlib import Path

import gateway

HOOK = Path(__file__).resolve().parents[2] / "deploy" / "litellm" / "rollcall_budgets.py"
ORGANIZATION = "budgets"
KEY = "sk-alice-web"


def run(server, provider, logs):
    """What was not as it should be."""
    server.enter(ORGANIZATION, gateway.USERS)
    keys = [{"id": gateway.hashed(key), "organizationId": ORGANIZATION, "projectId": "search"} for key in gateway.KEYS]
    server.ask("PUT", "/v1/directory", {"apiKeys": keys})
    token = server.token(organizationId=ORGANIZATION, apiKeyId="none")
    found = []
    with proxy(server.url, token, provider, "closed", logs) as port:
        asked_within(server, port, provider, token, found)
    for fail, expected in (("closed", 503), ("open", 200)):
        # Nobody listens there.
        with proxy("http://127.0.0.1:1", token, provider, fail, logs) as port:
            check(found, f"{fail} while Rollcall is away", ask(port, KEY, f"away-{fail}")[0], expected)
    print("LiteLLM, budgets: passes, refuses, passes again; open and closed while Rollcall is away")
    return found


def asked_within(server, port, provider, token, found):
    """A budget of one request a day: first in a zone whose day an event of a while ago is in, then in one whose day has
    begun since, as it is when a day is over."""
    now = int(time.time())
    hour = now - now % 3600
    used = {"id": "before", "timestamp": (hour - 60) * 1000, "organizationId": ORGANIZATION, "projectId": "search",
            "apiKeyId": gateway.hashed(KEY), "usedModel": "openai/gpt-4o-mini", "cost": 0.5}
    ended, began = zone_of(hour, 12), zone_of(hour, 0)
    budget = {"id": "one-a-day", "organizationId": ORGANIZATION, "limit": {"requests": 1}, "window": "day",
              "scope": {"kind": "apiKey", "id": gateway.hashed(KEY)}, "timezone": ended}
    put = lambda **change: server.ask("PUT", "/v1/budgets", {"budgets": [{**budget, **change}]})
    put()
    check(found, "within its budget", ask(port, KEY, "within")[0], 200)
    server.ask("POST", "/v1/events", [used])
    status, headers, error = ask(port, KEY, "over")
    told = error.get("error", {})
    check(found, "over its budget", (status, told.get("type")), (429, "budget_exceeded"))
    check(found, "what is told names the budget", "budget 'one-a-day' allows" in told.get("message", ""), True)
    check(found, "and when it begins anew", "it begins anew at " in told.get("message", ""), True)
    check(found, "Retry-After is within a day", 0 < int(headers.get("retry-after", 0)) <= 86_400, True)
    check(found, "the provider was not asked", provider.served("over"), [])
    check(found, "another key", ask(port, "sk-nightly", "another")[0], 200)
    put(timezone=began)
    check(found, "after its day began anew", ask(port, KEY, "anew")[0], 200)
    log = server.ask("GET", f"/v1/decisions/log?organizationId={ORGANIZATION}")["entries"]
    check(found, "the log says why", [entry["reasons"][0]["budgetId"] for entry in log], ["one-a-day"])
    server.ask("PUT", "/v1/policies", {"policies": [{"id": "no-minis", "organizationId": ORGANIZATION,
                                                     "mode": "enforce", "deniedModels": ["openai/gpt-4o-mini"]}]})
    status, _, error = ask(port, "sk-nightly", "denied")
    check(found, "a model that is denied", (status, error["error"]["type"]), (403, "policy_violation"))


def zone_of(hour, hours_ago):
    """A zone whose day began so many hours before a full hour of UTC."""
    offset = (hours_ago - datetime.fromtimestamp(hour, timezone.utc).hour) % 24
    offset -= 24 if offset > 12 else 0
    # Its names have the other sign.
    return f"Etc/GMT{-offset:+d}" if offset else "UTC"


class proxy:
    """A proxy that asks at an address, and logs what it does there."""

    def __init__(self, url, token, provider, fail, logs):
        self.directory = tempfile.TemporaryDirectory(prefix="litellm-budgets-")
        home = Path(self.directory.name)
        shutil.copy(HOOK, home)
        deployment = {"model": "openai/gpt-4o-mini", "api_key": "sk-provider", "api_base": f"{provider.url}/v1"}
        settings = {
            "model_list": [{"model_name": "mini", "litellm_params": deployment}],
            "litellm_settings": {"callbacks": ["rollcall_budgets.rollcall_budgets"], "num_retries": 0},
            "general_settings": {"custom_auth": "litellm_auth.user_api_key_auth", "master_key": "sk-master"},
        }
        environment = {"ROLLCALL_URL": url, "ROLLCALL_TOKEN": token, "ROLLCALL_FAIL": fail, "ROLLCALL_TIMEOUT_S": "5"}
        os.environ.update(environment)
        self.running = gateway.proxy(settings, home, logs / f"litellm-budgets-{fail}.log")

    def __enter__(self):
        return self.running.__enter__()

    def __exit__(self, *error):
        self.running.__exit__(*error)
        self.directory.cleanup()


def ask(port, key, name):
    """The status of a call, its headers in lower case, and its answer."""
    plan = json.dumps({"call": name, "input": 20, "output": 5})
    body = {"model": "mini", "max_tokens": 50, "messages": [{"role": "user", "content": plan}]}
    headers = {"authorization": f"Bearer {key}", "content-type": "application/json"}
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
    try:
        connection.request("POST", "/v1/chat/completions", json.dumps(body).encode(), headers)
        answer = connection.getresponse()
        return answer.status, {name.lower(): value for name, value in answer.getheaders()}, json.loads(answer.read())
    finally:
        connection.close()


def check(found, what, given, expected):
    if given != expected:
        found.append(f"budgets, {what}: {given}, not {expected}")
