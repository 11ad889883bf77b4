#!/bin/sh
# Takes a snapshot of the network of this node and of the pods on it, for `kubeproof verify DIR`.
#
#   sh collect.sh DIR           run as root on every node; what it writes into DIR lies beside that of other nodes
#   sh collect.sh --merge DIR   lists all namespaces below DIR in DIR/snapshot.yaml again, after folders were copied together
#
# It reads and changes nothing: every command below lists or shows. It writes below DIR alone. Tools that are missing leave
# their file out, and are told. Put what `kubectl get pods,nodes,services,endpointslices,networkpolicies,namespaces -A -o yaml`
# prints into DIR too: then pods have their names, and Services and policies are known.

set -u
umask 077
LC_ALL=C
export LC_ALL

tell() { printf '%s\n' "collect: $*" >&2; }
usage() { tell "usage: sh collect.sh [--merge] DIR"; exit 2; }

# One line for each namespace, kept in its folder; together they are the list.
list() {
    {
        echo 'apiVersion: kubeproof.dev/v1'
        echo 'kind: LinuxSnapshot'
        echo 'namespaces:'
        cat "$1"/*/.namespace
        echo '# What joins the nodes is in no dump. Say it, with the interface by which each of them is on it:'
        echo '# wires:'
        echo '# - {name: lan, ends: [node-1/eth0, node-2/eth0]}'
    } > "$1/snapshot.yaml"
}

merge=no
if [ "${1-}" = --merge ]; then
    merge=yes
    shift
fi
[ $# -eq 1 ] || usage
dir=$1
mkdir -p "$dir" || exit 2
if [ "$merge" = yes ]; then
    list "$dir"
    exit 0
fi
[ "$(id -u)" -eq 0 ] || { tell "root is needed to look into the namespaces of pods"; exit 2; }
for tool in ip bridge ss nsenter readlink; do
    command -v "$tool" > /dev/null || { tell "$tool is needed"; exit 2; }
done

failed=0

# show PID FILE COMMAND...: what a command prints in the namespace of a process.
show() {
    pid=$1
    file=$2
    shift 2
    if ! command -v "$1" > /dev/null; then
        tell "$1 is not there: $file is left out"
        return
    fi
    if nsenter -t "$pid" -n "$@" > "$file" 2> "$file.said"; then
        # What `iptables-save` does not show, it says beside its output.
        case "$file" in *.txt) grep '^#' "$file.said" >> "$file" || true ;; esac
        rm -f "$file.said"
    else
        rm -f "$file" "$file.said"
        tell "'$*' failed: $file is left out"
        failed=1
    fi
}

# Whether a part of the kernel is there, built in or as a module.
loaded() { grep -q " $1" /proc/kallsyms; }

# The kernel's settings that decide; a `sysctl -a` takes long, and these are all in one place.
settings() {
    # shellcheck disable=SC2016 # the variables are those of the inner shell
    nsenter -t "$1" -n sh -c '
        cd /proc/sys || exit 1
        for f in net/ipv4/ip_forward net/ipv4/conf/*/rp_filter net/ipv4/conf/*/proxy_arp net/ipv4/conf/*/proxy_arp_pvlan \
            net/ipv4/conf/*/route_localnet net/ipv4/conf/*/forwarding net/ipv4/conf/*/arp_ignore net/ipv4/conf/*/arp_filter \
            net/ipv4/conf/*/arp_announce net/ipv4/conf/*/accept_local net/ipv4/conf/*/src_valid_mark \
            net/ipv4/conf/*/medium_id net/ipv4/conf/*/ignore_routes_with_linkdown net/ipv4/fib_multipath_hash_policy \
            net/ipv4/fwmark_reflect net/ipv4/tcp_fwmark_accept net/ipv4/ip_default_ttl net/ipv6/fwmark_reflect \
            net/ipv6/conf/*/forwarding net/ipv6/conf/*/force_forwarding net/ipv6/conf/*/disable_ipv6 \
            net/ipv6/conf/*/proxy_ndp net/ipv6/conf/*/hop_limit net/ipv6/conf/*/ignore_routes_with_linkdown \
            net/netfilter/nf_conntrack_tcp_be_liberal net/bridge/bridge-nf-*; do
            [ -r "$f" ] || continue
            value=$(cat "$f" 2> /dev/null) || continue
            printf "%s = %s\n" "$f" "$value"
        done'
}

# take PID FOLDER: all dumps of the namespace of a process.
take() {
    mkdir -p "$2" || exit 2
    show "$1" "$2/link.json" ip -j -d link
    show "$1" "$2/addr.json" ip -j addr
    show "$1" "$2/route-all.json" ip -j -d route show table all
    show "$1" "$2/rule.json" ip -j rule
    show "$1" "$2/rule6.json" ip -j -6 rule
    show "$1" "$2/neigh.json" ip -j neigh show nud all
    show "$1" "$2/neigh-proxy.json" ip -j neigh show proxy
    show "$1" "$2/netns-ids.json" ip -j netns list-id
    show "$1" "$2/bridge-link.json" bridge -j -d link
    show "$1" "$2/bridge-fdb.json" bridge -j fdb
    show "$1" "$2/tc-qdisc.json" tc -j qdisc
    if loaded xfrm_policy; then
        show "$1" "$2/xfrm-policy.txt" ip xfrm policy
    else
        : > "$2/xfrm-policy.txt"
    fi
    show "$1" "$2/ss-listen.txt" ss -tulnpH
    show "$1" "$2/iptables-save.txt" iptables-save
    show "$1" "$2/ip6tables-save.txt" ip6tables-save
    # Asking for what is not loaded would load it; what is not loaded has no rules.
    if loaded nf_tables_; then
        show "$1" "$2/nft.json" nft -j list ruleset
    else
        echo '{"nftables": []}' > "$2/nft.json"
    fi
    if loaded ip_set_; then
        show "$1" "$2/ipset-save.txt" ipset save
    fi
    if [ -e /sys/module/sctp ]; then
        nsenter -t "$1" -n ss -SlnpH 2> /dev/null | sed 's/^/sctp /' >> "$2/ss-listen.txt"
    fi
    settings "$1" > "$2/sysctl.txt"
}

# The name that `ip netns` has for a namespace, by its number.
netns_name() {
    for f in /run/netns/* /var/run/netns/*; do
        [ -e "$f" ] || continue
        if [ "$(stat -L -c %i "$f" 2> /dev/null)" = "$1" ]; then
            basename "$f"
            return
        fi
    done
}

clean() { printf '%s' "$1" | tr -c 'A-Za-z0-9.-' '-'; }

node=$(clean "$(hostname)")
own=$(readlink /proc/1/ns/net)
tell "node $node"
take 1 "$dir/$node"
printf -- "- {name: '%s', kind: Node}\n" "$node" > "$dir/$node/.namespace"

seen=" $own "
for proc in /proc/[0-9]*; do
    net=$(readlink "$proc/ns/net" 2> /dev/null) || continue
    case $seen in
        *" $net "*) continue ;;
    esac
    seen="$seen$net "
    pid=${proc#/proc/}
    # A namespace with nothing but `lo` is nobody's network.
    devices=$(nsenter -t "$pid" -n ip -o link 2> /dev/null | wc -l)
    [ "$devices" -gt 1 ] || continue
    number=${net#net:[}
    number=${number%]}
    # A pod's host name is its own name, unless it says otherwise; objects beside are matched by address too.
    name=$(clean "$(nsenter -t "$pid" -u hostname 2> /dev/null)")
    if [ -z "$name" ] || [ "$name" = "$node" ] || [ -e "$dir/$name/.namespace" ]; then
        name="$node-$number"
    fi
    tell "pod $name"
    take "$pid" "$dir/$name"
    netns=$(netns_name "$number")
    printf -- "- {name: '%s', kind: Pod, node: '%s', netns: '%s'}\n" "$name" "$node" "${netns:-net-$number}" \
        > "$dir/$name/.namespace"
done

list "$dir"
tell "written: $dir"
exit "$failed"
