//! What a snapshot shows and the model does not cover: eBPF, IPVS, devices that decide by other means.
//!
//! Knows: by which signs they are known. Must never know: what follows for verdicts.

use super::record::{Record, records};
use crate::base::source::Span;
use crate::input::problems::Problems;
use crate::input::yaml::{Json, Node, Value};
use crate::model::linux::{Reach, Strange};

fn note(what: String, reach: Reach, origin: Span, unmodelled: &mut Vec<Strange>) {
    unmodelled.push(Strange {
        what,
        reach,
        origin,
    });
}

/// A device whose programs, and not the routes, say where messages go.
pub(super) fn device(name: &str, kind: &str, record: Record<'_>, unmodelled: &mut Vec<Strange>) {
    let origin = record.get("ifname").map_or(record.start(), Node::span);
    let here = || Reach::Device(name.to_owned());
    let lxc = name.strip_prefix("lxc");
    let lxc = lxc.is_some_and(|rest| {
        rest == "_health" || rest.len() > 8 && rest.bytes().all(|b| b.is_ascii_hexdigit())
    });
    if name.starts_with("cilium_") || lxc {
        let what =
            format!("device {name}: eBPF programs of Cilium decide what happens to messages");
        note(what, here(), origin, unmodelled);
    } else if name == "kube-ipvs0" {
        let what = "device kube-ipvs0: IPVS translates the addresses of Services, and is not in these dumps";
        note(what.to_owned(), Reach::Messages, origin, unmodelled);
    } else if matches!(kind, "netkit" | "ifb") {
        note(
            format!("device {name}: its kind {kind} is not modelled"),
            here(),
            origin,
            unmodelled,
        );
    }
    if let Some(entry) = record.map.get("xdp") {
        let what = format!("device {name}: an XDP program decides what happens to messages");
        note(what, here(), entry.key_span, unmodelled);
    }
}

/// What a port of a bridge may be told, and who gets which frames hangs on.
#[rustfmt::skip]
const PORT: &[&str] = &[
    "locked", "mab", "neigh_suppress", "neigh_vlan_suppress", "proxy_arp", "proxy_arp_wifi", "vlan_tunnel", "backup_port",
];

/// What a VXLAN device may be told: to answer for those behind it, to take or to send another kind of outer message.
#[rustfmt::skip]
const VXLAN: &[&str] = &[
    "proxy", "rsc", "gbp", "gpe", "vnifilter", "remcsum_tx", "remcsum_rx", "udp_zero_csum6_tx", "localbind", "fwmark",
];

/// The same of a tunnel without link-layer addresses.
const TUNNEL: &[&str] = &[
    "external", "encap", "fwmark", "6rd", "isatap", "iseq", "oseq",
];

/// A port of a bridge.
pub(super) fn port(name: &str, data: Record<'_>, unmodelled: &mut Vec<Strange>) {
    told("bridge port", name, data, PORT, unmodelled);
}

/// A bridge: one that forgets at once whom it heard sends to nobody by a port that floods nothing unknown.
pub(super) fn bridge(name: &str, data: Record<'_>, unmodelled: &mut Vec<Strange>) {
    let forgets = data.entry("ageing_time");
    let forgets = forgets.filter(|e| matches!(e.value.value(), Value::Int(0)));
    if let Some(entry) = forgets {
        let what = format!("bridge {name}: it forgets at once whom it heard (`ageing_time` 0)");
        note(what, Reach::Frames, entry.key_span, unmodelled);
    }
}

/// A VXLAN device.
pub(super) fn vxlan(name: &str, record: Record<'_>, data: Record<'_>, all: &mut Vec<Strange>) {
    told("VXLAN device", name, data, VXLAN, all);
    outside("VXLAN device", name, record, data, all);
}

/// A tunnel without link-layer addresses.
pub(super) fn tunnel(name: &str, record: Record<'_>, data: Record<'_>, all: &mut Vec<Strange>) {
    told("tunnel", name, data, TUNNEL, all);
    outside("tunnel", name, record, data, all);
}

/// Each of these flags that is set.
fn told(noun: &str, name: &str, data: Record<'_>, keys: &[&str], unmodelled: &mut Vec<Strange>) {
    for entry in data.map.iter().filter(|e| keys.contains(&e.key)) {
        let off = match entry.value.value() {
            Value::Bool(on) => !on,
            Value::Int(n) => n == 0,
            Value::Str(word) => matches!(word, "off" | "no" | "false" | "none" | "0" | "0x0"),
            // Tools print null for what has no value but its name.
            _ => false,
        };
        if !off {
            let what = format!("{noun} {name}: `{}` is not modelled", entry.key);
            let reach = Reach::Device(name.to_owned());
            note(what, reach, entry.key_span, unmodelled);
        }
    }
}

/// Outer messages that live for few hops, or that are sent in the namespace where the device was made.
fn outside(noun: &str, name: &str, record: Record<'_>, data: Record<'_>, all: &mut Vec<Strange>) {
    for key in ["ttl", "hoplimit"] {
        if let Some(entry) = data.entry(key).filter(|e| is_short(e.value)) {
            let what = format!("{noun} {name}: its outer messages may die of age");
            note(what, Reach::Device(name.to_owned()), entry.key_span, all);
        }
    }
    if let Some(entry) = record.entry("link_netnsid") {
        let what = format!("{noun} {name}: its outer messages travel in another namespace");
        note(what, Reach::Device(name.to_owned()), entry.key_span, all);
    }
}

/// Messages that live for fewer hops than this may die of age, which is not modelled.
pub(super) const SHORT: i64 = 64;

/// Whether a number of hops is that small; zero says nothing.
pub(super) fn is_short(node: Node<'_>) -> bool {
    matches!(node.value(), Value::Int(hops) if (1..SHORT.into()).contains(&hops))
}

/// A device that belongs to another one, which is no bridge.
pub(super) fn enslaved(
    kind: &str,
    own: &str,
    name: &str,
    origin: Span,
    unmodelled: &mut Vec<Strange>,
) {
    // The wires of a bond or team carry what the bond sends: what is behind them is not in the snapshot.
    if !(matches!(kind, "bond" | "team") && own.is_empty()) {
        let what =
            format!("device {name}: it is part of a device of kind {kind}, which is not modelled");
        note(what, Reach::Messages, origin, unmodelled);
    }
}

/// `tc -j qdisc`: where filters may be attached that drop, change or redirect.
pub(super) fn qdiscs(json: &Json, unmodelled: &mut Vec<Strange>, problems: &mut Problems) {
    for record in records(json, problems) {
        let kind = record.text("kind", problems).unwrap_or_default();
        if matches!(kind, "clsact" | "ingress") {
            let device = record.text("dev", problems);
            let what = format!(
                "device {}: filters of `tc` may decide what happens to messages",
                device.unwrap_or("?")
            );
            let reach = device.map_or(Reach::Frames, |d| Reach::Device(d.to_owned()));
            note(what, reach, record.start(), unmodelled);
        } else if !QUEUES.contains(&kind) {
            let device = record.text("dev", problems).unwrap_or("?");
            let what = format!("device {device}: its queue `{kind}` may lose what it is handed");
            let reach = Reach::Device(device.to_owned());
            note(what, reach, record.start(), unmodelled);
        }
    }
}

/// Queues that hand on what they are handed, unless there is too much of it.
const QUEUES: &[&str] = &[
    "noqueue",
    "pfifo_fast",
    "pfifo",
    "bfifo",
    "pfifo_head_drop",
    "mq",
    "mqprio",
    "fq",
    "fq_codel",
    "codel",
    "cake",
    "sfq",
    "tbf",
    "htb",
    "prio",
];

/// `ip xfrm policy`: what must be encrypted, and is lost where it is not.
pub(super) fn encryption(text: &str, origin: Span, unmodelled: &mut Vec<Strange>) {
    if text.lines().any(|line| !line.trim().is_empty()) {
        let what = "policies of IPsec (`ip xfrm`) decide what is encrypted and what is refused";
        note(what.to_owned(), Reach::Messages, origin, unmodelled);
    }
}

/// A mode of devices that take all that comes in by the device below them.
pub(super) const PASSTHRU: &str = "passthru";
