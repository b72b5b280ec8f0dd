"""What FOCUS's own validator says of files, as the ids of the rules that failed themselves; run by tables.py in an
environment of its own."""

import json
import os
import re
import subprocess
import sys
import sysconfig
from pathlib import Path

found = {}
for file in [os.environ["FOCUS_FILE"], os.environ["FOCUS_PARQUET_FILE"]]:
    command = [Path(sys.executable).parent / "focus-validator", "--data-file", file, "--validate-version", "1.2.0.1",
               "--focus-dataset", "CostAndUsage", "--block-download"]
    # It looks for its rules from where it is.
    done = subprocess.run(command, cwd=sysconfig.get_path("purelib"), text=True, capture_output=True)
    assert " FAIL " in done.stdout and " PASS " in done.stdout, done.stdout + done.stderr
    failed = re.findall(r"^. ([A-Za-z_]+-[CD]-\d+-[MOC]): FAIL (?!.* failed - )", done.stdout, re.M)
    found[f"FOCUS's validator, {Path(file).suffix[1:]}"] = sorted(failed)
print(json.dumps(found))
