//! Entries of `open`: what a process listens on.
//!
//! Knows: the spellings `8080`, `9090/UDP`, `127.0.0.1:7070/TCP`, `[::1]:53/UDP`, `0.0.0.0:80`, `*:80`, `[::]:80`.
//! Must never know: which process it is.

use std::collections::HashMap;
use std::net::IpAddr;

use crate::base::diag::Diagnostic;
use crate::input::decode::{self, Fields, ip, show};
use crate::input::problems::Problems;
use crate::input::yaml::{Node, Value};
use crate::model::cluster::{Bind, Listener};
use crate::model::inet::Protocol;

/// The listeners of a process.
pub(super) fn open(fields: &mut Fields<'_>, problems: &mut Problems) -> Vec<Listener> {
    let mut listeners: Vec<Listener> = Vec::new();
    let mut seen: HashMap<(IpAddr, u8, u16, Protocol), usize> = HashMap::new();
    for node in fields.list("open", problems) {
        let Some(listener) = one(node, problems) else {
            continue;
        };
        let (address, kind) = match listener.bind {
            Bind::Any => (IpAddr::from([0; 4]), 0),
            Bind::AnyV4 => (IpAddr::from([0; 4]), 1),
            Bind::AnyV6 => (IpAddr::from([0; 16]), 1),
            Bind::Address(address) => (address, 2),
        };
        let key = (address, kind, listener.port, listener.protocol);
        if let Some(&there) = seen.get(&key) {
            let message = "the process listens on this twice";
            let there = listeners[there].origin;
            problems.push(
                Diagnostic::error("C008", listener.origin, message)
                    .related(there, "first written here"),
            );
            continue;
        }
        seen.insert(key, listeners.len());
        listeners.push(listener);
    }
    listeners
}

fn one(node: Node<'_>, problems: &mut Problems) -> Option<Listener> {
    let origin = node.span();
    let text = match node.value() {
        Value::Int(_) => {
            return Some(Listener {
                bind: Bind::Any,
                port: decode::port(node, problems)?,
                protocol: Protocol::Tcp,
                origin,
            });
        }
        Value::Str(text) => text,
        _ => {
            decode::wrong_type(
                node,
                "a port or a string such as `127.0.0.1:7070/TCP`",
                problems,
            );
            return None;
        }
    };
    match read(text) {
        Ok((bind, port, protocol)) => Some(Listener {
            bind,
            port,
            protocol,
            origin,
        }),
        Err((message, help)) => {
            let mut diagnostic = Diagnostic::error("C017", origin, message);
            diagnostic.help = help;
            problems.push(diagnostic);
            None
        }
    }
}

type Trouble = (String, Option<String>);

fn read(text: &str) -> Result<(Bind, u16, Protocol), Trouble> {
    let (rest, protocol) = match text.rsplit_once('/') {
        Some((rest, word)) => (rest, decode::protocol_text(word)?),
        None => (text, Protocol::Tcp),
    };
    let (host, port) = match rest.rsplit_once(':') {
        Some((host, port)) => (Some(host), port),
        None => (None, rest),
    };
    let bind = match host {
        None => Bind::Any,
        Some(host) => bind(host, text)?,
    };
    let port = decode::port_text(port).ok_or_else(|| {
        let help = "ports are the numbers from 1 to 65535; entries look like `8080`, `9090/UDP` or `127.0.0.1:7070/TCP`";
        (format!("{} is no port", show(port)), Some(help.to_owned()))
    })?;
    Ok((bind, port, protocol))
}

fn bind(host: &str, text: &str) -> Result<Bind, Trouble> {
    let inner = host.strip_prefix('[').and_then(|h| h.strip_suffix(']'));
    let address = match inner {
        None if host == "*" => return Ok(Bind::Any),
        // Without brackets it is not clear where an IPv6 address ends and the port begins.
        None if host.contains(':') => {
            let help = "an IPv6 address stands in brackets, as in `[::1]:53/UDP`";
            return Err((
                format!("{} is not clear", show(text)),
                Some(help.to_owned()),
            ));
        }
        None => ip(host)?,
        Some(inner) => {
            let address = ip(inner)?;
            if address.is_ipv4() {
                let help = format!("write {host} without the brackets");
                return Err((format!("{} is no IPv6 address", show(inner)), Some(help)));
            }
            address
        }
    };
    match address {
        IpAddr::V4(v4) if v4.is_unspecified() => Ok(Bind::AnyV4),
        IpAddr::V6(v6) if v6.is_unspecified() => Ok(Bind::Any),
        address if address.is_multicast() => {
            Err((format!("{} is a multicast address", show(host)), None))
        }
        address => Ok(Bind::Address(address)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spellings() {
        let local = IpAddr::from([127, 0, 0, 1]);
        let local6: IpAddr = "::1".parse().unwrap_or(local);
        for (text, expected) in [
            ("8080", (Bind::Any, 8080, Protocol::Tcp)),
            ("9090/UDP", (Bind::Any, 9090, Protocol::Udp)),
            (
                "127.0.0.1:7070/TCP",
                (Bind::Address(local), 7070, Protocol::Tcp),
            ),
            ("[::1]:53/UDP", (Bind::Address(local6), 53, Protocol::Udp)),
            ("0.0.0.0:80", (Bind::AnyV4, 80, Protocol::Tcp)),
            ("*:80", (Bind::Any, 80, Protocol::Tcp)),
            ("[::]:80/SCTP", (Bind::Any, 80, Protocol::Sctp)),
        ] {
            assert_eq!(read(text), Ok(expected), "{text}");
        }
        for bad in [
            "",
            "0",
            "65536",
            "80/tcp",
            "80/",
            "::1:53",
            "[127.0.0.1]:1",
            "127.0.0.01:1",
            ":80",
            "x:80",
            "1-2",
            "224.0.0.1:5",
            "+80",
            "[::ffff:1.2.3.4]:80",
        ] {
            assert!(read(bad).is_err(), "{bad}");
        }
    }
}
