//! Families of addresses: nothing is sent from one to the other, so who is to be reached needs one that the sender has.
//!
//! Without this "reaches" would hold of two that have no way to speak to each other at all: nothing that was sent got lost.
//!
//! Source: kubernetes.io, *IPv4/IPv6 dual-stack*. Must never know: a cluster.

use super::peer::{any, is_one_of};
use crate::model::intent::{IntentPeer, Who};

/// X, who is one of `from`, can send to address `a` at all: from an address of its own, and as a host of a block from the
/// one that it is meant by, sa.
pub(super) fn can_send(from: &[IntentPeer], a: &str) -> String {
    let is_block = |p: &&IntentPeer| matches!(p.who, Who::Block(_));
    let blocks: Vec<IntentPeer> = from.iter().filter(is_block).cloned().collect();
    let own = format!("shares-family(X, {a})");
    if blocks.is_empty() {
        own
    } else if blocks.len() == from.len() {
        same("sa", a)
    } else {
        let of_block = any(&is_one_of(&blocks, "X", "sa"));
        format!("{own} ∧ (¬{of_block} ∨ {})", same("sa", a))
    }
}

/// Both addresses are of one family.
pub(super) fn same(a: &str, b: &str) -> String {
    format!("(ipv4({a}) ∧ ipv4({b}) ∨ ipv6({a}) ∧ ipv6({b}))")
}
