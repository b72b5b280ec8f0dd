#!/usr/bin/env python3
"""Lets tools of others read the description of the API, for `make test-openapi`: three validators by the rules they
recommend, and two makers of clients whose clients then talk to the built binary, beside the lines of docs/clients.md that
need none.
"""

import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[1]
BINARY = os.environ.get("ROLLCALL_BINARY", ROOT / "target" / "release" / "rollcall")
GENERATED = HERE / "generated"
TOKEN = "operator-token-of-the-generated-clients"
START_SECONDS = 60
# Of 31 events of ten million dollars and one of 3.299999999978: more digits than a double has.
EXPECTED = [32, "number", "310000003.299999999978", "310000003.299999999978", "310000003.299999999978"]


def run(*command, **options):
    done = subprocess.run([str(part) for part in command], cwd=HERE, capture_output=True, text=True, timeout=300, **options)
    if done.returncode != 0:
        raise SystemExit(f"{command[0]} failed:\n{done.stdout}{done.stderr}")
    return done.stdout


def main():
    python, tools = Path(sys.executable).parent, HERE / "node_modules" / ".bin"
    shutil.rmtree(GENERATED, ignore_errors=True)
    GENERATED.mkdir()
    document = GENERATED / "openapi.json"
    document.write_text(run(BINARY, "openapi"))

    run(python / "openapi-spec-validator", document)
    run(tools / "redocly", "lint", "--extends", "recommended", document)
    run(tools / "spectral", "lint", "--ruleset", HERE / "spectral.yaml", "--fail-severity", "error", document)
    print("three validators find no error")

    settings = GENERATED / "python.yaml"
    settings.write_text("package_name_override: rollcall_client\n")
    made = run(python / "openapi-python-client", "generate", "--path", document, "--output-path", GENERATED / "python",
               "--config", settings, "--meta", "none")
    print(f"openapi-python-client: {made.strip().splitlines()[-1]}")
    (GENERATED / "python").rename(GENERATED / "rollcall_client")
    run(tools / "openapi-ts", "--input", document, "--output", GENERATED / "source", "--client", "@hey-api/client-fetch", "--silent")
    # With their types checked, as whoever uses them has it.
    run(tools / "tsc", "--strict", "--outDir", GENERATED / "typescript", "--target", "es2022", "--module", "commonjs",
        "--skipLibCheck", GENERATED / "source" / "index.ts", GENERATED / "source" / "client.gen.ts")
    (GENERATED / "typescript" / "package.json").write_text('{"type": "commonjs"}')

    with tempfile.TemporaryDirectory() as directory, open(GENERATED / "server.log", "w") as log:
        command = [BINARY, "serve", "--listen", "127.0.0.1:0", "--data-dir", directory]
        server = subprocess.Popen(command, env={**os.environ, "ROLLCALL_OPERATOR_TOKEN": TOKEN, "ROLLCALL_LOG": "info"}, stderr=log)
        try:
            deadline = time.monotonic() + START_SECONDS
            while not (address := re.search(r"address=(\S+)", Path(log.name).read_text())):
                if server.poll() is not None or time.monotonic() > deadline:
                    raise SystemExit(f"the server did not start; see {log.name}")
                time.sleep(0.05)
            asked = {**os.environ, "ROLLCALL_URL": f"http://{address[1]}", "ROLLCALL_TOKEN": TOKEN, "PYTHONPATH": str(GENERATED)}
            for name, command in {"python": (sys.executable, "client.py"), "typescript": ("node", "client.mjs")}.items():
                got = json.loads(run(*command, env=asked))
                if got != EXPECTED:
                    raise SystemExit(f"the {name} client got {got}, not {EXPECTED}")
                print(f"the {name} client gets {got[2]} back")
        finally:
            server.terminate()
            server.wait(timeout=20)


if __name__ == "__main__":
    main()
