#!/usr/bin/env bash
# A network of four sequencers on this machine, each in a process of its own, over a root in a fifth.
#
#   examples/network/start.sh [FOLDER]
#
# FOLDER keeps the sequencers' keys, data and logs (default: a new one under /tmp). Ctrl-C stops all. Stop one with
# `kill -9`, and start it again with the command that is printed, to see it catch up.
set -euo pipefail
cd "$(dirname "$0")/../.."

folder=${1:-$(mktemp -d "${TMPDIR:-/tmp}/plasma-network-XXXXXX")}
count=${SEQUENCERS:-4}
plasma=${PLASMA_BIN:-}
if [ -z "$plasma" ]; then
  cargo build --quiet --bin plasma
  plasma=${CARGO_TARGET_DIR:-target}/debug/plasma
fi
mkdir -p "$folder"
rm -f "$folder/devnet.json"

children=()
stop() {
  trap - INT TERM EXIT
  kill "${children[@]}" 2>/dev/null || true
  wait
}
trap stop INT TERM EXIT

# The root's own blocks are in memory: a new run is a new network.
rm -rf "$folder"/chain-*
"$plasma" devnet --sequencers "$count" --processes "$folder" --config-out "$folder/devnet.json" \
  --root-port "${ROOT_PORT:-8545}" --chain-port "${CHAIN_PORT:-9545}" >"$folder/root.log" 2>&1 &
children+=($!)
until [ -f "$folder/devnet.json" ]; do
  kill -0 "${children[0]}" 2>/dev/null || { cat "$folder/root.log"; exit 1; }
  sleep 0.1
done
grep '^Root:' "$folder/root.log"

for file in "$folder"/chain-*/sequencer-*/node.toml; do
  home=$(dirname "$file")
  : >"$home/log"
  "$plasma" node --config "$file" >"$home/log" 2>&1 &
  children+=($!)
  until grep -q ' at http' "$home/log"; do
    kill -0 "${children[-1]}" 2>/dev/null || { cat "$home/log"; exit 1; }
    sleep 0.1
  done
  echo "$(basename "$home"): $(grep -o 'http://[^ ]*' "$home/log" | head -1), process ${children[-1]}; again: $plasma node --config $file"
done
echo "Ready; PLASMA_CONFIG=$folder/devnet.json lets the other commands find it. Ctrl-C stops."
wait
