"""Gateways as they are ask the server before they call a provider: with the settings that docs/budgets.md has.

ROLLCALL, NGINX, CADDY and ENVOY say where the programs are; by default they are those of the path.
"""

import http.server
import json
import os
import re
import shutil
import socket
import subprocess
import sys
import tempfile
import threading
import time
import urllib.error
import urllib.request
from pathlib import Path

HOUSE = Path(__file__).resolve().parents[2]
OPERATOR = "operator-token-of-the-gateways"
STARTING_S = 30


def program(name):
    found = os.environ.get(name.upper()) or shutil.which(name)
    if not found:
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


def ask(url, headers=(), body=None, method=None):
    """The status of an answer, its headers and its text."""
    request = urllib.request.Request(url, body, dict(headers), method=method)
    try:
        with urllib.request.urlopen(request, timeout=10) as answer:
            return answer.status, answer.headers, answer.read().decode()
    except urllib.error.HTTPError as error:
        return error.code, error.headers, error.read().decode()


class Provider(http.server.BaseHTTPRequestHandler):
    """Answers every call, and counts them."""

    calls = 0

    def do_POST(self):
        Provider.calls += 1
        self.rfile.read(int(self.headers.get("content-length") or 0))
        self.send_response(200)
        self.send_header("content-length", "2")
        self.end_headers()
        self.wfile.write(b"ok")

    def log_message(self, *_):
        pass


def documented(language):
    """The settings that the page shows."""
    page = (HOUSE / "docs/budgets.md").read_text()
    return re.search(rf"```{language}\n(.*?)```", page, re.S).group(1)


def settled(settings, rollcall, provider, token):
    settings = settings.replace("127.0.0.1:8787", f"127.0.0.1:{rollcall}").replace("INGEST-TOKEN", token)
    return settings.replace("http://provider", f"http://127.0.0.1:{provider}").replace(
        "provider:443", f"127.0.0.1:{provider}")


def nginx(folder, port, settings, _):
    file = folder / "nginx.conf"
    file.write_text(f"""daemon off; pid {folder}/nginx.pid; error_log stderr; worker_processes 1;
events {{}}
http {{
    access_log off;
    client_body_temp_path {folder}/body; proxy_temp_path {folder}/proxy; fastcgi_temp_path {folder}/fastcgi;
    uwsgi_temp_path {folder}/uwsgi; scgi_temp_path {folder}/scgi;
    server {{ listen 127.0.0.1:{port};
{settings}
    }}
}}
""")
    return [program("nginx"), "-p", str(folder), "-c", str(file)]


def caddy(folder, port, settings, _):
    file = folder / "Caddyfile"
    file.write_text("{\n    admin off\n}\n" + settings.replace(":8080 {", f"http://127.0.0.1:{port} {{"))
    return [program("caddy"), "run", "--config", str(file), "--adapter", "caddyfile"]


def envoy(folder, port, settings, provider):
    def cluster(name, to):
        address = {"socket_address": {"address": "127.0.0.1", "port_value": int(to)}}
        endpoints = [{"lb_endpoints": [{"endpoint": {"address": address}}]}]
        return {"name": name, "load_assignment": {"cluster_name": name, "endpoints": endpoints}}

    rollcall = re.search(r"127\.0\.0\.1:(\d+)", settings).group(1)
    clusters = json.dumps([cluster("rollcall", rollcall), cluster("provider", provider)])
    filters = "".join(" " * 10 + line for line in settings.splitlines(keepends=True))
    file = folder / "envoy.yaml"
    file.write_text(f"""static_resources:
  clusters: {clusters}
  listeners:
  - address: {{socket_address: {{address: 127.0.0.1, port_value: {port}}}}}
    filter_chains:
    - filters:
      - name: envoy.filters.network.http_connection_manager
        typed_config:
          "@type": type.googleapis.com/envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager
          stat_prefix: calls
          route_config:
            virtual_hosts:
            - {{name: all, domains: ["*"], routes: [{{match: {{prefix: /}}, route: {{cluster: provider}}}}]}}
{filters}""")
    return [program("envoy"), "-c", str(file), "--disable-hot-restart", "--concurrency", "1"]


def check(what, given, expected):
    if given != expected:
        sys.exit(f"{what}: {given}, not {expected}")


def main():
    folder = Path(tempfile.mkdtemp(prefix="rollcall-gateways-"))
    running = []
    urls = {}

    def start(command, port, **settings):
        quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
        running.append(subprocess.Popen(command, **quiet, **settings))
        listening(port, running[-1])

    try:
        rollcall = free_port()
        server = os.environ.get("ROLLCALL", str(HOUSE / "target/ci/rollcall"))
        environment = {**os.environ, "ROLLCALL_OPERATOR_TOKEN": OPERATOR, "XDG_DATA_HOME": str(folder)}
        command = [server, "serve", "--data-dir", str(folder / "data"), "--listen", f"127.0.0.1:{rollcall}"]
        start(command, rollcall, env=environment)
        provider = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Provider)
        threading.Thread(target=provider.serve_forever, daemon=True).start()

        def tell(method, path, body, token=OPERATOR):
            headers = {"authorization": f"Bearer {token}", "content-type": "application/json"}
            url = f"http://127.0.0.1:{rollcall}{path}"
            status, _, text = ask(url, headers, json.dumps(body).encode(), method)
            check(f"{method} {path} {text}", status // 100, 2)
            return json.loads(text)

        keys = [{"id": key, "organizationId": "acme", "projectId": "web"} for key in ("free", "nginx", "caddy", "envoy")]
        tell("PUT", "/v1/directory", {"organizations": [{"id": "acme"}], "apiKeys": keys})
        token = tell("POST", "/v1/tokens", {"kind": "ingest", "organizationId": "acme", "label": "gateway"})["token"]
        gateways = (("nginx", "nginx", nginx), ("caddy", "caddy", caddy), ("envoy", "yaml", envoy))
        for name, language, begin in gateways:
            port = free_port()
            home = folder / name
            home.mkdir()
            settings = settled(documented(language), rollcall, provider.server_port, token)
            start(begin(home, port, settings, provider.server_port), port, env={**environment, "HOME": str(home)})
            url = urls[name] = f"http://127.0.0.1:{port}/v1/chat/completions"

            def call(key):
                before = Provider.calls
                status, headers, text = ask(url, {"X-Api-Key": key}, b"{}")
                return status, headers.get("Retry-After"), Provider.calls - before, text

            budget = {"id": name, "organizationId": "acme", "scope": {"kind": "apiKey", "id": name},
                      "limit": {"requests": 1}, "window": "total"}
            tell("PUT", "/v1/budgets", {"budgets": [budget]})
            check(f"{name}, within its budget", call(name)[:3], (200, None, 1))
            used = {"id": name, "timestamp": int(time.time() * 1000), "projectId": "web", "apiKeyId": name,
                    "usedModel": "openai/gpt-4o", "cost": 1}
            tell("POST", "/v1/events", [used], token)
            check(f"{name}, over its budget", call(name)[:3], (429, "86400", 0))
            check(f"{name}, another key", call("free")[:3], (200, None, 1))
            if name != "nginx":
                check("what a client is told", f"budget '{name}' allows" in call(name)[3], True)
            tell("PUT", "/v1/budgets", {"budgets": [{**budget, "limit": {"requests": 2}}]})
            check(f"{name}, with more allowed", call(name)[:3], (200, None, 1))
            print(f"{name}: passes, refuses, passes again")
        running[0].terminate()
        running[0].wait(20)
        for name, away in (("nginx", 503), ("caddy", 502), ("envoy", 503)):
            check(f"{name}, while the server is away", ask(urls[name], {"X-Api-Key": "free"}, b"{}")[0], away)
            print(f"{name}: closed while the server is away")
    finally:
        for process in running:
            process.terminate()
        for process in running:
            process.wait(20)
        shutil.rmtree(folder, ignore_errors=True)


main()
