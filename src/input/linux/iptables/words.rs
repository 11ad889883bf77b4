//! A rule's words, and how `iptables-save` spells numbers, ports, addresses and states.
//!
//! Must never know: what an option means.

use crate::input::linux::record::{ip, net, number};
use crate::model::inet::{IpNet, PortSet};
use crate::model::linux::CtState;
use std::net::IpAddr;

/// The words of a rule, to be taken one by one.
#[derive(Debug)]
pub(super) struct Words {
    /// In reverse order.
    rest: Vec<String>,
    /// `!` was met before the last option.
    pub(super) negated: bool,
}

impl Words {
    /// Splits a text at blanks; within double quotes a blank is none, and `\` takes the next character as it is.
    pub(super) fn of(text: &str) -> Result<Self, &'static str> {
        let mut all = Vec::new();
        let mut word: Option<String> = None;
        let mut quoted = false;
        let mut chars = text.chars();
        while let Some(c) = chars.next() {
            match c {
                '"' => {
                    quoted = !quoted;
                    word.get_or_insert_default();
                }
                '\\' if quoted => word.get_or_insert_default().extend(chars.next()),
                ' ' | '\t' if !quoted => all.extend(word.take()),
                c => word.get_or_insert_default().push(c),
            }
        }
        if quoted {
            return Err("a quotation mark is not closed");
        }
        all.extend(word);
        all.reverse();
        Ok(Self {
            rest: all,
            negated: false,
        })
    }

    /// The next option, `!` before it taken note of.
    pub(super) fn next(&mut self) -> Option<String> {
        self.negated = false;
        let mut word = self.rest.pop()?;
        while word == "!" {
            self.negated = !self.negated;
            word = self.rest.pop()?;
        }
        Some(word)
    }

    /// The value of an option; old dumps have `!` there.
    pub(super) fn value(&mut self, option: &str) -> Result<String, String> {
        let mut word = self.rest.pop();
        if word.as_deref() == Some("!") {
            self.negated = !self.negated;
            word = self.rest.pop();
        }
        word.ok_or_else(|| format!("`{option}` wants a value"))
    }

    /// The value of an option, where there is one: the next word is no option.
    pub(super) fn maybe(&mut self) -> Option<String> {
        let next = self.rest.last()?;
        if next.starts_with('-') && next.len() > 1 || next == "!" {
            return None;
        }
        self.rest.pop()
    }

    /// All words that are left.
    pub(super) fn rest(&mut self) -> Self {
        Self {
            rest: std::mem::take(&mut self.rest),
            negated: false,
        }
    }
}

/// `0x4000/0x4000`; without a mask all bits count.
pub(super) fn masked(text: &str) -> Option<(u32, u32)> {
    match text.split_once('/') {
        Some((value, mask)) => Some((number(value)?, number(mask)?)),
        None => Some((number(text)?, u32::MAX)),
    }
}

/// `80`, `1000:2000`, `:1023`, `1024:`, and a list of these.
pub(super) fn ports(text: &str) -> Option<PortSet> {
    let mut ranges = Vec::new();
    for part in text.split(',') {
        let (low, high) = part.split_once(':').unwrap_or((part, part));
        let low = if low.is_empty() { 0 } else { low.parse().ok()? };
        let high = if high.is_empty() {
            u16::MAX
        } else {
            high.parse().ok()?
        };
        ranges.push((low, high));
    }
    Some(PortSet::of(ranges))
}

/// A list of prefixes.
pub(super) fn nets(text: &str) -> Option<Vec<IpNet>> {
    text.split(',').map(net).collect()
}

/// How many addresses or ports a range may stand for.
const MOST: u128 = 256;

/// `10.0.0.1` or `10.0.0.1-10.0.0.9`, each of them.
pub(super) fn addresses(text: &str) -> Option<Vec<IpAddr>> {
    let Some((low, high)) = text.split_once('-') else {
        return Some(vec![ip(text)?]);
    };
    match (ip(low)?, ip(high)?) {
        (IpAddr::V4(low), IpAddr::V4(high)) => {
            let (low, high) = (u32::from(low), u32::from(high));
            let few = low <= high && u128::from(high - low) < MOST;
            few.then(|| (low..=high).map(|n| IpAddr::V4(n.into())).collect())
        }
        (IpAddr::V6(low), IpAddr::V6(high)) => {
            let (low, high) = (u128::from(low), u128::from(high));
            let few = low <= high && high - low < MOST;
            few.then(|| (low..=high).map(|n| IpAddr::V6(n.into())).collect())
        }
        _ => None,
    }
}

/// A state of `--ctstate`.
pub(super) fn state(word: &str) -> Option<CtState> {
    Some(match word {
        "NEW" => CtState::New,
        "ESTABLISHED" => CtState::Established,
        "RELATED" => CtState::Related,
        "INVALID" => CtState::Invalid,
        "UNTRACKED" => CtState::Untracked,
        "SNAT" => CtState::Snat,
        "DNAT" => CtState::Dnat,
        _ => return None,
    })
}
