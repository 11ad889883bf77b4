//! What chains and their rules are called.
//!
//! Must never know: what they do.

use crate::model::linux::{Chain, ChainFamily, FirewallRule};

/// The tool that shows a chain.
pub(super) fn tool(chain: &Chain) -> &'static str {
    match (chain.iptables, chain.family) {
        (true, ChainFamily::V6) => "ip6tables",
        (true, _) => "iptables",
        (false, _) => "nft",
    }
}

/// `iptables nat POSTROUTING: -s 10.1.0.0/16 -o eth0 -j MASQUERADE`.
pub(super) fn said(chain: &Chain, rule: &FirewallRule) -> String {
    let (text, own) = (rule.text.trim(), format!("-A {} ", chain.name));
    let text = text.strip_prefix(&own).unwrap_or(text);
    format!("{} {} {}: {text}", tool(chain), chain.table, chain.name)
}
