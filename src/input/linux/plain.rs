//! Dumps in plain text: `sysctl -a` and `ss -tulnH`.
//!
//! Knows: their columns. Must never know: which process is which entity.

use std::collections::BTreeMap;
use std::net::IpAddr;

use super::record::ip;
use crate::base::diag::Diagnostic;
use crate::base::source::{SourceId, Span};
use crate::input::decode::show;
use crate::input::problems::Problems;
use crate::model::inet::Protocol;

/// The lines of a text with the place of each.
pub(super) fn lines(source: SourceId, text: &str) -> impl Iterator<Item = (&str, Span)> {
    let mut at = 0;
    text.split_inclusive('\n').map(move |whole| {
        let line = whole.trim_end_matches(['\n', '\r']);
        let span = Span {
            source,
            start: at as u32,
            end: (at + line.len()) as u32,
        };
        at += whole.len();
        (line, span)
    })
}

/// `name = value`, a line each.
pub(super) fn sysctls(
    source: SourceId,
    text: &str,
    problems: &mut Problems,
) -> BTreeMap<String, (String, Span)> {
    let mut all = BTreeMap::new();
    let mut empty = true;
    for (line, span) in lines(source, text) {
        let trimmed = line.trim();
        // Of keys that are not to be read, `sysctl -a` complains.
        let complains = ["sysctl:", "error:"].iter().any(|w| trimmed.starts_with(w));
        if trimmed.is_empty() || trimmed.starts_with('#') || complains {
            continue;
        }
        empty = false;
        let Some((name, value)) = trimmed.split_once('=') else {
            if !problems.skips() {
                let message = format!("{} is no `name = value`", show(trimmed));
                problems.push(Diagnostic::error("S008", span, message));
            }
            continue;
        };
        // `net/ipv4/ip_forward` is the same name, and `eth0/100` the device `eth0.100`.
        let name = name.trim().replace('/', ".");
        all.insert(name, (value.trim().to_owned(), span));
    }
    if empty && !problems.skips() {
        let span = Span {
            source,
            start: 0,
            end: 0,
        };
        let diagnostic = Diagnostic::error("S008", span, "this dump of `sysctl` has no setting");
        problems.push(diagnostic.help("the kernel has them in every namespace; take it again"));
    }
    all
}

/// Where a socket is bound, as `ss` prints it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Bound {
    /// `*`: both families.
    Any,
    /// `0.0.0.0`.
    AnyV4,
    /// `[::]`: IPv6 alone.
    AnyV6,
    /// One address.
    Address(IpAddr),
}

/// A socket of `ss`.
#[derive(Debug)]
pub(super) struct Heard {
    pub(super) protocol: Protocol,
    pub(super) bound: Bound,
    /// The device it is bound to.
    pub(super) device: Option<String>,
    pub(super) port: u16,
    /// The first process of `users:(("nginx",…))`.
    pub(super) process: Option<String>,
    pub(super) origin: Span,
}

/// The sockets that listen.
pub(super) fn sockets(source: SourceId, text: &str, problems: &mut Problems) -> Vec<Heard> {
    let mut all = Vec::new();
    for (line, span) in lines(source, text) {
        let mut words = line.split_whitespace();
        let Some(kind) = words.next() else {
            continue;
        };
        let protocol = match kind {
            "tcp" | "mptcp" => Protocol::Tcp,
            "udp" => Protocol::Udp,
            "sctp" => Protocol::Sctp,
            // Without a kind it is not known of which protocol a socket is.
            "LISTEN" | "UNCONN" => {
                broken(line, span, problems);
                continue;
            }
            // The head line; sockets that take part in no connection of the model; further lines of one socket.
            _ => continue,
        };
        let Some(state) = words.next() else {
            broken(line, span, problems);
            continue;
        };
        // A datagram socket that is connected takes from its peer only.
        if !matches!(state, "LISTEN" | "UNCONN") {
            continue;
        }
        let local = words.nth(2);
        let process = words.nth(1).and_then(process);
        let read = local.and_then(endpoint);
        let Some((bound, device, port)) = read else {
            broken(line, span, problems);
            continue;
        };
        all.push(Heard {
            protocol,
            bound,
            device: device.map(str::to_owned),
            port,
            process: process.map(str::to_owned),
            origin: span,
        });
    }
    all
}

fn broken(line: &str, span: Span, problems: &mut Problems) {
    if !problems.skips() {
        let message = format!("{} is no line of `ss -tuln`", show(line.trim()));
        let diagnostic = Diagnostic::error("S008", span, message);
        problems.push(
            diagnostic.help("wanted are the columns of `ss -tulnH` of iproute2 4.17 or later"),
        );
    }
}

/// `127.0.0.53%lo:53`, `[::]:80`, `*:443`.
fn endpoint(text: &str) -> Option<(Bound, Option<&str>, u16)> {
    let (address, port) = text.rsplit_once(':')?;
    let port = port.parse().ok().filter(|p| *p > 0)?;
    let (address, device) = match address.split_once('%') {
        // `[fe80::1]%eth0` and `[fe80::1%eth0]`.
        Some((address, device)) => (address, Some(device.trim_end_matches(']'))),
        None => (address, None),
    };
    // Tools that print IPv6 without brackets do not tell `0.0.0.0` from `*`: who listens on `::` may take IPv4 too.
    if address.contains(':') && !address.starts_with('[') {
        return None;
    }
    let plain = address.trim_start_matches('[').trim_end_matches(']');
    let bound = match plain {
        "*" => Bound::Any,
        "0.0.0.0" => Bound::AnyV4,
        "::" => Bound::AnyV6,
        _ => Bound::Address(ip(plain)?),
    };
    Some((bound, device, port))
}

fn process(text: &str) -> Option<&str> {
    let rest = text.strip_prefix("users:((\"")?;
    let (name, _) = rest.split_once('"')?;
    (!name.is_empty()).then_some(name)
}
