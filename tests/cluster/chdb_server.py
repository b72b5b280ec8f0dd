"""ClickHouse's engine as PyPI's chdb has it, behind as much of its HTTP as Rollcall speaks. Who may what is this file's own;
sums, types, settings and refusals are the engine's.

chdb_server.py FOLDER HOST PORT PASSWORD
"""

import sys
import tempfile
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import parse_qsl, urlsplit

from chdb import session

FOLDER, HOST, PORT, PASSWORD = Path(sys.argv[1]), sys.argv[2], int(sys.argv[3]), sys.argv[4]
# Beginnings of what a user may not say.
REFUSED = {"tester": (), "rollcall_init": (), "rollcall_ship": ("CREATE", "DROP", "ALTER"),
           "rollcall_read": ("CREATE", "DROP", "ALTER", "INSERT")}
# Of HTTP, not of the engine; and what a process without a server cannot be asked.
NO_SETTINGS = ("query", "database", "wait_end_of_query")


class Engine:
    def __init__(self):
        self.session = session.Session(f"{FOLDER}/data?config-file={FOLDER}/chdb.xml")
        self.lock = threading.Lock()

    def ask(self, sql, settings, database, rows=None):
        with self.lock, tempfile.NamedTemporaryFile(dir=FOLDER) as file:
            if rows is not None:
                file.write(rows)
                file.flush()
                sql = sql.replace(" FORMAT ", f" FROM INFILE '{file.name}' FORMAT ")
            try:
                self.session.query(f"USE {database or 'default'}")
                for name, value in settings:
                    self.session.query(f"SET {name} = {value}")
                return self.session.query(sql, "TabSeparated").bytes()
            except Exception:
                # Otherwise what it had written comes out with a later answer.
                self.session.query("SELECT 1")
                raise
            finally:
                for name, _ in settings:
                    try:
                        self.session.query(f"SET {name} = DEFAULT")
                    except Exception:
                        self.session.query("SELECT 1")


ENGINE = Engine()


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_POST(self):
        body = self.rfile.read(int(self.headers.get("content-length", 0)))
        asked = dict(parse_qsl(urlsplit(self.path).query))
        sql, rows = (asked["query"], body) if "query" in asked else (body.decode(), None)
        user = self.headers.get("x-clickhouse-user", "default")
        try:
            if user not in REFUSED or self.headers.get("x-clickhouse-key") != PASSWORD:
                raise PermissionError(f"Code: 516. DB::Exception: {user}: Authentication failed")
            if sql.lstrip().upper().startswith(REFUSED[user] or ("-",)):
                raise PermissionError(f"Code: 497. DB::Exception: {user}: Not enough privileges")
            settings = [(name, value) for name, value in asked.items() if name not in NO_SETTINGS]
            self.say(200, ENGINE.ask(sql, settings, asked.get("database"), rows))
        except Exception as error:
            self.say(500, str(error).encode())

    def say(self, status, text):
        self.send_response(status)
        self.send_header("content-length", str(len(text)))
        self.end_headers()
        self.wfile.write(text)

    def log_message(self, *_):
        pass


ThreadingHTTPServer((HOST, PORT), Handler).serve_forever()
