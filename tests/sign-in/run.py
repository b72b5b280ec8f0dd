"""People sign in at real providers and proxies, with the settings that docs/sign-in.md has, and are known.

ROLLCALL, APACHE2 and CANAILLE say where the programs are; by default they are those of the path. Debian: apache2,
libapache2-mod-auth-mellon and libapache2-mod-auth-openidc. Arguments: which of the ways, all by default.
"""

import importlib
import sys
import tempfile
from pathlib import Path

WAYS = ["saml", "oidc", "openidc"]


def main():
    for way in sys.argv[1:] or WAYS:
        print(f"{way}:")
        processes = []
        with tempfile.TemporaryDirectory(prefix="rollcall-sign-in-") as folder:
            try:
                importlib.import_module(way).run(Path(folder), processes)
            except SystemExit:
                log = Path(folder) / "error.log"
                print(log.read_text() if log.exists() else "", file=sys.stderr)
                raise
            finally:
                for process in reversed(processes):
                    process.terminate()
                for process in processes:
                    process.wait(30)


if __name__ == "__main__":
    main()
