//! What a snapshot shows and the model does not cover: eBPF, IPVS, devices that decide by other means.
//!
//! Knows: by which signs they are known. Must never know: what follows for verdicts.

use super::record::{Record, records};
use crate::base::source::Span;
use crate::input::problems::Problems;
use crate::input::yaml::{Json, Node};
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

/// A port of a bridge that takes frames of those alone whom an entry names.
pub(super) fn port(
    name: &str,
    data: Record<'_>,
    unmodelled: &mut Vec<Strange>,
    problems: &mut Problems,
) {
    if data.truth("locked", problems) == Some(true) {
        let what = format!("bridge port {name}: it is locked, which is not modelled");
        let origin = data.entry("locked").map_or(data.start(), |e| e.key_span);
        note(what, Reach::Device(name.to_owned()), origin, unmodelled);
    }
}

/// A VXLAN device that answers for those behind it, and asks nobody.
pub(super) fn vxlan(
    name: &str,
    data: Record<'_>,
    unmodelled: &mut Vec<Strange>,
    problems: &mut Problems,
) {
    if data.truth("proxy", problems) == Some(true) {
        let what = format!("VXLAN device {name}: its flag `proxy` is not modelled");
        let origin = data.entry("proxy").map_or(data.start(), |e| e.key_span);
        note(what, Reach::Device(name.to_owned()), origin, unmodelled);
    }
}

/// A device that belongs to another one, which is no bridge.
pub(super) fn enslaved(kind: &str, name: &str, origin: Span, unmodelled: &mut Vec<Strange>) {
    // The wires of a bond or team carry what the bond sends.
    if !matches!(kind, "bond" | "team") {
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
        }
    }
}
