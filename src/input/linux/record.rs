//! Records of JSON dumps: `ip`, `bridge` and others print lists of objects.
//!
//! Knows: how these tools spell truth, numbers and addresses. Must never know: which keys a dump has.
//!
//! Unknown keys are passed over here: tools print many. Who reads a dump says which of them would change its meaning.

use std::net::IpAddr;

use crate::base::diag::Diagnostic;
use crate::base::source::Span;
use crate::input::decode::{self, show};
use crate::input::problems::Problems;
use crate::input::yaml::{Entry, Json, Map, Node, Value};
use crate::model::inet::{Family, IpNet};

/// An object of a dump.
#[derive(Debug, Clone, Copy)]
pub(super) struct Record<'t> {
    pub(super) map: Map<'t>,
    pub(super) span: Span,
}

/// All records of a dump. Tools print empty objects for what their filters leave out: they are none.
pub(super) fn records<'t>(json: &'t Json, problems: &mut Problems) -> Vec<Record<'t>> {
    let mut all = Vec::new();
    for value in json.values() {
        let Some(list) = decode::list(value, problems) else {
            continue;
        };
        for item in list.iter() {
            all.extend(Record::of(item, problems).filter(|r| !r.map.is_empty()));
        }
    }
    all
}

impl<'t> Record<'t> {
    pub(super) fn of(node: Node<'t>, problems: &mut Problems) -> Option<Self> {
        let Some(map) = node.as_map() else {
            decode::wrong_type(node, "an object", problems);
            return None;
        };
        Some(Self {
            map,
            span: node.span(),
        })
    }

    pub(super) fn entry(&self, key: &str) -> Option<Entry<'t>> {
        self.map.get(key).filter(|e| !e.value.is_null())
    }

    /// Whether the key is there; tools print null for what has no value (`"not":null`).
    pub(super) fn has(&self, key: &str) -> bool {
        self.map.get(key).is_some()
    }

    pub(super) fn get(&self, key: &str) -> Option<Node<'t>> {
        self.entry(key).map(|e| e.value)
    }

    /// A field that must be there.
    pub(super) fn needed(&self, key: &str, problems: &mut Problems) -> Option<Node<'t>> {
        let value = self.get(key);
        if value.is_none() && !problems.skips() {
            let message = format!("an object of this dump has no `{key}`");
            problems.push(Diagnostic::error("S006", self.start(), message));
        }
        value
    }

    /// Where it begins: underlining all of it helps nobody.
    pub(super) fn start(&self) -> Span {
        Span {
            end: self.span.start,
            ..self.span
        }
    }

    pub(super) fn text(&self, key: &str, problems: &mut Problems) -> Option<&'t str> {
        decode::string(self.get(key)?, problems)
    }

    /// A word; tools print numbers for what has no name (`table 100`, `protocol 17`).
    pub(super) fn word(&self, key: &str, problems: &mut Problems) -> Option<String> {
        let node = self.get(key)?;
        match node.value() {
            Value::Int(n) => Some(n.to_string()),
            _ => decode::string(node, problems).map(str::to_owned),
        }
    }

    /// A number, also in quotes and in hexadecimal: `fwmark 0x4000`.
    pub(super) fn number(&self, key: &str, problems: &mut Problems) -> Option<u32> {
        let node = self.get(key)?;
        let number = match node.value() {
            Value::Int(n) => u32::try_from(n).ok(),
            Value::Str(text) => number(text),
            _ => None,
        };
        if number.is_none() && !problems.skips() {
            let message = format!("`{key}` is no number of 32 bits");
            problems.push(Diagnostic::error("S006", node.span(), message));
        }
        number
    }

    /// Yes or no: `true`, `1`, `"on"`.
    pub(super) fn truth(&self, key: &str, problems: &mut Problems) -> Option<bool> {
        let node = self.get(key)?;
        match node.value() {
            Value::Bool(truth) => Some(truth),
            Value::Int(n @ 0..=1) => Some(n == 1),
            Value::Str("on" | "yes" | "true" | "1") => Some(true),
            Value::Str("off" | "no" | "false" | "0") => Some(false),
            _ => {
                decode::wrong_type(node, "`true` or `false`", problems);
                None
            }
        }
    }

    /// Whether a list of words holds this one; newer tools print one word without a list around it.
    pub(super) fn flag(&self, key: &str, word: &str) -> bool {
        match self.get(key).map(Node::value) {
            Some(Value::Seq(list)) => list.iter().any(|n| n.as_str() == Some(word)),
            Some(Value::Str(only)) => only == word,
            _ => false,
        }
    }

    pub(super) fn address(&self, key: &str, problems: &mut Problems) -> Option<IpAddr> {
        let node = self.get(key)?;
        let found = ip(decode::string(node, problems)?);
        if found.is_none() {
            no_address(node, problems);
        }
        found
    }

    /// A prefix as routes have it: `default`, `10.1.0.0/16`, `10.1.1.1`. `family` says what `default` is of.
    pub(super) fn net(&self, key: &str, family: Family, problems: &mut Problems) -> Option<IpNet> {
        let node = self.get(key)?;
        let text = decode::string(node, problems)?;
        let found = match text {
            "default" | "all" => whole(family),
            _ => net(text),
        };
        if found.is_none() {
            no_address(node, problems);
        }
        found
    }
}

fn no_address(node: Node<'_>, problems: &mut Problems) {
    if !problems.skips() {
        let word = node.as_str().unwrap_or_default();
        let message = format!("{} is no address", show(word));
        problems.push(Diagnostic::error("S006", node.span(), message));
    }
}

/// All addresses of a family.
pub(super) fn whole(family: Family) -> Option<IpNet> {
    let zero: IpAddr = match family {
        Family::V4 => std::net::Ipv4Addr::UNSPECIFIED.into(),
        Family::V6 => std::net::Ipv6Addr::UNSPECIFIED.into(),
    };
    IpNet::new(zero, 0).ok()
}

/// An address; one of IPv4 in IPv6 clothes is of IPv4 to the kernel too.
pub(super) fn ip(text: &str) -> Option<IpAddr> {
    let ip: IpAddr = text.parse().ok()?;
    Some(ip.to_canonical())
}

/// A prefix; bits beyond its length are cleared, as the kernel does. The mask may be an address (`255.255.0.0`).
pub(super) fn net(text: &str) -> Option<IpNet> {
    let Some((address, length)) = text.split_once('/') else {
        return ip(text).map(IpNet::from);
    };
    let address: IpAddr = address.parse().ok()?;
    if let Ok(mask) = length.parse::<IpAddr>() {
        return IpNet::with_netmask(address, mask).ok().map(|n| n.trunc());
    }
    let length = length.parse().ok()?;
    IpNet::new(address, length).ok().map(|n| n.trunc())
}

/// A number, in decimal or hexadecimal.
pub(super) fn number(text: &str) -> Option<u32> {
    match text.strip_prefix("0x").or_else(|| text.strip_prefix("0X")) {
        Some(hex) if !hex.starts_with('+') => u32::from_str_radix(hex, 16).ok(),
        Some(_) => None,
        None if text.starts_with('+') => None,
        None => text.parse().ok(),
    }
}
