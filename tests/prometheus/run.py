"""A real Prometheus scrapes the server by the settings of docs/operations.md, and asks what the dashboards and alerts ask.

ROLLCALL, PROMETHEUS and PROMTOOL say where the programs are; by default they are those of the path.
"""

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

HOUSE = Path(__file__).resolve().parents[2]
OPERATOR = "operator-token-of-prometheus"
PATIENCE_S = 60
# Of queries that leave out what is not there: 0 is no backup, nothing undelivered, nothing sent; and nothing is shipped.
MAY_BE_EMPTY = ["> 0", "webhook", "rollcall_ships"]


def program(name):
    found = os.environ.get(name.upper()) or shutil.which(name)
    if not found:
        sys.exit(f"{name} is not on this machine; install it, or say in {name.upper()} where it is")
    return found


def free_port():
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        return taken.getsockname()[1]


def ask(url, body=None, token=OPERATOR, method=None):
    headers = {"authorization": f"Bearer {token}", "content-type": "application/json"}
    data = None if body is None else json.dumps(body).encode()
    with urllib.request.urlopen(urllib.request.Request(url, data, headers, method=method), timeout=10) as answer:
        return answer.read().decode()


def until(what, look):
    """What `look` finds, as soon as it does."""
    deadline = time.monotonic() + PATIENCE_S
    while time.monotonic() < deadline:
        try:
            found = look()
        except OSError:
            found = None
        if found:
            return found
        time.sleep(0.1)
    sys.exit(f"{what}: not within {PATIENCE_S} s")


def documented():
    """The settings that the page shows."""
    page = (HOUSE / "docs/operations.md").read_text()
    return re.search(r"```yaml\n(scrape_configs:.*?)```", page, re.S).group(1)


def expressions(dashboard):
    for panel in dashboard["panels"]:
        for target in panel.get("targets", []):
            yield target["expr"]


def filled(expression):
    for name, value in [("$__rate_interval", "1m"), ("$__range", "1h"), ("$job", ".*"), ("$instance", ".*"),
                        ("$organization", ".*")]:
        expression = expression.replace(name, value)
    return expression


def run(folder, processes):
    rollcall, prometheus, promtool = program("rollcall"), program("prometheus"), program("promtool")
    server, watcher = (f"http://127.0.0.1:{free_port()}" for _ in range(2))
    environment = {**os.environ, "ROLLCALL_OPERATOR_TOKEN": OPERATOR}
    processes.append(subprocess.Popen(
        [rollcall, "serve", "--listen", server[7:], "--data-dir", folder / "data", "--usage-metrics", "2",
         "--backup-dir", folder / "backups"], env=environment, stderr=subprocess.DEVNULL))
    until("the server", lambda: ask(f"{server}/readyz"))

    people = {"organizations": [{"id": "acme", "timezone": "Asia/Kolkata"}], "users": [{"id": "watcher"}],
              "members": [{"organizationId": "acme", "userId": "watcher", "role": "admin"}]}
    ask(f"{server}/v1/directory", people, method="PUT")
    costs = {"web": "1.25", "a \"b\" \\ c": "7", "small": "0.125", "smaller": "0.0625"}
    event = {"organizationId": "acme", "apiKeyId": "k", "usedModel": "openai/gpt-4o", "usedProvider": "openai"}
    events = [{**event, "id": project, "timestamp": int(time.time() * 1000), "projectId": project, "cost": cost}
              for project, cost in costs.items()]
    assert json.loads(ask(f"{server}/v1/events", events))["accepted"] == len(events)
    token = json.loads(ask(f"{server}/v1/tokens", {"kind": "user", "userId": "watcher"}))["token"]
    secret = folder / "token"
    secret.write_text(token)

    rules = HOUSE / "deploy/prometheus/rollcall.rules.yml"
    settings = documented().replace("rollcall.internal:8787", server[7:])
    settings = settings.replace("/etc/prometheus/rollcall.token", str(secret)).replace("rollcall.rules.yml", str(rules))
    settings = re.sub(r"scrape_interval: \w+", "scrape_interval: 1s", settings)
    (folder / "prometheus.yml").write_text(
        f"global: {{scrape_interval: 1s, evaluation_interval: 1s}}\n{settings}")
    for command in [["check", "rules", str(rules)], ["check", "config", str(folder / "prometheus.yml")]]:
        subprocess.run([promtool, *command], check=True, stdout=subprocess.DEVNULL)
    for path in ["/metrics", "/metrics/usage"]:
        linted = subprocess.run([promtool, "check", "metrics"], input=ask(server + path), text=True,
                                capture_output=True)
        assert linted.returncode == 0, f"{path}: {linted.stdout}{linted.stderr}"

    log = open(folder / "prometheus.log", "w")
    processes.append(subprocess.Popen(
        [prometheus, f"--config.file={folder}/prometheus.yml", f"--storage.tsdb.path={folder}/tsdb",
         f"--web.listen-address={watcher[7:]}"], stderr=log, stdout=log))

    def api(path, **parameters):
        return json.loads(ask(f"{watcher}/api/v1/{path}?{urllib.parse.urlencode(parameters)}"))["data"]

    def query(expression):
        try:
            return api("query", query=expression)["result"]
        except urllib.error.HTTPError as error:
            if error.code == 503:  # It is starting.
                return []
            sys.exit(f"{expression}: {error.read().decode()}")

    up = until("both jobs are scraped", lambda: query("up == 1") if len(query("up == 1")) == 2 else None)
    assert {sample["metric"]["job"] for sample in up} == {"rollcall", "rollcall-usage"}
    assert all(target["lastError"] == "" for target in api("targets")["activeTargets"])
    # Only OpenMetrics has units.
    units = {one["metric"]: (one["type"], one["unit"]) for one in api("targets/metadata")}
    assert units["rollcall_commit_seconds"] == ("counter", "seconds"), units
    assert units["rollcall_usage_month_cost_usd"] == ("gauge", "usd"), units
    assert units["rollcall_reference"] == ("info", ""), units

    expected = {"web": 1.25, "a \"b\" \\ c": 7.0, "(other)": 0.1875}
    for period in ["month", "today"]:
        found = query(f"rollcall_usage_{period}_cost_usd")
        assert {one["metric"]["project"]: float(one["value"][1]) for one in found} == expected, found
        (requests,) = query(f"sum(rollcall_usage_{period}_requests)")
        assert requests["value"][1] == "4"

    # Rejected between two scrapes, as an increase is seen only then.
    until("a sample before", lambda: query("rollcall_events_rejected_total == 0"))
    ask(f"{server}/v1/events", ["no event"] * 3)
    alert = until("an alert", lambda: [
        alert for alert in api("alerts")["alerts"]
        if alert["labels"]["alertname"] == "RollcallEventsRejected" and alert["state"] == "firing"])[0]
    assert re.fullmatch(r"\d+ events of the last hour were not valid", alert["annotations"]["summary"]), alert
    assert all(rule["health"] == "ok" for group in api("rules")["groups"] for rule in group["rules"])

    asked = 0
    for file in ["rollcall.json", "rollcall-usage.json"]:
        for expression in expressions(json.loads((HOUSE / "deploy/grafana" / file).read_text())):
            asked += 1
            # A rate needs two samples.
            look = lambda: query(filled(expression)) or any(words in expression for words in MAY_BE_EMPTY)  # noqa
            until(f"{file}: {expression}", look)
    print(f"Prometheus scraped both jobs, and answered {asked} queries of the dashboards")


def main():
    processes = []
    with tempfile.TemporaryDirectory() as folder:
        try:
            run(Path(folder), processes)
        finally:
            for process in reversed(processes):
                process.terminate()
                process.wait(20)


main()
