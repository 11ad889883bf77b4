//! Addresses, prefixes, ports and protocols as people write them.
//!
//! Knows: their spellings and the usual slips. Must never know: whose address it is.

use std::net::IpAddr;

use super::{show, string, wrong_type};
use crate::base::diag::Diagnostic;
use crate::base::source::Span;
use crate::input::problems::Problems;
use crate::input::yaml::{Node, Value};
use crate::model::cluster::Address;
use crate::model::inet::{IpNet, PortSet, Protocol};

/// An address, or what is wrong with it and how to mend it.
pub fn ip(text: &str) -> Result<IpAddr, (String, Option<String>)> {
    let parsed: Result<IpAddr, _> = text.parse();
    match parsed {
        Ok(IpAddr::V6(v6)) => match v6.to_ipv4_mapped() {
            // Two spellings of one address would be two addresses to every rule.
            Some(v4) => Err((
                format!("{} is an IPv4 address in IPv6 clothes", show(text)),
                Some(format!("write `{v4}`")),
            )),
            None => Ok(v6.into()),
        },
        Ok(v4) => Ok(v4),
        Err(_) => Err((format!("{} is no IP address", show(text)), slip(text))),
    }
}

/// What was probably meant by a text that is no address.
fn slip(text: &str) -> Option<String> {
    let parts: Vec<&str> = text.split('.').collect();
    let digits = |p: &&str| !p.is_empty() && p.len() < 12 && p.bytes().all(|b| b.is_ascii_digit());
    if parts.len() == 4 && parts.iter().all(digits) {
        if parts.iter().any(|p| p.len() > 1 && p.starts_with('0')) {
            let plain = parts.iter().map(|p| match p.trim_start_matches('0') {
                "" => "0",
                rest => rest,
            });
            let plain = plain.collect::<Vec<_>>().join(".");
            return Some(format!(
                "leading zeros are refused, since some programs read them as octal; write `{plain}`"
            ));
        }
        return Some("each of the four numbers is at most 255".to_owned());
    }
    if let Some((address, length)) = text.split_once('/')
        && ip(address).is_ok()
        && length.parse::<u8>().is_ok()
    {
        return Some(format!(
            "a single address is wanted here, not a prefix; write `{address}`"
        ));
    }
    if let Some((address, _)) = text.split_once('%')
        && ip(address).is_ok()
    {
        return Some(format!("zones are not read; write `{address}`"));
    }
    None
}

fn tell(
    problems: &mut Problems,
    code: &'static str,
    span: Span,
    message: String,
    help: Option<String>,
) {
    let mut diagnostic = Diagnostic::error(code, span, message);
    diagnostic.help = help;
    problems.push(diagnostic);
}

/// A single address.
pub fn address(node: Node<'_>, problems: &mut Problems) -> Option<Address> {
    let origin = node.span();
    match ip(string(node, problems)?) {
        Ok(ip) => Some(Address { ip, origin }),
        Err((message, help)) => {
            tell(problems, "I021", origin, message, help);
            None
        }
    }
}

/// A prefix, or an address, which is a prefix of full length.
pub fn prefix(node: Node<'_>, problems: &mut Problems) -> Option<IpNet> {
    let text = string(node, problems)?;
    let mut refuse = |code, message, help| {
        tell(problems, code, node.span(), message, help);
        None
    };
    let Some((address, length)) = text.split_once('/') else {
        return match ip(text) {
            Ok(ip) => Some(IpNet::from(ip)),
            Err((message, help)) => refuse("I021", message, help),
        };
    };
    let ip = match ip(address) {
        Ok(ip) => ip,
        Err((message, help)) => return refuse("I021", message, help),
    };
    let most = if ip.is_ipv4() { 32 } else { 128 };
    let digits = length.bytes().all(|b| b.is_ascii_digit());
    let plain = digits && (length.len() == 1 || !length.starts_with('0'));
    let net = length
        .parse()
        .ok()
        .filter(|_| plain)
        .and_then(|length| IpNet::new(ip, length).ok());
    let Some(net) = net else {
        let message = format!("{} is no prefix length", show(length));
        return refuse(
            "I022",
            message,
            Some(format!("it is a number from 0 to {most}")),
        );
    };
    if net.addr() != net.network() {
        let message = format!("{} has bits set beyond its length", show(text));
        let help = format!(
            "write `{}` for the prefix, or `{ip}` for the one address",
            net.trunc()
        );
        return refuse("I022", message, Some(help));
    }
    Some(net)
}

/// A port number.
pub fn port(node: Node<'_>, problems: &mut Problems) -> Option<u16> {
    let message = match node.value() {
        Value::Int(number) => match u16::try_from(number) {
            Ok(port) if port > 0 => return Some(port),
            _ => format!("{number} is no port"),
        },
        Value::Str(text) if text.parse::<u16>().is_ok() => {
            let diagnostic = Diagnostic::error(
                "I020",
                node.span(),
                "expected a port number, found a string",
            );
            problems.push(diagnostic.help("write it without quotes"));
            return None;
        }
        _ => {
            wrong_type(node, "a port number", problems);
            return None;
        }
    };
    tell(
        problems,
        "I023",
        node.span(),
        message,
        Some(PORTS.to_owned()),
    );
    None
}

const PORTS: &str = "ports are the numbers from 1 to 65535";

/// A port as text, as it stands in sets and in `address:port`.
pub fn port_text(text: &str) -> Option<u16> {
    let digits = !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit());
    text.parse().ok().filter(|&port: &u16| digits && port > 0)
}

/// A set of ports: a number, or text such as `80,443,1000-2000`.
pub fn port_set(node: Node<'_>, problems: &mut Problems) -> Option<PortSet> {
    let text = match node.value() {
        Value::Int(_) => return port(node, problems).map(PortSet::one),
        Value::Str(text) => text,
        _ => {
            wrong_type(
                node,
                "a port or a string such as `80,443,1000-2000`",
                problems,
            );
            return None;
        }
    };
    let mut ranges = Vec::new();
    for part in text.split(',') {
        let (low, high) = part.split_once('-').unwrap_or((part, part));
        match (port_text(low.trim()), port_text(high.trim())) {
            (Some(low), Some(high)) if low <= high => ranges.push((low, high)),
            (Some(_), Some(_)) => {
                let message = format!("the range {} runs backwards", show(part.trim()));
                let help = format!("write `{}-{}`", high.trim(), low.trim());
                tell(problems, "I023", node.span(), message, Some(help));
                return None;
            }
            _ => {
                let message = format!("{} is no port and no range of ports", show(part.trim()));
                let help = format!("{PORTS}; sets look like `80,443,1000-2000`");
                tell(problems, "I023", node.span(), message, Some(help));
                return None;
            }
        }
    }
    Some(PortSet::of(ranges))
}

/// A protocol.
pub fn protocol(node: Node<'_>, problems: &mut Problems) -> Option<Protocol> {
    let text = string(node, problems)?;
    match protocol_text(text) {
        Ok(protocol) => Some(protocol),
        Err((message, help)) => {
            tell(problems, "I024", node.span(), message, help);
            None
        }
    }
}

/// A protocol as text.
pub fn protocol_text(text: &str) -> Result<Protocol, (String, Option<String>)> {
    Protocol::parse(text).ok_or_else(|| {
        let message = format!("{} is no protocol", show(text));
        let upper = Protocol::parse(text.trim().to_uppercase().as_str());
        let help = upper.map_or_else(
            || "known are `TCP`, `UDP` and `SCTP`".to_owned(),
            |p| format!("write it in capitals: `{p}`"),
        );
        (message, Some(help))
    })
}
