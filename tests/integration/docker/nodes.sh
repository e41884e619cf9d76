#!/usr/bin/env bash
# nodes.sh: several Docker engines on one machine, as if they were several machines, joined to one Swarm.
#
#   nodes.sh up [N]                    a bridge, N-1 network namespaces (default 3 nodes), one dockerd per node, a Swarm of all of them
#   nodes.sh cut NODE | heal NODE      take a node's link down, bring it up again
#   nodes.sh stop NODE | start NODE    stop a node's engine and with it its containers, start it again
#   nodes.sh down                      everything that `up` made is removed; safe to call at any time
#
# Needs root, dockerd, iptables, and a kernel with bridge and VXLAN. Node 1 is this network namespace, at 10.99.0.1; node N is at 10.99.0.N.
# The socket of node N is $MULTINODE_DIR/nodeN/docker.sock (default: /tmp/multinode).
set -euo pipefail

dir=${MULTINODE_DIR:-/tmp/multinode}
bridge=mnbr0

socket() { echo "unix://$dir/node$1/docker.sock"; }
nodes() { find "$dir" -maxdepth 1 -name 'node[0-9]*' 2>/dev/null | sed 's/.*node//' | sort -n; }

network() {
    ip link add $bridge type bridge
    ip addr add 10.99.0.1/24 dev $bridge
    ip link set $bridge up
    for n in $(seq 2 "$1"); do
        ip netns add "node$n"
        ip link add "mnv$n" type veth peer name eth0 netns "node$n"
        ip link set "mnv$n" master $bridge up
        ip -n "node$n" link set lo up
        ip -n "node$n" addr add "10.99.0.$n/24" dev eth0
        ip -n "node$n" link set eth0 up
        ip -n "node$n" route add default via 10.99.0.1
    done
}

start() {
    local n=$1 at=$dir/node$1
    mkdir -p "$at"
    local words=(dockerd --data-root "$at/data" --exec-root "$at/exec" --pidfile "$at/pid" -H "$(socket "$n")")
    if [ "$n" = 1 ]; then
        setsid "${words[@]}" >>"$at/log" 2>&1 </dev/null &
    else # not `ip netns exec`, which mounts another /sys
        setsid nsenter --net="/run/netns/node$n" unshare --uts --mount sh -c "hostname node$n; exec ${words[*]}" >>"$at/log" 2>&1 </dev/null &
    fi
    for _ in $(seq 120); do
        docker -H "$(socket "$n")" info >/dev/null 2>&1 && return
        sleep 0.5
    done
    echo "node$n did not start:" >&2
    tail -5 "$at/log" >&2
    return 1
}

stop() {
    local pid
    pid=$(cat "$dir/node$1/pid" 2>/dev/null || true)
    if [ -n "$pid" ] && kill "$pid" 2>/dev/null; then
        for _ in $(seq 60); do
            kill -0 "$pid" 2>/dev/null || return 0
            sleep 0.5
        done
        return 1
    fi
}

swarm() {
    local first token
    first=$(socket 1)
    # dockerd sets FORWARD to DROP; traffic between the nodes is bridged
    iptables -I DOCKER-USER -i $bridge -o $bridge -j ACCEPT 2>/dev/null || true
    docker -H "$first" swarm init --advertise-addr 10.99.0.1 --listen-addr 10.99.0.1:2377 --data-path-addr 10.99.0.1 \
        --default-addr-pool 10.98.0.0/16 --default-addr-pool-mask-length 24 >/dev/null
    token=$(docker -H "$first" swarm join-token -q worker)
    for n in $(nodes); do
        [ "$n" = 1 ] || docker -H "$(socket "$n")" swarm join --token "$token" --advertise-addr "10.99.0.$n" \
            --listen-addr "10.99.0.$n:2377" --data-path-addr "10.99.0.$n" 10.99.0.1:2377 >/dev/null
    done
}

down() {
    for n in $(nodes); do
        {
            docker -H "$(socket "$n")" ps -aq 2>/dev/null | xargs -r docker -H "$(socket "$n")" rm -f >/dev/null 2>&1 || true
            stop "$n" || true
        } &
    done
    wait
    iptables -D DOCKER-USER -i $bridge -o $bridge -j ACCEPT 2>/dev/null || true
    for netns in $(ip netns list 2>/dev/null | awk '/^node[0-9]+/ {print $1}'); do ip netns del "$netns" || true; done
    ip link del $bridge 2>/dev/null || true
    for mounted in $(awk -v d="$dir/" 'index($2, d) == 1 {print $2}' /proc/mounts | sort -r); do umount -l "$mounted" 2>/dev/null || true; done
    rm -rf "$dir"
}

case ${1:-} in
    up)
        [ -z "$(nodes)" ] || { echo "nodes are up already: nodes.sh down" >&2; exit 64; }
        trap 'down' ERR
        network "${2:-3}"
        starting=()
        for n in $(seq "${2:-3}"); do
            start "$n" &
            starting+=($!)
        done
        for one in "${starting[@]}"; do wait "$one"; done
        swarm
        ;;
    cut) ip link set "mnv${2#node}" down ;;
    heal) ip link set "mnv${2#node}" up ;;
    stop) stop "${2#node}" ;;
    start) start "${2#node}" ;;
    down) down ;;
    *) sed -n '3,8p' "$0" >&2; exit 64 ;;
esac
