#!/usr/bin/env bash
# Several gatecell servers with one Redis and one nginx in front of them, on this machine, until Ctrl-C:
#   fleet.sh <model.safetensors> [folder]
# The folder (default: fleet) gets the key of sessions, and the files of Redis and nginx. Ports begin with PORT (default: 8080): nginx, three servers,
# Redis. GATECELL is the command (default: npx gatecell).
# Ctrl-C reaches this script only, not the processes that it starts: their order of ending matters.
set -euom pipefail
[ $# -ge 1 ] || { sed -n '2,5s/^# \?//p' "$0"; exit 2; }
model=$(realpath "$1")
folder=$(realpath -m "${2:-fleet}")
port=${PORT:-8080}
read -ra gatecell <<< "${GATECELL:-npx gatecell}"
here=$(dirname "$(realpath "$0")")

mkdir -p "$folder"
[ -s "$folder/session-key" ] || (umask 077 && openssl rand -hex 32 > "$folder/session-key")

children=()
finish() {
  trap - EXIT INT TERM
  # The proxy first, then the servers, which end their requests, then their sessions.
  for ((i = ${#children[@]} - 1; i >= 0; i--)); do
    kill "${children[i]}" 2> /dev/null || true
    wait "${children[i]}" 2> /dev/null || true
  done
}
trap finish EXIT
trap 'exit 0' INT TERM

redis-server --port $((port + 4)) --bind 127.0.0.1 --dir "$folder" --appendonly yes --save '' > "$folder/redis.log" &
children+=($!)
for i in 1 2 3; do
  "${gatecell[@]}" serve "$model" --port $((port + i)) --log-level warn --drain-time 2s \
    --sessions "redis://127.0.0.1:$((port + 4))" --session-key-file "$folder/session-key" &
  children+=($!)
  echo "server $i: process $!, http://127.0.0.1:$((port + i))"
done

# The example has the ports 8080 to 8083.
sed -E "s/127\.0\.0\.1:808([0-3])/127.0.0.1:PORT\1/; s/PORT0/$port/; s/PORT1/$((port + 1))/; s/PORT2/$((port + 2))/; s/PORT3/$((port + 3))/" \
  "$here/nginx.conf" > "$folder/nginx.conf"
for i in 1 2 3; do
  until curl -sf "http://127.0.0.1:$((port + i))/readyz" > /dev/null; do
    kill -0 "${children[i]}" || exit 1
    sleep 0.1
  done
done
nginx -p "$folder" -c "$folder/nginx.conf" -e stderr &
children+=($!)
until curl -sf "http://127.0.0.1:$port/readyz" > /dev/null; do
  kill -0 "${children[4]}" || exit 1
  sleep 0.1
done
echo "fleet: http://127.0.0.1:$port"
wait
