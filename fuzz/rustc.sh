#!/usr/bin/env bash
# Cargo runs this for the crates of this workspace, so that libFuzzer sees which branches of them an input takes.
# Dependencies are those of every other release build.
exec "$@" -Cpasses=sancov-module -Cllvm-args=-sanitizer-coverage-level=4 \
  -Cllvm-args=-sanitizer-coverage-inline-8bit-counters -Cllvm-args=-sanitizer-coverage-pc-table
