# Functions for the experiments of docs/how-services-talk.md. Load it with `. docs/examples/lab.sh` in the repository's top folder.

# start FILE PORT [NAME=VALUE ...]: starts a service. `$!` is its process id.
start() {
  lab_file=$1 lab_port=$2
  shift 2
  env LOG_LEVEL=silent DATABASE_URL=sqlite::memory: PORT="$lab_port" "$@" node_modules/.bin/node "$lab_file" > /dev/null 2>&1 &
  lab_started="$lab_started $!"
  lab_ports="$lab_ports $lab_port"
}

# ready: waits until every service that was started serves.
ready() {
  for lab_port in $lab_ports; do
    lab_tries=0
    until curl -sf "localhost:$lab_port/health" > /dev/null; do
      lab_tries=$((lab_tries + 1))
      if [ "$lab_tries" -gt 450 ]; then
        echo "nothing serves on port $lab_port" >&2
        return 1
      fi
      sleep 0.1
    done
  done
}

# stop_all: ends every process that start() started.
stop_all() {
  for lab_process in $lab_started; do
    kill -CONT "$lab_process" 2> /dev/null && kill "$lab_process" 2> /dev/null
  done
  lab_started= lab_ports=
}

lab_started= lab_ports=
trap stop_all EXIT

echo_a=packages/echo/src/echo-a-main.ts
echo_b=packages/echo/src/echo-b-main.ts
product=packages/product/src/main.ts
order=packages/order/src/main.ts
