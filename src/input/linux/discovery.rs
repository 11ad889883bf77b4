//! Messages of IPv6 neighbour discovery, as firewalls call them.
//!
//! Knows: names and numbers of protocols and of types of `ICMPv6`. Must never know: how a rule is spelled.

use crate::model::linux::{Discovery, Fits};

/// Tests of protocols: one of these.
pub(super) fn of_protocols(words: &[&str], negated: bool) -> Discovery {
    let one = words.iter().any(|w| {
        let word = w.to_ascii_lowercase();
        matches!(word.as_str(), "ipv6-icmp" | "icmpv6" | "icmp6" | "58")
    });
    Discovery::both(fits(one, negated))
}

/// Tests of types of `ICMPv6`: one of these.
pub(super) fn of_types(words: &[&str], negated: bool) -> Discovery {
    let (mut solicits, mut advertises) = (false, false);
    for word in words {
        match word.strip_suffix("/0").unwrap_or(word) {
            "135" | "nd-neighbor-solicit" | "neighbour-solicitation" | "neighbor-solicitation" => {
                solicits = true;
            }
            "136" | "nd-neighbor-advert" | "neighbour-advertisement" | "neighbor-advertisement" => {
                advertises = true;
            }
            "any" | "255" => (solicits, advertises) = (true, true),
            number if number.parse::<u8>().is_ok() => {}
            name if name.contains(|c: char| c.is_ascii_alphabetic()) && !name.contains('@') => {}
            // A code, a range, a named set.
            _ => return Discovery::both(Fits::Perhaps),
        }
    }
    Discovery {
        solicitation: fits(solicits, negated),
        advertisement: fits(advertises, negated),
    }
}

fn fits(one: bool, negated: bool) -> Fits {
    if one == negated {
        Fits::Never
    } else {
        Fits::Always
    }
}
