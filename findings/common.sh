# shellcheck shell=bash
# What every finding needs, sourced by each: a temp folder that goes away, pinned packages in it, and the comparison.
set -euo pipefail
finding=$(realpath "$0")
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
export PIP_DISABLE_PIP_VERSION_CHECK=1 npm_config_update_notifier=false no_proxy=127.0.0.1 NO_PROXY=127.0.0.1

python_packages() { # python_packages NAME==VERSION...: into a virtual environment that `python` is then taken from
    python3 -m venv venv
    venv/bin/pip install --quiet "$@"
    PATH="$work/venv/bin:$PATH"
}

node_packages() { # node_packages NAME@VERSION...: where scripts in the temp folder find them, commands on the path
    npm install --prefix . --loglevel error --no-audit --no-fund "$@" >npm.log
    PATH="$work/node_modules/.bin:$PATH"
}

still_prints() { # still_prints COMMAND...: shows what it prints; fails unless it is what stands in the head, indented
    sed -n 's/^#   //p' "$finding" >before
    "$@" | tee now
    if ! diff before now >difference; then
        echo "CHANGED: no longer what the head of this script says (< then, > now):" >&2
        cat difference >&2
        exit 1
    fi
    echo "As before."
}
