//! What a snapshot shows and the model does not cover: eBPF, IPVS, devices that decide by other means.
//!
//! Knows: by which signs they are known. Must never know: what follows for verdicts.

use super::record::{Record, records};
use crate::base::source::Span;
use crate::input::problems::Problems;
use crate::input::yaml::{Json, Node};
use crate::model::linux::Strange;

fn note(what: String, origin: Span, unmodelled: &mut Vec<Strange>) {
    unmodelled.push(Strange { what, origin });
}

/// A device whose programs, and not the routes, say where messages go.
pub(super) fn device(name: &str, kind: &str, record: Record<'_>, unmodelled: &mut Vec<Strange>) {
    let origin = record.get("ifname").map_or(record.start(), Node::span);
    let lxc = name.strip_prefix("lxc");
    let lxc = lxc.is_some_and(|rest| {
        rest == "_health" || rest.len() > 8 && rest.bytes().all(|b| b.is_ascii_hexdigit())
    });
    if name.starts_with("cilium_") || lxc {
        let what =
            format!("device {name}: eBPF programs of Cilium decide what happens to messages");
        note(what, origin, unmodelled);
    } else if name == "kube-ipvs0" {
        let what = "device kube-ipvs0: IPVS translates the addresses of Services, and is not in these dumps";
        note(what.to_owned(), origin, unmodelled);
    } else if matches!(kind, "netkit" | "ifb") {
        note(
            format!("device {name}: its kind {kind} is not modelled"),
            origin,
            unmodelled,
        );
    }
    if let Some(entry) = record.map.get("xdp") {
        let what = format!("device {name}: an XDP program decides what happens to messages");
        note(what, entry.key_span, unmodelled);
    }
}

/// A device that belongs to another one, which is no bridge.
pub(super) fn enslaved(kind: &str, name: &str, origin: Span, unmodelled: &mut Vec<Strange>) {
    // The wires of a bond or team carry what the bond sends.
    if !matches!(kind, "bond" | "team") {
        let what =
            format!("device {name}: it is part of a device of kind {kind}, which is not modelled");
        note(what, origin, unmodelled);
    }
}

/// `tc -j qdisc`: where filters may be attached that drop, change or redirect.
pub(super) fn qdiscs(json: &Json, unmodelled: &mut Vec<Strange>, problems: &mut Problems) {
    for record in records(json, problems) {
        let kind = record.text("kind", problems).unwrap_or_default();
        if matches!(kind, "clsact" | "ingress") {
            let device = record.text("dev", problems).unwrap_or("?");
            let what =
                format!("device {device}: filters of `tc` may decide what happens to messages");
            note(what, record.start(), unmodelled);
        }
    }
}
