//! Settings of `sysctl` that the model does not follow, and the values with which they change nothing.
//!
//! Knows: names and values. Must never know: the settings that are modelled (`lower` asks for those).

use std::collections::BTreeMap;

use super::strange::SHORT;
use crate::base::source::Span;
use crate::model::linux::{Reach, Strange};

/// Which values change nothing.
#[derive(Debug, Clone, Copy)]
enum Harmless {
    /// These.
    One(&'static [i64]),
    /// So many or more.
    From(i64),
}

/// Names, with a star for a device; harmless values; what it does.
#[rustfmt::skip]
const SETTINGS: &[(&str, Harmless, &str)] = &[
    ("net.ipv4.fwmark_reflect", Harmless::One(&[0]), "answers have marks by it"),
    ("net.ipv6.fwmark_reflect", Harmless::One(&[0]), "answers have marks by it"),
    ("net.ipv4.tcp_fwmark_accept", Harmless::One(&[0]), "answers have marks by it"),
    ("net.ipv4.ip_default_ttl", Harmless::From(SHORT), "messages may die of age"),
    ("net.ipv6.conf.*.hop_limit", Harmless::From(SHORT), "messages may die of age"),
    ("net.ipv6.conf.*.force_forwarding", Harmless::One(&[0]), "what is forwarded hangs on it"),
    ("net.ipv4.conf.*.proxy_arp_pvlan", Harmless::One(&[0]), "it answers for neighbours on the same link"),
    ("net.ipv4.conf.*.medium_id", Harmless::One(&[0]), "it says for whom proxy ARP answers"),
    ("net.ipv4.conf.*.arp_ignore", Harmless::One(&[0, 1, 8]), "whom it answers hangs on who asks"),
];

/// Their names.
pub fn names() -> impl Iterator<Item = &'static str> {
    SETTINGS.iter().map(|(name, ..)| *name)
}

/// Notes those that change something.
pub(super) fn settings(sysctls: &BTreeMap<String, (String, Span)>, unmodelled: &mut Vec<Strange>) {
    for &(pattern, harmless, why) in SETTINGS {
        // What new devices get is what they have, where the dump does not say more.
        let devices = sysctls.keys().filter_map(|name| device(pattern, name));
        let more = devices.into_iter().any(|d| d != "all" && d != "default");
        for (name, (value, origin)) in sysctls {
            if device(pattern, name).is_none_or(|d| d == "default" && more) {
                continue;
            }
            let value = value.trim();
            let number: Option<i64> = value.parse().ok();
            let fine = number.is_some_and(|n| match harmless {
                Harmless::One(all) => all.contains(&n),
                Harmless::From(least) => n >= least,
            });
            if !fine {
                unmodelled.push(Strange {
                    what: format!("{name} = {value}: {why}"),
                    reach: Reach::Messages,
                    origin: *origin,
                });
            }
        }
    }
}

/// The device that a name of a pattern is about; of a pattern without one, nothing. None for other names.
fn device<'n>(pattern: &str, name: &'n str) -> Option<&'n str> {
    match pattern.split_once('*') {
        None => (pattern == name).then_some(""),
        Some((before, after)) => name.strip_prefix(before)?.strip_suffix(after),
    }
}
